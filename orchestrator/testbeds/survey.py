"""Looking at a testbed: what is there and what is missing of it. Changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, TypeVar

from orchestrator.errors import TestbedError
from orchestrator.testbeds import ip_tool, links, root_plan, ssh_server
from orchestrator.testbeds.host_init import mount_points
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.processes import Identity, read_identity
from orchestrator.testbeds.state import State
from orchestrator.testbeds.topology import MadeHost, Topology

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Finding:
    """Something that is missing: what kind of thing, at which host (and of which link), in words."""

    kind: Literal["links", "host", "mounts", "management", "link", "sshd"]
    host: str
    what: str
    link: str = ""

    def __str__(self) -> str:
        return f"{self.host or self.link}: {self.what}"


@dataclass(frozen=True)
class HostView:
    """One host as it was found; `process`, `network` are None for a host that does not run."""

    process: Identity | None
    mounts: frozenset[str]
    plan_differs: bool
    stale: frozenset[str]
    """Places where the host still sees what the machine has replaced since (an upgraded file, a new file system)."""
    network: ip_tool.Network | None
    sshd: bool


GONE = HostView(None, frozenset(), False, frozenset(), None, False)
"""A host that does not run."""


@dataclass(frozen=True)
class View:
    """A testbed as it was found."""

    hosts: dict[str, HostView]
    machine: ip_tool.Network
    links_mounted: bool


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results in order, each made in a thread of its own; the first error is raised once all have ended."""
    work = list(items)
    if not work:
        return []
    with ThreadPoolExecutor(max_workers=len(work)) as pool:
        futures = [pool.submit(function, item) for item in work]
    return [future.result() for future in futures]


def plan_text(plan: dict[str, Any]) -> str:
    """A host's plan as it is kept on disk."""
    return json.dumps(plan, indent=1)


def look(testbed: Topology, state: State, folders: Folders, plans: dict[str, dict[str, Any]]) -> View:
    """Look at every host in parallel. Takes some 10 ms."""

    def look_at(host: MadeHost) -> HostView:
        return _look_at_host(host, folders, plans[host.name], state.address(host.name))

    with ThreadPoolExecutor(max_workers=1) as pool:
        machine = pool.submit(ip_tool.network)
        hosts = in_parallel(look_at, testbed.hosts)
    mounted = str(folders.links) in mount_points("self")
    return View(dict(zip((host.name for host in testbed.hosts), hosts, strict=True)), machine.result(), mounted)


def _look_at_host(host: MadeHost, folders: Folders, plan: dict[str, Any], address: IPv4Address) -> HostView:
    process = read_identity(folders.host(host.name) / "init.json", f"{folders.testbed}/{host.name}")
    if process is None:
        return GONE
    try:
        kept = (folders.host(host.name) / "plan.json").read_text(encoding="utf-8")
        return HostView(
            process,
            frozenset(mount_points(str(process.pid))),
            kept != plan_text(plan),
            frozenset(_stale(process.pid, plan)),
            ip_tool.network(process.pid, host.name),
            ssh_server.listening(process.pid, address),
        )
    except (OSError, TestbedError):
        if process.alive():
            raise
        return GONE  # it ended while it was looked at


def _stale(pid: int, plan: dict[str, Any]) -> Iterator[str]:
    for path, step in root_plan.mount_paths(plan["steps"]).items():
        if step["do"] == "bind" and not step["inner"]:
            try:
                same = os.path.samestat(Path(step["source"]).stat(), Path(f"/proc/{pid}/root{path}").stat())
            except FileNotFoundError:
                same = False
            if not same:
                yield path


def missing(testbed: Topology, state: State, view: View, plans: dict[str, dict[str, Any]]) -> list[Finding]:
    """What a testbed lacks, in the order in which it has to be mended."""
    findings: list[Finding] = []
    if testbed.memifs and not view.links_mounted:
        findings.append(Finding("links", "", "no file system for memif links", ", ".join(testbed.memifs)))
    for host in testbed.hosts:
        findings += _host_findings(host, state, view, plans[host.name])
    for link in testbed.veths:
        first, second = (view.hosts[end.host].network for end in link.ends)
        if first is None or second is None or not links.joined(link, first, second):
            findings.append(Finding("link", "", "not there", link.name))
            continue
        for end, network in zip(link.ends, (first, second), strict=True):
            findings += [Finding("link", end.host, what, link.name) for what in links.port_problems(end, network)]
    return findings


def _host_findings(host: MadeHost, state: State, view: View, plan: dict[str, Any]) -> Iterator[Finding]:
    seen = view.hosts[host.name]
    if seen.process is None or seen.network is None:
        yield Finding("host", host.name, "not running")
        return
    wanted = root_plan.mount_paths(plan["steps"])
    lacking = sorted(set(wanted) - seen.mounts)
    if lacking:
        yield Finding("mounts", host.name, f"not mounted: {', '.join(lacking)}")
    elif seen.stale:
        yield Finding("mounts", host.name, f"replaced on the machine: {', '.join(sorted(seen.stale))}")
    elif seen.plan_differs:
        yield Finding("mounts", host.name, "made after another plan")
    problems = links.management_problems(host.interface, state.management[host.name], view.machine, seen.network)
    for what in problems:
        yield Finding("management", host.name, what)
    if not seen.sshd:
        yield Finding("sshd", host.name, "sshd does not listen")


def hugepage_share(process: Identity) -> tuple[int, int]:
    """Bytes of a host's hugetlbfs mount: its size, and what is free of it. Raises OSError."""
    found = os.statvfs(f"/proc/{process.pid}/root/dev/hugepages")
    return found.f_blocks * found.f_frsize, found.f_bfree * found.f_frsize


def log_of(folders: Folders, host: str) -> Path:
    """A host's log: what its process 1 and its sshd say."""
    return folders.host(host) / "log"
