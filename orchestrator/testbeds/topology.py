"""What a testbed of namespaces consists of, worked out from an inventory before anything is made. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import PurePosixPath

from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import kernel_address, mac, memif_folder, peer_of, tap_name
from orchestrator.inventory.model import Host, Hugepages, Inventory, Link, NicRef

MIN_HOSTS, MAX_HOSTS = 2, 8
MANAGEMENT = "mgmt0"
"""The interface of every host that its sshd listens on."""
DEFAULT_HUGEPAGES = Hugepages(pages=128, size="2M")
_RESERVED = ("lo", MANAGEMENT, ".", "..", "all", "default")
_NEEDED_ELSEWHERE = ("/usr", "/etc", "/proc", "/sys", "/dev", "/bin", "/sbin", "/lib")


@dataclass(frozen=True)
class Port:
    """One end of a veth link as its host's kernel has it.

    `holder` carries MAC and address: the interface itself, or the bridge whose ports are interface and tap.
    """

    host: str
    link: str
    interface: str
    mac: str
    mtu: int
    address: IPv4Interface
    peer_address: IPv4Address
    peer_mac: str
    bridge: str | None = None
    tap: str | None = None

    @property
    def holder(self) -> str:
        """Name of the interface with the address."""
        return self.bridge or self.interface

    @property
    def interface_mac(self) -> str:
        """The MAC of the veth end: as a port of a bridge it has one of its own, equally fixed."""
        return self.mac if self.bridge is None else f"02:00:00:01{self.mac[11:]}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every interface that this end needs in its host."""
        return tuple(name for name in (self.interface, self.bridge, self.tap) if name is not None)


@dataclass(frozen=True)
class VethLink:
    """A veth pair between two hosts."""

    name: str
    ends: tuple[Port, Port]


@dataclass(frozen=True)
class MadeHost:
    """A host to make. `index` is its place in the file, which root-side interface names are made of."""

    name: str
    index: int
    interface: str
    hugepages: Hugepages
    workdir: str
    memif: tuple[tuple[str, str], ...]
    """The memif links that end at this host: name, and the folder where the host sees it."""


@dataclass(frozen=True)
class Topology:
    """A whole testbed."""

    name: str
    hosts: tuple[MadeHost, ...]
    veths: tuple[VethLink, ...]
    memifs: tuple[str, ...]

    def ports(self, host: str) -> tuple[Port, ...]:
        """The ends of veth links at a host."""
        return tuple(port for link in self.veths for port in link.ends if port.host == host)


def interface_prefix(testbed: str) -> str:
    """What the names of a testbed's interfaces in the machine's own network namespace begin with (11 characters)."""
    return f"dt{hashlib.sha256(testbed.encode()).hexdigest()[:8]}m"


def topology(inventory: Inventory) -> Topology:
    """Work out and check the testbed of an inventory. Raises UsageError with every problem that was found."""
    if inventory.testbed is None:
        raise UsageError(
            "the inventory names hosts that exist already; there is no testbed to make",
            remedy="add `testbed: {kind: namespaces, name: NAME}` if this machine is to make them",
        )
    problems = list(_problems(inventory))
    if problems:
        raise UsageError("; ".join(problems), remedy=f"correct the inventory of testbed {inventory.testbed.name}")
    hosts = tuple(_host(inventory, index, host) for index, host in enumerate(inventory.hosts))
    veths = tuple(
        VethLink(link.name, (_port(inventory, link, link.ends[0]), _port(inventory, link, link.ends[1])))
        for link in inventory.links
        if link.kind == "veth"
    )
    memifs = tuple(link.name for link in inventory.links if link.kind == "memif")
    made = Topology(inventory.testbed.name, hosts, veths, memifs)
    clashes = [f"host {host.name}: {name}" for host in hosts for name in _repeated(made.ports(host.name))]
    if clashes:
        raise UsageError(
            f"interface names that are taken twice or reserved: {', '.join(clashes)}",
            remedy=f"rename them (reserved: {', '.join(_RESERVED)})",
        )
    return made


def _problems(inventory: Inventory) -> Iterable[str]:
    if not MIN_HOSTS <= len(inventory.hosts) <= MAX_HOSTS:
        yield f"a testbed of namespaces has {MIN_HOSTS} to {MAX_HOSTS} hosts, not {len(inventory.hosts)}"
    for name, count in Counter(host.name for host in inventory.hosts).items():
        if count > 1:
            yield f"{count} hosts are called {name}"
    for host in inventory.hosts:
        if not _usable(PurePosixPath(host.workdir)):
            yield f"workdir {host.workdir} of host {host.name} is not an absolute path of its own"
    for link in inventory.links:
        if link.kind == "wire":
            yield f"link {link.name} is a wire, which cannot be made; write kind veth or memif"
            continue
        for ref in link.ends:
            nic = next((n for h in inventory.hosts if h.name == ref.host for n in h.nics if n.name == ref.nic), None)
            if nic is None:
                yield f"link {link.name} ends at {ref}, which does not exist"
            elif link.kind == "veth" and nic.interface is None:
                yield f"link {link.name} is a veth pair but {ref} has no interface"
            elif nic.vdev == "tap" and nic.bridge is None:
                yield f"{ref} is a tap without a bridge"
        if link.ends[0].host == link.ends[1].host:
            yield f"link {link.name} joins {link.ends[0].host} to itself"


def _usable(workdir: PurePosixPath) -> bool:
    """A place that a host's disk may be mounted on."""
    if not workdir.is_absolute() or ".." in workdir.parts or len(workdir.parts) < 2:
        return False
    return not any(workdir.is_relative_to(place) for place in _NEEDED_ELSEWHERE)


def _repeated(ports: tuple[Port, ...]) -> list[str]:
    counts = Counter(name for port in ports for name in port.names)
    return [name for name, count in counts.items() if count > 1 or name in _RESERVED]


def _host(inventory: Inventory, index: int, host: Host) -> MadeHost:
    ends_here = tuple(
        (link.name, memif_folder(link))
        for link in inventory.links
        if link.kind == "memif" and host.name in {end.host for end in link.ends}
    )
    assert inventory.testbed is not None  # noqa: S101 - topology() refused that
    prefix = interface_prefix(inventory.testbed.name)
    return MadeHost(
        host.name, index, f"{prefix}{index}", host.hugepages or DEFAULT_HUGEPAGES, str(host.workdir), ends_here
    )


def _port(inventory: Inventory, link: Link, ref: NicRef) -> Port:
    nic = inventory.host(ref.host).nic(ref.nic)
    peer = peer_of(inventory, ref)
    assert nic.interface is not None  # noqa: S101 - topology() refused that
    tapped = nic.vdev == "tap"
    return Port(
        host=ref.host,
        link=link.name,
        interface=nic.interface,
        mac=mac(inventory, ref),
        mtu=link.mtu,
        address=kernel_address(inventory, ref),
        peer_address=kernel_address(inventory, peer).ip,
        peer_mac=mac(inventory, peer),
        bridge=nic.bridge,
        tap=tap_name(nic) if tapped else None,
    )
