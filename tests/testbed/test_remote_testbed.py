"""The dead-man over real SSH on hosts of their own: nothing outlives its controller or its link, and none waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostBusy, HostUnreachable
from orchestrator.inventory.model import Host, Inventory
from orchestrator.remote import fleet
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.protocol import ProcessSpec, Remote

GONE_S = 5.0
CONTROLLER = """
    import sys, time
    from pathlib import Path
    from orchestrator.inventory.model import Host
    from orchestrator.remote.fabric_backend import FabricRemote
    from orchestrator.remote.protocol import ProcessSpec
    run_id, phase, *hosts = sys.argv[1:]
    remotes = [FabricRemote(Host.model_validate_json(text)) for text in hosts]
    script = "trap '' INT TERM; setsid sleep 300 & echo @ready; while :; do sleep 300; done"
    for remote in remotes:
        remote.hold(run_id, "the test")
        for name in ("one", "two"):
            spec = ProcessSpec(name, ("sh", "-c", script), f"/tmp/{run_id}", run_id, deadline_s=300)
            remote.start(spec).wait_ready()
    if phase == "window":
        for remote in remotes:
            remote.quiet(60)
    print("here", flush=True)
    if phase == "command":
        remotes[0].run(["sh", "-c", script], timeout_s=100)
    time.sleep(100)
"""


def of_run(run_id: str) -> list[int]:
    """Every process on this machine, in whatever namespace, that belongs to a run."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if f"DPDK_ORCHESTRATOR_RUN={run_id}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def seconds_until_gone(run_id: str, limit_s: float) -> float:
    began = time.monotonic()
    while of_run(run_id):
        if time.monotonic() - began > limit_s:
            raise AssertionError(f"still there after {limit_s} s: {of_run(run_id)}")
        time.sleep(0.05)
    return time.monotonic() - began


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def interface_to(host: Host) -> str:
    """The machine's end of a host's management link."""
    assert host.ssh is not None
    words = subprocess.run(
        ["ip", "-o", "route", "get", host.ssh.address], capture_output=True, text=True, check=True
    ).stdout.split()
    return words[words.index("dev") + 1]


@pytest.fixture
def run_id() -> str:
    return f"run-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def open_remote() -> Iterator[Callable[[Host], FabricRemote]]:
    made: list[FabricRemote] = []

    def connect(host: Host) -> FabricRemote:
        made.append(FabricRemote(host))
        return made[-1]

    yield connect
    for remote in made:
        remote.close()


@pytest.fixture
def broken_link(testbed: Inventory) -> Iterator[Callable[[], None]]:
    """Take alpha's management link away until the end of the test. Packets vanish; nobody gets a reset."""
    name = interface_to(testbed.host("alpha"))
    yield lambda: subprocess.run(["ip", "link", "set", name, "down"], check=True) and None
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    from orchestrator.testbeds import namespaces

    namespaces.up(testbed)


def sleeper(run_id: str, name: str = "sleeper") -> ProcessSpec:
    return ProcessSpec(name, ("sh", "-c", "echo @ready; exec sleep 300"), f"/tmp/{run_id}", run_id, deadline_s=300)


def test_run_on_every_host(testbed: Inventory, open_remote: Callable[[Host], FabricRemote]) -> None:
    remotes: dict[str, Remote] = {host.name: open_remote(host) for host in testbed.hosts}
    outcomes = fleet.each(remotes, lambda remote: remote.run(["hostname"]).stdout.strip(), deadline_s=15)
    assert fleet.values(outcomes) == {host.name: host.name for host in testbed.hosts}


@pytest.mark.parametrize("phase", ["processes", "command", "window"])
def test_controller_killed(testbed: Inventory, run_id: str, phase: str) -> None:
    hosts = [host.model_dump_json() for host in testbed.hosts]
    argv = [sys.executable, "-c", textwrap.dedent(CONTROLLER), run_id, phase, *hosts]
    root = str(Path(__file__).parents[2])
    controller = subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root})
    try:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"here\n"
        if phase == "command":
            time.sleep(0.3)
        assert len(of_run(run_id)) >= 8
    finally:
        controller.kill()
        controller.wait()
    assert seconds_until_gone(run_id, GONE_S) < GONE_S


def test_link_lost_outside_a_window(
    testbed: Inventory, run_id: str, open_remote: Callable[[Host], FabricRemote], broken_link: Callable[[], None]
) -> None:
    remote = open_remote(testbed.host("alpha"))
    remote.hold(run_id, "the test")
    process = remote.start(sleeper(run_id))
    process.wait_ready()
    broken_link()
    seconds_until_gone(run_id, GONE_S)
    with pytest.raises(HostUnreachable, match="alpha: connection lost"):
        process.wait(20)
    began = time.monotonic()
    remote.close()
    assert time.monotonic() - began < 3


def test_link_lost_inside_a_window(
    testbed: Inventory, run_id: str, open_remote: Callable[[Host], FabricRemote], broken_link: Callable[[], None]
) -> None:
    window_s = 6.0
    remote = open_remote(testbed.host("alpha"))
    remote.hold(run_id, "the test")
    remote.start(sleeper(run_id)).wait_ready()
    began = time.monotonic()
    remote.quiet(window_s)
    broken_link()
    time.sleep(max(0.0, began + window_s - time.monotonic()))
    assert of_run(run_id)  # the window was left alone
    seconds_until_gone(run_id, GONE_S)


def test_nothing_is_sent_in_a_window(
    testbed: Inventory, open_remote: Callable[[Host], FabricRemote], run_id: str
) -> None:
    host = testbed.host("alpha")
    remote = open_remote(host)
    process = remote.start(sleeper(run_id))
    process.wait_ready()
    counter = Path(f"/sys/class/net/{interface_to(host)}/statistics/tx_packets")
    remote.quiet(4.0)
    time.sleep(0.5)  # acknowledgements on their way
    before = int(counter.read_text())
    ticks = time.process_time()
    with pytest.raises(DeadlineExceeded):
        process.wait(3.0)
    assert int(counter.read_text()) - before <= 2  # a neighbour's or the tester's own, but no heartbeat each second
    assert time.process_time() - ticks < 0.05  # and the controller slept
    assert remote.run(["echo", "back"]).stdout == "back\n"


def test_a_host_that_hangs_does_not_block_the_other(
    testbed: Inventory, run_id: str, open_remote: Callable[[Host], FabricRemote]
) -> None:
    remotes: dict[str, Remote] = {name: open_remote(testbed.host(name)) for name in ("alpha", "beta")}
    for remote in remotes.values():
        remote.start(sleeper(run_id, remote.host)).wait_ready()
    hung = []
    for pid in of_run(run_id):
        if b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes():
            agent = parent(pid)
            alpha = Path(f"/proc/{agent}/ns/uts").stat().st_ino != 0 and _hostname(agent) == "alpha"
            if alpha:
                hung.append(parent(agent))
    assert len(hung) == 1
    os.kill(hung[0], signal.SIGSTOP)
    try:
        began = time.monotonic()
        outcomes = fleet.each(remotes, lambda remote: remote.run(["hostname"]).stdout.strip(), deadline_s=3.0)
        assert time.monotonic() - began < 4
        assert outcomes["beta"].value == "beta"
        assert isinstance(outcomes["alpha"].error, DeadlineExceeded)
        closed = fleet.close_all(remotes, deadline_s=9.0)
        assert [outcome.ok for outcome in closed.values()] == [True, True]
        assert time.monotonic() - began < 14
        seconds_until_gone(run_id, GONE_S)
    finally:
        os.kill(hung[0], signal.SIGCONT)


def _hostname(pid: int) -> str:
    return subprocess.run(
        ["nsenter", "-t", str(pid), "-u", "hostname"], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_lease_between_two_controllers(
    testbed: Inventory, run_id: str, open_remote: Callable[[Host], FabricRemote]
) -> None:
    first, second = (open_remote(testbed.host("alpha")) for _ in range(2))
    first.hold(run_id, "ann@desk")
    with pytest.raises(HostBusy, match=f"alpha: in use by run {run_id} of ann@desk since 20"):
        second.hold("another", "bob")
    first.close()
    second.hold("another", "bob")
    second.release()


def test_full_disk_on_the_host(testbed: Inventory, run_id: str, open_remote: Callable[[Host], FabricRemote]) -> None:
    remote = open_remote(testbed.host("alpha"))
    folder = f"/tmp/{run_id}"
    remote.run(["mkdir", folder])
    remote.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder])
    try:
        script = "echo @ready; while :; do echo 0123456789012345678901234567890123456789; done"
        process = remote.start(ProcessSpec("chatty", ("sh", "-c", script), folder, run_id))
        process.wait_ready()
        status = process.wait(10)
        assert status.reason == "log"
        assert status.detail == f"cannot write {folder}/chatty.stdout: No space left on device (ENOSPC)"
        assert '"reason": "log"' in remote.run(["cat", f"{folder}/chatty.status"]).stdout
        with pytest.raises(CommandFailed, match=rf"alpha: cannot write {folder}/big: No space left on device"):
            remote.put(b"x" * 1_000_000, f"{folder}/big")
        names = remote.run(["ls", folder]).stdout.split()
        assert names == ["chatty.argv", "chatty.status", "chatty.stderr", "chatty.stdout"]
    finally:
        remote.run(["umount", folder])


def test_address_that_nobody_has(testbed: Inventory) -> None:
    host = testbed.host("alpha")
    assert host.ssh is not None
    nowhere = host.model_copy(update={"ssh": host.ssh.model_copy(update={"address": "198.18.255.254"})})
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"alpha: root@198\.18\.255\.254 port"):
        FabricRemote(nowhere).connect()
    assert time.monotonic() - began < 8
