"""Which commands make the links of a testbed, and what is wrong with a link that is there. Pure: texts for `ip`.

Only names that the inventory's models let through and addresses of our own reach these texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from orchestrator.testbeds.ip_tool import Interface, Network
from orchestrator.testbeds.topology import MANAGEMENT, Port, VethLink


def make_management(interface: str, pid: int) -> list[str]:
    """The pair between the machine and a host; the host's end is made in the host."""
    return [f"link add dev {interface} type veth peer name {MANAGEMENT} netns {pid}"]


def configure_machine(interface: str, network: IPv4Network) -> list[str]:
    """The machine's end: the first of the network's two addresses."""
    return [f"addr replace {network[0]}/31 dev {interface}", f"link set dev {interface} up"]


def configure_management(network: IPv4Network) -> list[str]:
    """The host's end: the second address."""
    return [
        "link set dev lo up",
        f"addr replace {network[1]}/31 dev {MANAGEMENT}",
        f"link set dev {MANAGEMENT} up",
    ]


def make_veth(link: VethLink, peer_pid: int) -> list[str]:
    """The pair, as told to the first end's host: a name that the machine uses as well cannot be in the way."""
    first, second = link.ends
    return [
        " ".join(
            (
                f"link add dev {first.interface} mtu {first.mtu} address {first.interface_mac} type veth",
                f"peer name {second.interface} mtu {second.mtu} address {second.interface_mac} netns {peer_pid}",
            )
        )
    ]


def configure_port(port: Port, present: Mapping[str, Interface]) -> list[str]:
    """Everything that one end wants but for the pair itself. Harmless where it is so already."""
    lines = []
    if port.bridge is not None:
        if port.bridge not in present:
            lines.append(f"link add dev {port.bridge} type bridge stp_state 0 mcast_snooping 0 forward_delay 0")
        lines.append(f"link set dev {port.bridge} address {port.mac} mtu {port.mtu}")
        if port.tap is not None:
            lines += make_tap(port.tap, present)
            lines.append(f"link set dev {port.tap} mtu {port.mtu} master {port.bridge} up")
        lines.append(f"link set dev {port.interface} master {port.bridge} up")
    lines += [
        f"link set dev {port.interface} address {port.interface_mac} mtu {port.mtu} up",
        f"addr replace {port.address} dev {port.holder}",
        f"link set dev {port.holder} up",
        f"neigh replace {port.peer_address} lladdr {port.peer_mac} nud permanent dev {port.holder}",
    ]
    return lines


def make_tap(name: str, present: Mapping[str, Interface]) -> list[str]:
    """A persistent tap that DPDK's net_tap attaches to with several queues."""
    return [] if name in present else [f"tuntap add dev {name} mode tap multi_queue"]


def joined(link: VethLink, first: Network, second: Network) -> bool:
    """Whether both ends are there and are ends of one pair."""
    one = first.interfaces.get(link.ends[0].interface)
    other = second.interfaces.get(link.ends[1].interface)
    return one is not None and other is not None and one.peer == other.index and other.peer == one.index


def port_problems(port: Port, network: Network) -> Iterator[str]:
    """What is missing or different at one end of a link that is joined."""
    wanted = [(port.interface, port.interface_mac, port.bridge)]
    if port.bridge is not None:
        wanted.append((port.bridge, port.mac, None))
    for name, mac, master in wanted:
        found = network.interfaces.get(name)
        if found is None:
            yield f"no interface {name}"
        elif not found.up:
            yield f"{name} is down"
        elif found.mtu != port.mtu:
            yield f"{name} has MTU {found.mtu} instead of {port.mtu}"
        elif found.mac != mac:
            yield f"{name} has MAC {found.mac} instead of {mac}"
        elif found.master != master:
            yield f"{name} belongs to bridge {found.master} instead of {master}"
    if port.tap is not None:  # up or down, MAC and MTU are the business of the DPDK process that has it, or had it
        tap = network.interfaces.get(port.tap)
        if tap is None:
            yield f"no interface {port.tap}"
        elif tap.master != port.bridge:
            yield f"{port.tap} belongs to bridge {tap.master} instead of {port.bridge}"
    holder = network.interfaces.get(port.holder)
    if holder is not None and str(port.address) not in holder.addresses:
        yield f"{port.holder} lacks address {port.address}"
    if (port.holder, str(port.peer_address), port.peer_mac) not in network.neighbours:
        yield f"{port.holder} lacks the neighbour {port.peer_address}"


def management_joined(interface: str, machine: Network, host: Network) -> bool:
    """Whether the machine's and the host's end are there and are ends of one pair."""
    ours, theirs = machine.interfaces.get(interface), host.interfaces.get(MANAGEMENT)
    return ours is not None and theirs is not None and ours.peer == theirs.index and theirs.peer == ours.index


def management_problems(interface: str, network: IPv4Network, machine: Network, host: Network) -> Iterator[str]:
    """What is missing of the way by which a host is reached."""
    if not management_joined(interface, machine, host):
        yield "no management link"
        return
    ends = ((machine.interfaces[interface], network[0]), (host.interfaces[MANAGEMENT], network[1]))
    for found, address in ends:
        if not found.up:
            yield f"{found.name} is down"
        if f"{address}/31" not in found.addresses:
            yield f"{found.name} lacks address {address}/31"
