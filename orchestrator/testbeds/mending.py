"""Making what a testbed lacks, in the order in which things need each other, hosts in parallel."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import TestbedError
from orchestrator.testbeds import host_init, hosts, ip_tool, links, processes, ssh_server
from orchestrator.testbeds.host_init import mount_points
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.processes import Identity
from orchestrator.testbeds.state import State
from orchestrator.testbeds.survey import Finding, View, in_parallel, log_of
from orchestrator.testbeds.topology import MadeHost, Topology, VethLink

SSHD_S = 10.0


@dataclass
class Mending:
    """One pass over a testbed of which `findings` are missing. Every method raises TestbedError."""

    testbed: Topology
    state: State
    folders: Folders
    plans: dict[str, dict[str, Any]]
    view: View
    findings: list[Finding]

    def run(self) -> None:
        """Make everything that was found missing."""
        self._mend_link_folders()
        dead = {finding.host for finding in self.findings if finding.kind == "host"}
        if dead:
            processes.end_all(
                process for name in dead for process in processes.marked(self.testbed.name, name)
            )  # what a controller that was killed left half-made
        running = dict(zip(self._names(), in_parallel(self._mend_host, self.testbed.hosts), strict=True))
        self._make_veths(running)
        in_parallel(lambda host: self._finish_host(host, running[host.name]), self.testbed.hosts)

    def _names(self) -> list[str]:
        return [host.name for host in self.testbed.hosts]

    def _of(self, kind: str) -> set[str]:
        return {finding.host for finding in self.findings if finding.kind == kind}

    def _mend_link_folders(self) -> None:
        mount_link_folders(self.folders, self.testbed.memifs)

    def _mend_host(self, host: MadeHost) -> Identity:
        seen = self.view.hosts[host.name]
        plan = self.plans[host.name]
        process = seen.process
        if process is None:
            process = hosts.launch(host, self.folders, plan)
        elif host.name in self._of("mounts"):
            hosts.mend_mounts(host, self.folders, plan, set(seen.stale))
        if seen.process is None or host.name in self._of("management"):
            hosts.connect(host, process, self.state.management[host.name], seen.network)
        return process

    def _make_veths(self, running: dict[str, Identity]) -> None:
        """Make the pairs that are not whole; an end that is left of one is removed first."""
        to_make = [link for link in self.testbed.veths if not self._is_joined(link)]
        stale: dict[str, list[str]] = defaultdict(list)
        new: dict[str, list[str]] = defaultdict(list)
        for link in to_make:
            for end in link.ends:
                network = self.view.hosts[end.host].network
                if network is not None and end.interface in network.interfaces:
                    stale[end.host].append(end.interface)
            first, second = link.ends
            new[first.host] += links.make_veth(link, running[second.host].pid)
        in_parallel(lambda item: hosts.delete_in_host(running[item[0]], item[0], item[1]), stale.items())
        in_parallel(lambda item: ip_tool.batch(item[1], pid=running[item[0]].pid, host=item[0]), new.items())

    def _is_joined(self, link: VethLink) -> bool:
        first, second = (self.view.hosts[end.host].network for end in link.ends)
        return first is not None and second is not None and links.joined(link, first, second)

    def _finish_host(self, host: MadeHost, process: Identity) -> None:
        """Configure the ends of links at a host and start its sshd."""
        wanting = {finding.link for finding in self.findings if finding.kind == "link"}
        seen = self.view.hosts[host.name].network
        lines: list[str] = []
        for port in self.testbed.ports(host.name):
            if port.link in wanting:
                lines += links.configure_port(port, seen.interfaces if seen is not None else {})
        ip_tool.batch(lines, pid=process.pid, host=host.name)
        if seen is None or host.name in self._of("sshd"):
            address = self.state.address(host.name)
            log = log_of(self.folders, host.name)
            ssh_server.start_server(process, host.name, address, log, wait_s=SSHD_S)


def mount_link_folders(folders: Folders, names: tuple[str, ...]) -> None:
    """The file system of a testbed's memif links, with a folder for each link. Raises TestbedError."""
    if not names:
        return
    if str(folders.links) not in mount_points("self"):
        folders.links.mkdir(parents=True, exist_ok=True)
        flags = sum(host_init.MOUNT_FLAGS.values())
        try:
            host_init.mount("links", str(folders.links), "tmpfs", flags, "mode=755,size=4m")
        except OSError as error:
            raise TestbedError(f"no file system for memif links: {error}", remedy="mounting needs root") from error
    for name in names:
        folders.link(name).mkdir(exist_ok=True)
