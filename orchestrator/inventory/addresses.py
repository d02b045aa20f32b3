"""Addresses and names that follow from an inventory alone, so that a plan knows them without touching a host.

Veth link number k (counted from 0 among the veth links, in file order) of a testbed of namespaces has the network
198.19.k.0/24: the kernel of its first end is .1 and of its second .2, with the MACs 02:00:00:00:kk:01 and :02. DPDK's
frames carry .101 and .102, which no kernel owns. Memif links and wires, where only DPDK's frames travel, take their
networks from 198.19.128.0 on.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from orchestrator.errors import UsageError
from orchestrator.inventory.model import Inventory, Link, Nic, NicRef

MAX_LINKS = 128
"""Links of one sort (veth, or the others) that have a network of their own."""

_DATA = int(IPv4Address("198.19.0.0"))
_OTHERS_FROM = 128
_INTERFACE_BYTES = 15


def link_of(inventory: Inventory, ref: NicRef) -> Link:
    """The link that a NIC is an end of. Raises UsageError if it is in none."""
    for link in inventory.links:
        if ref in link.ends:
            return link
    raise UsageError(f"{ref} is an end of no link", remedy="add a link with this end to the inventory")


def peer_of(inventory: Inventory, ref: NicRef) -> NicRef:
    """The NIC at the other end of the link. Raises UsageError if `ref` is in no link."""
    first, second = link_of(inventory, ref).ends
    return second if ref == first else first


def kernel_address(inventory: Inventory, ref: NicRef) -> IPv4Interface:
    """The kernel's own address on a NIC: the inventory's, or the one that a testbed of namespaces gives.

    Raises UsageError where there is none.
    """
    link = link_of(inventory, ref)
    nic = _nic(inventory, ref)
    if nic.address is not None:
        return nic.address
    if link.kind != "veth":
        raise UsageError(
            f"{ref} has no address of the kernel's (link {link.name} is {link.kind})",
            remedy="write `address: A.B.C.D/LENGTH` beside the NIC",
        )
    return IPv4Interface((_DATA + (_number(inventory, link) << 8) + _end(link, ref), 24))


def dpdk_address(inventory: Inventory, ref: NicRef) -> IPv4Address:
    """The address that DPDK's own frames carry on a NIC; no kernel owns it. Raises UsageError."""
    link = link_of(inventory, ref)
    base = 0 if link.kind == "veth" else _OTHERS_FROM
    return IPv4Address(_DATA + ((base + _number(inventory, link)) << 8) + 100 + _end(link, ref))


def mac(inventory: Inventory, ref: NicRef) -> str:
    """The MAC of the kernel's interface (or bridge) on a NIC: the inventory's, or a testbed's fixed one.

    Raises UsageError where there is none.
    """
    link = link_of(inventory, ref)
    nic = _nic(inventory, ref)
    if nic.mac is not None:
        return nic.mac
    if link.kind != "veth":
        raise UsageError(f"{ref} has no fixed MAC (link {link.name} is {link.kind})", remedy="write its `mac`")
    return f"02:00:00:00:{_number(inventory, link):02x}:{_end(link, ref):02x}"


def dpdk_mac(inventory: Inventory, ref: NicRef) -> str:
    """A MAC for frames to DPDK behind a bridge. Raises UsageError if `ref` is in no veth link.

    It is nobody's: frames to the MAC of the tap's own interface end in the kernel, as a bridge takes the addresses
    of its ports for its own.
    """
    link = link_of(inventory, ref)
    if link.kind != "veth":
        raise UsageError(f"{ref} is behind no bridge of a testbed (link {link.name} is {link.kind})")
    return f"02:00:00:00:{_number(inventory, link):02x}:{100 + _end(link, ref):02x}"


def tap_name(nic: Nic) -> str:
    """The name of the DPDK tap that shares a bridge with the NIC's interface. Raises UsageError."""
    if nic.interface is None:
        raise UsageError(f"NIC {nic.name} has vdev tap but no interface", remedy="write its `interface`")
    name = f"d{nic.interface}"
    if len(name) > _INTERFACE_BYTES:
        raise UsageError(
            f"the tap of NIC {nic.name} would be called {name}, which is longer than {_INTERFACE_BYTES} characters",
            remedy="choose a shorter name for its interface",
        )
    return name


def memif_socket(link: Link) -> str:
    """Path of a memif link's socket, the same on both of its hosts."""
    return f"{memif_folder(link)}/memif.sock"


def memif_folder(link: Link) -> str:
    """The folder that exists on both hosts of a memif link and on no other."""
    return f"/run/memif/{link.name}"


def _nic(inventory: Inventory, ref: NicRef) -> Nic:
    try:
        return inventory.host(ref.host).nic(ref.nic)
    except KeyError:
        raise UsageError(f"there is no NIC {ref}", remedy="name a host of the inventory and one of its NICs") from None


def _number(inventory: Inventory, link: Link) -> int:
    """The link's number among those that share its part of the networks."""
    alike = [other for other in inventory.links if (other.kind == "veth") == (link.kind == "veth")]
    number = alike.index(link)
    if number >= MAX_LINKS:
        raise UsageError(f"link {link.name} is one too many", remedy=f"an inventory has at most {MAX_LINKS} of a sort")
    return number


def _end(link: Link, ref: NicRef) -> int:
    """1 for the first end, 2 for the second."""
    return 1 + link.ends.index(ref)
