"""Making and mending single hosts: starting process 1, its mounts, and the way by which it is reached."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from orchestrator.errors import TestbedError
from orchestrator.testbeds import host_init, ip_tool, links, root_plan, ssh_server
from orchestrator.testbeds.deadline import Deadline
from orchestrator.testbeds.paths import HOST_MARK, PATH, Folders
from orchestrator.testbeds.processes import Identity, read_identity
from orchestrator.testbeds.survey import log_of, plan_text
from orchestrator.testbeds.topology import MANAGEMENT, MadeHost

START_S = 10.0


def launch(host: MadeHost, folders: Folders, plan: dict[str, Any]) -> Identity:
    """Start a host that does not run and wait until its mounts are made. Raises TestbedError."""
    folder = folders.host(host.name)
    for place in (folder / "root", folders.home(host.name), folders.workdir(host.name)):
        place.mkdir(parents=True, exist_ok=True)
    folders.home(host.name).chmod(0o700)
    (folder / "init.json").unlink(missing_ok=True)
    _write_plan(folder, plan)
    _run_host_init("start", host, folders)
    identity = read_identity(folder / "init.json", f"{folders.testbed}/{host.name}")
    if identity is None:
        raise _failure("process 1 ended at once", host, folders)
    return identity


def mend_mounts(host: MadeHost, folders: Folders, plan: dict[str, Any], replace: set[str]) -> None:
    """Carry out what is missing of the plan in a running host.

    What an earlier plan mounted differently, and what is in `replace`, is unmounted first. Raises TestbedError.
    """
    folder = folders.host(host.name)
    kept: dict[str, Any] = {"steps": []}
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    after = root_plan.mount_paths(plan["steps"])
    changed = {path for path, step in root_plan.mount_paths(kept["steps"]).items() if after.get(path) != step}
    unfinished = set(kept.get("replace", ()))  # of a controller that ended in the middle of this
    _write_plan(folder, {**plan, "replace": sorted(changed | unfinished | replace)})
    _run_host_init("repair", host, folders)
    _write_plan(folder, plan)


def connect(host: MadeHost, process: Identity, management: IPv4Network, seen: ip_tool.Network | None) -> None:
    """Make or mend the management link of a host; `seen` is its network as it was found, None if it has just started.

    Raises TestbedError.
    """
    machine = ip_tool.network()
    if seen is None or not links.management_joined(host.interface, machine, seen):
        if seen is not None and MANAGEMENT in seen.interfaces:
            delete_in_host(process, host.name, [MANAGEMENT])
        delete_interface(host.interface)
        ip_tool.batch(links.make_management(host.interface, process.pid), host=host.name)
    switch = Path("/proc/sys/net/ipv6/conf", host.interface, "disable_ipv6")
    if switch.exists():
        switch.write_text("1", encoding="ascii")
    ip_tool.batch(links.configure_machine(host.interface, management), host=host.name)
    ip_tool.batch(links.configure_management(management), pid=process.pid, host=host.name)


def delete_interface(name: str) -> bool:
    """Delete one of our interfaces from the machine's namespace; False if it is not there (any more)."""
    if not Path("/sys/class/net", name).exists():
        return False
    try:
        ip_tool.batch([f"link delete dev {name}"])
    except TestbedError:
        if Path("/sys/class/net", name).exists():
            raise
        return False  # it went by itself: its other end's namespace was being freed
    return True


def delete_in_host(process: Identity, host: str, names: list[str]) -> None:
    """Delete interfaces in a host; one that goes by itself meanwhile (its peer's host ended) is as good as deleted."""
    for name in names:
        try:
            ip_tool.batch([f"link delete dev {name}"], pid=process.pid, host=host)
        except TestbedError:
            if name in ip_tool.network(process.pid, host).interfaces:
                raise


def _write_plan(folder: Path, plan: dict[str, Any]) -> None:
    """The plan holds the host's private key: only root may read it."""
    temporary = folder / "plan.json.new"
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(plan_text(plan), encoding="utf-8")
    temporary.replace(folder / "plan.json")


def _run_host_init(action: str, host: MadeHost, folders: Folders) -> None:
    """Run `host_init` under the system's Python until it (or the process 1 it started) has said how it went."""
    folder = folders.host(host.name)
    argv = ["/usr/bin/python3", "-I", "-S", str(host_init.__file__), action, str(folder)]
    environment = {"PATH": PATH, HOST_MARK: f"{folders.testbed}/{host.name}"}
    log = os.open(log_of(folders, host.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(log)
    deadline = Deadline(START_S)
    assert process.stdout is not None  # noqa: S101 - asked for above
    with process.stdout as pipe:
        said = _read_line(pipe.fileno(), deadline)
    try:
        status = process.wait(deadline.left() + 0.1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise _failure(f"{action} did not end within {START_S:g} s", host, folders) from None
    if status or said not in (("ready",) if action == "start" else ("",)):
        raise _failure(said or f"{action} failed", host, folders)


def _read_line(pipe: int, deadline: Deadline) -> str:
    """What is written to a pipe until a line or the pipe ends, or the deadline passes."""
    text = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    while not text.endswith(b"\n") and poll.poll(deadline.left() * 1000):
        part = os.read(pipe, 4096)
        if not part:
            break
        text += part
    return text.decode(errors="replace").strip()


def _failure(what: str, host: MadeHost, folders: Folders) -> TestbedError:
    log = log_of(folders, host.name)
    return TestbedError(
        f"{what}; the log ends: {ssh_server.tail(log)}",
        host=host.name,
        process="init",
        remedy=f"the whole log is {log}",
    )
