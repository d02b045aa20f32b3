"""The network cards of a host, from what `on_host/nic_facts.py` read there. Pure: nothing here touches a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.inventory.model import Host, Nic, Role

THIS_HOST = "this host"
INITIAL_NAMESPACE = "kernel's initial network namespace"

BRIDGE_CLASS = "0x06"


@dataclass(frozen=True)
class Interface:
    """A kernel interface. `addresses` are with prefix length, without IPv6's link-local ones.

    `users` are interfaces made of this one (bond, bridge, VLAN). `speed_mbps` is None where there is no link.
    """

    name: str
    mac: str
    up: bool
    state: str
    speed_mbps: int | None
    mtu: int | None
    addresses: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True)
class GroupMember:
    """A device of an IOMMU group. `driver` is empty where none has it."""

    bdf: str
    driver: str
    is_bridge: bool


@dataclass(frozen=True)
class NicState:
    """One network card on a host's PCI bus, and what it is used for.

    `owner` is `THIS_HOST`, or `INITIAL_NAMESPACE` for hosts made of namespaces: they see the real machine's bus.
    `iommu_group` is empty where there is no IOMMU; `iommu_members` has the other devices of the group. `nic` and
    `role` are those of the inventory, empty for cards that it does not name. `driver`, `driver_override`,
    `driver_version` and `firmware` are empty where there is none or it is not known.
    """

    host: str
    bdf: str
    device_id: str
    driver: str
    driver_override: str
    interfaces: tuple[Interface, ...]
    numa_node: int | None
    iommu_group: str
    iommu_members: tuple[GroupMember, ...]
    virtual_functions: int
    carries_ssh: bool
    default_route: bool
    owner: str
    driver_version: str
    firmware: str
    nic: str
    role: Role | Literal[""]


@dataclass(frozen=True)
class Survey:
    """All PCI devices of a host with the network cards among them, and what decides whether they may be touched."""

    host: str
    namespaced: bool
    vfio_module: Literal["loaded", "there", "missing"]
    ssh_known: bool
    """Whether the interface of the SSH connection was found: if not, any card may be the one."""
    routes_known: bool
    nics: tuple[NicState, ...]
    other_devices: frozenset[str]
    """PCI addresses of devices that are no network cards."""

    def nic(self, bdf: str) -> NicState | None:
        """The network card at a PCI address."""
        return next((nic for nic in self.nics if nic.bdf == bdf), None)


def in_initial_namespace(facts: Mapping[str, Any]) -> bool:
    """Whether the facts were read in the kernel's initial network namespace. In doubt they were not."""
    own, kthreadd = facts["own"], facts["kthreadd"]
    return bool(facts["initial_only_sysctl"]) and not (own and kthreadd and own != kthreadd)


def parse(facts: Mapping[str, Any], host: Host) -> Survey:
    """What the facts of a host say about its network cards, in the order of their PCI addresses."""
    namespaced = not in_initial_namespace(facts["namespaces"])
    interfaces = _interfaces(facts)
    below = {name: _lowest(name, facts["interfaces"]) for name in facts["interfaces"]}
    ssh = _ssh_interfaces(facts, host, interfaces)
    default = {hop.get("dev", "") for route in facts["default_routes"] or () for hop in _hops(route)}
    used_by_ssh = {lower for name in ssh for lower in below.get(name, ())}
    used_by_default = {lower for name in default for lower in below.get(name, ())}

    groups: dict[str, list[GroupMember]] = {}
    for device in facts["devices"]:
        if device["iommu_group"]:
            is_bridge = device["class"].startswith(BRIDGE_CLASS)
            groups.setdefault(device["iommu_group"], []).append(GroupMember(device["bdf"], device["driver"], is_bridge))
    nics = []
    for device in facts["devices"]:
        if "interfaces" not in device:
            continue
        named = _in_inventory(device["bdf"], host)
        own = tuple(interfaces[name] for name in device["interfaces"] if name in interfaces)
        ethtool = _ethtool(facts["ethtool"].get(name, "") for name in device["interfaces"])
        members = groups.get(device["iommu_group"], ())
        nics.append(
            NicState(
                host=host.name,
                bdf=device["bdf"],
                device_id=f"{device['vendor'].removeprefix('0x')}:{device['device'].removeprefix('0x')}",
                driver=device["driver"],
                driver_override=_no_null(device["driver_override"]),
                interfaces=own,
                numa_node=_number(device["numa_node"]),
                iommu_group=device["iommu_group"],
                iommu_members=tuple(member for member in members if member.bdf != device["bdf"]),
                virtual_functions=_number(device["virtual_functions"]) or 0,
                carries_ssh=bool(used_by_ssh.intersection(device["interfaces"])),
                default_route=bool(used_by_default.intersection(device["interfaces"])),
                owner=INITIAL_NAMESPACE if namespaced else THIS_HOST,
                driver_version=ethtool.get("version", ""),
                firmware=ethtool.get("firmware-version", ""),
                nic=named.name if named else "",
                role=named.role if named else "",
            )
        )
    return Survey(
        host=host.name,
        namespaced=namespaced,
        vfio_module=facts["vfio_module"],
        ssh_known=bool(ssh),
        routes_known=facts["default_routes"] is not None and facts["addresses"] is not None,
        nics=tuple(nics),
        other_devices=frozenset(device["bdf"] for device in facts["devices"] if "interfaces" not in device),
    )


def _interfaces(facts: Mapping[str, Any]) -> dict[str, Interface]:
    addresses: dict[str, list[str]] = {}
    for entry in facts["addresses"] or ():
        for address in entry.get("addr_info", ()):
            if address.get("scope") != "link" and "local" in address:
                text = f"{address['local']}/{address.get('prefixlen', 32)}"
                addresses.setdefault(entry.get("ifname", ""), []).append(text)
    return {
        name: Interface(
            name=name,
            mac=entry["mac"],
            up=entry["up"],
            state=entry["state"],
            speed_mbps=_number(entry["speed_mbps"]),
            mtu=_number(entry["mtu"]),
            addresses=tuple(addresses.get(name, ())),
            users=tuple(entry["upper"]),
        )
        for name, entry in facts["interfaces"].items()
    }


def _ssh_interfaces(facts: Mapping[str, Any], host: Host, interfaces: Mapping[str, Interface]) -> set[str]:
    """Interfaces that have an address of the SSH connection, or by which its answers leave."""
    ends = {_address(text) for text in facts["ssh_local"]}
    if host.ssh is not None:
        ends.add(_address(host.ssh.address))
    having = {
        name
        for name, interface in interfaces.items()
        if any(_address(text.partition("/")[0]) in ends - {None} for text in interface.addresses)
    }
    return having | {route["dev"] for route in facts["ssh_routes"] if route.get("dev")}


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None  # a name: the connection itself tells the address


def _lowest(name: str, interfaces: Mapping[str, Any], above: tuple[str, ...] = ()) -> set[str]:
    """An interface and all that it is made of."""
    found = {name}
    for lower in interfaces.get(name, {}).get("lower", ()):
        if lower not in above:
            found |= _lowest(lower, interfaces, (*above, name))
    return found


def _hops(route: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """A route and the hops of a multipath one."""
    return [route, *route.get("nexthops", ())]


def _in_inventory(bdf: str, host: Host) -> Nic | None:
    return next((nic for nic in host.nics if nic.pci == bdf), None)


def _ethtool(outputs: Iterable[str]) -> dict[str, str]:
    """`key: value` lines of `ethtool -i`, of the first interface that has any."""
    for output in outputs:
        pairs = [line.partition(":") for line in output.splitlines()]
        found = {key.strip(): value.strip() for key, colon, value in pairs if colon}
        if found:
            return found
    return {}


def _number(text: str) -> int | None:
    """A number that sysfs gives; it writes -1 for "none"."""
    return int(text) if text.isdigit() else None


def _no_null(text: str) -> str:
    return "" if text == "(null)" else text
