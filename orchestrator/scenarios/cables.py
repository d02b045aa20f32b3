"""The links between generator and system under test that a row uses, and the devices at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.eal import Device, PciDevice, Vdev
from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import memif_socket, tap_name
from orchestrator.inventory.model import Host, Inventory, Link, Nic, NicRef

USUAL_MTU = 1500
JUMBO_FRAMES: dict[str, str | int] = {"framesz": 10240, "blocksz": 40960}
"""Of af_packet, whose frames hold 2 KiB if nothing is said; POOL_JUMBO_BYTES in `common/dpdk/pool.h`."""


@dataclass(frozen=True)
class End:
    """One end of a cable."""

    host: Host
    nic: Nic
    ref: NicRef


@dataclass(frozen=True)
class Cable:
    """A link, seen from the generator."""

    link: Link
    generator: End
    sut: End


def role_host(inventory: Inventory, role: str) -> Host:
    """The host that plays `role`. Raises UsageError if the inventory does not say."""
    name = next((host for part, host in inventory.roles.items() if part == role), None)
    if name is None:
        raise UsageError(
            f"the inventory names no host for the role {role}", remedy=f"add `{role}: HOST` under `roles:`"
        )
    return inventory.host(name)


def cables(inventory: Inventory, kind: str) -> list[Cable]:
    """All links of `kind` between generator and system under test, in the order of the inventory."""
    return cables_between(inventory, kind, role_host(inventory, "generator"), role_host(inventory, "sut"))


def cables_between(inventory: Inventory, kind: str, generator: Host, sut: Host) -> list[Cable]:
    """All links of `kind` between two hosts, in the order of the inventory."""
    found = []
    for link in inventory.links:
        ends = {ref.host: ref for ref in link.ends}
        if link.kind == kind and set(ends) == {generator.name, sut.name}:
            found.append(Cable(link, _end(generator, ends[generator.name]), _end(sut, ends[sut.name])))
    return found


def shared_port(cable: Cable) -> bool:
    """Whether several processes of the system under test can share the port at its end of a veth."""
    return cable.sut.nic.vdev == "tap"


def choose(
    inventory: Inventory, kind: str, *, dpdk: bool, ports: int, processes: int, asked: str | None = None
) -> list[Cable]:
    """The `ports` cables that a row uses whose `processes` share the ports of the system under test.

    Over veth one process owns its port (af_packet, af_xdp: there a second process sends nothing, or crashes), and a
    group shares a tap; TCP takes the same links as DPDK would, so that both cross the same bridge. Over wire the ends'
    roles decide. `asked` is what the user calls that many processes, empty where that is not for him to say. Raises
    UsageError if there are too few cables.
    """
    asked = f"processes={processes}" if asked is None else asked
    found, what = suitable(cables(inventory, kind), kind, dpdk=dpdk, shared=processes > 1)
    needed = ports if dpdk else 1
    if len(found) < needed:
        raise UsageError(
            f"too few {what} between generator and sut for {f'{asked} ports={ports}'.strip()}: "
            f"{needed} needed, {len(found)} in the inventory",
            remedy="add links to the inventory or ask for less",
        )
    return found[:needed]


def suitable(found: Sequence[Cable], kind: str, *, dpdk: bool, shared: bool) -> tuple[list[Cable], str]:
    """Those of the cables of `kind` that DPDK, or TCP beside it, can use, and what they are called.

    `shared` says whether several processes share the port of the system under test.
    """
    if kind == "veth":
        what = "veth links without a tap"
        if shared:
            what = "veth links to a tap (af_packet and af_xdp have one process that sends)"
        return [cable for cable in found if shared_port(cable) == shared], what
    if kind == "wire":
        wanted = {"dpdk", "both"} if dpdk else {"kernel", "both"}
        fitting = [cable for cable in found if {cable.generator.nic.role, cable.sut.nic.role} <= wanted]
        return fitting, f"wire links with role {'dpdk' if dpdk else 'kernel'}"
    return list(found), f"{kind} links"


def dpdk_device(cable: Cable, end: End, index: int) -> Device:
    """The device that DPDK opens as port `index` at `end`."""
    nic = end.nic
    if cable.link.kind == "memif":
        return Vdev(
            f"net_memif{index}",
            {
                "role": nic.memif_role or "server",
                "socket": memif_socket(cable.link),
                # An abstract socket would be bound to the network namespace, and the two hosts have one each.
                "socket-abstract": "no",
            },
        )
    if nic.pci is not None:
        return PciDevice(nic.pci)
    if nic.vdev == "tap":
        return Vdev(f"net_tap{index}", {"iface": tap_name(nic)})
    if nic.interface is None:
        raise UsageError(f"NIC {end.ref} has neither a PCI address nor an interface", remedy="mend the inventory")
    if nic.vdev == "af_xdp":
        return Vdev(f"net_af_xdp{index}", {"iface": nic.interface})
    jumbo = JUMBO_FRAMES if cable.link.mtu > USUAL_MTU else {}
    return Vdev(f"net_af_packet{index}", {"iface": nic.interface, "qpairs": 1, **jumbo})


def dpdk_devices(used: Sequence[Cable], role: Literal["generator", "sut"]) -> list[Device]:
    """The devices that DPDK opens as ports 0, 1, ... at the ends of `used` that `role` has."""
    ends = [cable.sut if role == "sut" else cable.generator for cable in used]
    return [dpdk_device(cable, end, port) for port, (cable, end) in enumerate(zip(used, ends, strict=True))]


def driver_label(used: Sequence[Cable], *, dpdk: bool) -> str:
    """What the column `driver` says: the driver at the end of the system under test."""
    nic = used[0].sut.nic
    kind = used[0].link.kind
    if not dpdk:
        return "kernel+bridge" if nic.bridge else "kernel"
    if kind == "memif":
        return "memif"
    if nic.pci is not None:
        return nic.dpdk_driver
    return nic.vdev or "af_packet"


def _end(host: Host, ref: NicRef) -> End:
    return End(host, host.nic(ref.nic), ref)
