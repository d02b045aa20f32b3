"""What a testbed is: hosts, NICs, links, cores and hugepage wishes, as typed and frozen models.

The loader (`orchestrator.inventory.loader`) reads a YAML file into an `Inventory`; nothing here touches a host.
Sizes are in bytes unless a name says otherwise; addresses of test links lie in 198.18.0.0/15 (RFC 2544).
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_CPU = 8191
"""The highest CPU number that a Linux kernel is built for (CONFIG_NR_CPUS of MAXSMP)."""


def normalise_pci(value: object) -> object:
    """Write a PCI address as the kernel does: `3B:00.0` becomes `0000:3b:00.0`; anything else passes through."""
    if not isinstance(value, str):
        return value
    address = value.strip().lower()
    return f"0000:{address}" if re.fullmatch(r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", address) else address


def normalise_mac(value: object) -> object:
    """Write a MAC address as the kernel does, in lower case with colons."""
    return value.strip().lower().replace("-", ":") if isinstance(value, str) else value


def require_prefix(value: object) -> object:
    """Refuse an address without prefix length, which would silently become a /32, and a bare number."""
    if not isinstance(value, ipaddress.IPv4Interface) and not (isinstance(value, str) and "/" in value):
        raise ValueError("no prefix length")
    return value


def expand_home(path: Path) -> Path:
    """Write out a leading `~` or `~user`. Raises ValueError if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
PciAddress = Annotated[
    str, BeforeValidator(normalise_pci), Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$")
]
InterfaceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$")]
MacAddress = Annotated[str, BeforeValidator(normalise_mac), Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
LocalPath = Annotated[Path, AfterValidator(expand_home)]
"""A path on the controller; `~` is the home of the user who runs the command."""
InterfaceAddress = Annotated[ipaddress.IPv4Interface, BeforeValidator(require_prefix)]
Cpu = Annotated[int, Field(strict=True, ge=0, le=MAX_CPU)]
PageSize = Literal["2M", "1G"]
Vdev = Literal["memif", "tap", "af_packet", "af_xdp"]
Role = Literal["dpdk", "kernel", "both"]

PAGE_BYTES: dict[PageSize, int] = {"2M": 2 << 20, "1G": 1 << 30}


def parse_cpus(value: object) -> object:
    """Turn a CPU list such as `"2-5,8"` into `(2, 3, 4, 5, 8)`, one number into a list; others pass through.

    The syntax is the kernel's cpulist format (Documentation/admin-guide/cputopology.rst).
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, str) or value == "auto":
        return value
    cpus: list[int] = []
    for part in value.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,4})(?:-([0-9]{1,4}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not first <= last <= MAX_CPU:
            raise ValueError(f"{part.strip()!r} is no CPU or range of CPUs")
        cpus.extend(range(first, last + 1))
    return tuple(cpus)


class Model(BaseModel):
    """Base of all inventory models: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoint(Model):
    """One SSH server: where it listens and how it is entered."""

    address: str = Field(min_length=1)
    port: int = Field(default=22, strict=True, ge=1, le=65535)
    user: str = Field(default="root", pattern=r"^[a-z_][a-z0-9_.-]*\$?$")
    key: LocalPath | None = None
    known_hosts: LocalPath | None = None
    """File with the host's key; `~/.ssh/known_hosts` where it is left out. A key that is not in it is refused."""


class Ssh(Endpoint):
    """How a host is reached, through zero or more jump hosts (first hop first)."""

    jump: tuple[Endpoint, ...] = ()


class Hugepages(Model):
    """What a host wishes to have free before a run."""

    pages: int = Field(strict=True, ge=1, le=1 << 20)
    size: PageSize = "2M"
    node: int | None = Field(default=None, strict=True, ge=0, le=255)

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
    address: InterfaceAddress | None = None
    """Address of the kernel's side, with its prefix length; a testbed of namespaces gives one itself."""
    dpdk_driver: Literal["vfio-pci", "bifurcated"] = "vfio-pci"
    memif_role: Literal["server", "client"] | None = None


class Host(Model):
    """A machine, real or made by a testbed."""

    name: Name
    ssh: Ssh | None = None
    cores: Annotated[tuple[Cpu, ...] | Literal["auto"], BeforeValidator(parse_cpus)] = "auto"
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
    """A NIC by its host's and its own name, written `host.nic` (or, as in stored JSON, as its two fields)."""

    host: Name
    nic: Name

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        host, _, nic = value.strip().partition(".")
        return {"host": host, "nic": nic}

    def __str__(self) -> str:
        return f"{self.host}.{self.nic}"


class Link(Model):
    """A cable, a veth pair or a shared-memory channel between two NICs.

    `kind` is what results call the link: `memif`, `veth`, or `wire` for real NICs.
    """

    name: Name
    kind: Literal["memif", "veth", "wire"]
    ends: tuple[NicRef, NicRef]
    mtu: int = Field(default=1500, strict=True, ge=1280, le=9216)


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
