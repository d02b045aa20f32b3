"""What a testbed is: hosts, NICs, links, cores and hugepage wishes, as typed and frozen models.

The loader (`orchestrator.inventory.loader`) reads a YAML file into an `Inventory`; nothing here touches a host.
Sizes are in bytes unless a name says otherwise; addresses of test links lie in 198.18.0.0/15 (RFC 2544).
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
PciAddress = Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$")]
InterfaceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,15}$")]
MacAddress = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
PageSize = Literal["2M", "1G"]
Vdev = Literal["memif", "tap", "af_packet", "af_xdp"]
Role = Literal["dpdk", "kernel", "both"]

PAGE_BYTES: dict[PageSize, int] = {"2M": 2 << 20, "1G": 1 << 30}


def parse_cpus(value: object) -> object:
    """Turn a CPU list such as `"2-5,8"` into `(2, 3, 4, 5, 8)`; lists and `"auto"` pass through.

    The syntax is the kernel's cpulist format (Documentation/admin-guide/cputopology.rst).
    """
    if not isinstance(value, str) or value == "auto":
        return value
    cpus: list[int] = []
    for part in value.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"{part!r} is no CPU or range of CPUs; write for example 2-5,8")
        cpus.extend(range(int(first), int(last if dash else first) + 1))
    return tuple(cpus)


class Model(BaseModel):
    """Base of all inventory models: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoint(Model):
    """One SSH server: where it listens and how it is entered."""

    address: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(default="root", pattern=r"^[a-z_][a-z0-9_.-]*\$?$")
    key: Path | None = None
    known_hosts: Path | None = None
    """File with the host's key; `~/.ssh/known_hosts` where it is left out. A key that is not in it is refused."""


class Ssh(Endpoint):
    """How a host is reached, through zero or more jump hosts (first hop first)."""

    jump: tuple[Endpoint, ...] = ()


class Hugepages(Model):
    """What a host wishes to have free before a run."""

    pages: int = Field(ge=1, le=1 << 20)
    size: PageSize = "2M"
    node: int | None = Field(default=None, ge=0, le=255)

    @property
    def bytes(self) -> int:
        """Memory in bytes."""
        return self.pages * PAGE_BYTES[self.size]


class Nic(Model):
    """One network port of a host: a PCI device, a kernel interface, a virtual device, or an interface under one.

    * `pci`: a real NIC, given to DPDK as `-a BDF` (bound to `dpdk_driver` unless that is `bifurcated`);
    * `interface` alone: the kernel's, used by TCP, and by DPDK through af_packet;
    * `interface` with `vdev: af_packet | af_xdp`: the same, naming the driver;
    * `interface` with `vdev: tap`: the interface and a DPDK tap are ports of one bridge named `bridge`;
    * `vdev: memif`: shared memory; it has no interface.
    """

    name: Name
    pci: PciAddress | None = None
    interface: InterfaceName | None = None
    mac: MacAddress | None = None
    vdev: Vdev | None = None
    bridge: InterfaceName | None = None
    role: Role = "both"
    address: ipaddress.IPv4Interface | None = None
    """Address of the kernel's side, with its prefix length; a testbed of namespaces gives one itself."""
    dpdk_driver: Literal["vfio-pci", "bifurcated"] = "vfio-pci"
    memif_role: Literal["server", "client"] | None = None


class Host(Model):
    """A machine, real or made by a testbed."""

    name: Name
    ssh: Ssh | None = None
    cores: Annotated[tuple[int, ...] | Literal["auto"], BeforeValidator(parse_cpus)] = "auto"
    """CPUs that processes of a run may use, in order of preference. `auto` (hosts made on this machine only): the
    first host gets the first CPU, the other hosts share all the others."""
    hugepages: Hugepages | None = None
    nics: tuple[Nic, ...] = ()
    workdir: Path = Path("/var/lib/dpdk-orchestrator")

    def nic(self, name: str) -> Nic:
        """The NIC called `name`. Raises KeyError."""
        for nic in self.nics:
            if nic.name == name:
                return nic
        raise KeyError(name)


class NicRef(Model):
    """A NIC by its host's and its own name, written `host.nic`."""

    host: str
    nic: str

    def __str__(self) -> str:
        return f"{self.host}.{self.nic}"


class Link(Model):
    """A cable, a veth pair or a shared-memory channel between two NICs.

    `kind` is what results call the link: `memif`, `veth`, or `wire` for real NICs.
    """

    name: Name
    kind: Literal["memif", "veth", "wire"]
    ends: tuple[NicRef, NicRef]
    mtu: int = Field(default=1500, ge=1280, le=9216)


class Testbed(Model):
    """Hosts that the tool makes itself. Left out where the hosts exist already."""

    __test__ = False
    kind: Literal["namespaces"]
    name: Name = "local"


class Inventory(Model):
    """A whole inventory file."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    testbed: Testbed | None = None
    hosts: tuple[Host, ...] = Field(min_length=1, max_length=64)
    links: tuple[Link, ...] = ()
    roles: dict[Literal["sut", "generator"], str] = Field(default_factory=dict)
    """Which host plays which part of a scenario."""

    def host(self, name: str) -> Host:
        """The host called `name`. Raises KeyError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)
