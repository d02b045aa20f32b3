"""What `testbed-status` tells."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.state import State
from orchestrator.testbeds.survey import HostView, hugepage_share, look, missing
from orchestrator.testbeds.topology import MadeHost, Topology


@dataclass(frozen=True)
class HostStatus:
    """One host. `init_pid` is in the machine's numbering and None for a host that does not run; the hugepage share is
    in bytes, 0 where there is none; `interface` is the machine's end of its management link.
    """

    name: str
    init_pid: int | None
    address: str
    interface: str
    sshd: bool
    mounts: tuple[str, ...]
    hugepages_bytes: int
    hugepages_free_bytes: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class LinkStatus:
    """One link and what is missing of it."""

    name: str
    kind: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class TestbedStatus:
    """A testbed and its owner."""

    __test__ = False
    name: str
    made_by: str
    hosts: tuple[HostStatus, ...]
    links: tuple[LinkStatus, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Everything that `up` would mend."""
        of_hosts = [f"{host.name}: {what}" for host in self.hosts for what in host.missing]
        return (*of_hosts, *(f"{link.name}: {what}" for link in self.links for what in link.missing))


def describe(testbed: Topology, state: State, folders: Folders, plans: dict[str, dict[str, Any]]) -> TestbedStatus:
    """Look at a testbed and put it into words. Raises TestbedError."""
    view = look(testbed, state, folders, plans)
    findings = missing(testbed, state, view, plans)

    def host_status(host: MadeHost) -> HostStatus:
        lacking = tuple(f.what for f in findings if f.host == host.name and not f.link)
        return _host_status(host, view.hosts[host.name], str(state.address(host.name)), lacking)

    def link_status(name: str, kind: str) -> LinkStatus:
        found = [f for f in findings if f.link == name or (f.kind == "links" and kind == "memif")]
        return LinkStatus(name, kind, tuple(f"{f.host}: {f.what}" if f.host else f.what for f in found))

    return TestbedStatus(
        testbed.name,
        state.made_by,
        tuple(host_status(host) for host in testbed.hosts),
        (
            *(link_status(link.name, "veth") for link in testbed.veths),
            *(link_status(name, "memif") for name in testbed.memifs),
        ),
    )


def _host_status(host: MadeHost, seen: HostView, address: str, lacking: tuple[str, ...]) -> HostStatus:
    total = free = 0
    if seen.process is not None:
        with contextlib.suppress(OSError):  # it ended since it was looked at
            total, free = hugepage_share(seen.process)
    return HostStatus(
        name=host.name,
        init_pid=seen.process.pid if seen.process is not None else None,
        address=address,
        interface=host.interface,
        sshd=seen.sshd,
        mounts=tuple(sorted(seen.mounts)),
        hugepages_bytes=total,
        hugepages_free_bytes=free,
        missing=lacking,
    )
