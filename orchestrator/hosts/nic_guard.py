"""Whether a network card may be taken from the kernel: every reason against it, each with its remedy. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.errors import HostSettingError
from orchestrator.hosts.pci import NicState, Survey
from orchestrator.inventory.model import Host, Nic

VFIO = "vfio-pci"
BIFURCATED = frozenset({"mlx4_core", "mlx5_core", "mana"})
"""Kernel drivers that DPDK works beside, not instead of (doc/guides/nics/mlx5.rst and mana.rst)."""
MELLANOX = "15b3"
USER_SPACE = frozenset({VFIO, "uio_pci_generic", "igb_uio", "pci-stub"})
"""Drivers under which a card has no kernel interface."""


@dataclass(frozen=True)
class Objection:
    """Why a card must be left alone, and what helps."""

    what: str
    remedy: str


def refuse(survey: Survey, host: Host, nic: Nic, together: frozenset[str] = frozenset()) -> None:
    """Raise HostSettingError with the first objection to binding `nic` to vfio-pci, if there is one.

    `together` are PCI addresses that are to be bound in the same go: they may share an IOMMU group.
    """
    for objection in objections(survey, host, nic, together):
        raise HostSettingError(f"{_called(nic)}: {objection.what}", host=host.name, remedy=objection.remedy)


def objections(survey: Survey, host: Host, nic: Nic, together: frozenset[str] = frozenset()) -> Iterator[Objection]:
    """Everything that speaks against binding `nic` to vfio-pci, what excludes all others first."""
    if survey.namespaced:
        yield Objection(
            "its PCI bus is the real machine's: this host is made of namespaces, and the cards belong to the kernel's "
            "initial network namespace",
            "bind NICs on hosts of their own only",
        )
        return
    if nic.pci is None:
        yield Objection("it has no PCI address in the inventory", "write `pci` with an address that nic-status shows")
        return
    state = survey.nic(nic.pci)
    if state is None:
        is_other = nic.pci in survey.other_devices
        yield Objection(
            "that PCI device is no network card" if is_other else "there is no PCI device with that address",
            f"write one of: {', '.join(card.bdf for card in survey.nics) or 'none, the host has no network card'}",
        )
        return
    yield from _of_kind(state, nic)
    yield from _of_use(survey, state, host)
    if state.driver != VFIO:
        yield from _of_iommu(survey, state, together)


def _of_kind(state: NicState, nic: Nic) -> Iterator[Objection]:
    if nic.role == "kernel":
        yield Objection("its role is kernel", "write `role: dpdk` in the inventory if DPDK is to have it")
    if state.driver in BIFURCATED or state.device_id.startswith(f"{MELLANOX}:") or nic.dpdk_driver == "bifurcated":
        yield Objection(
            f"it is bifurcated: DPDK uses it beside its kernel driver ({state.driver or 'none now'}), which must stay",
            "write `dpdk_driver: bifurcated` in the inventory; it needs no binding",
        )
    if state.virtual_functions:
        yield Objection(
            f"it has {state.virtual_functions} virtual functions, which would vanish",
            f"bind one of them, or first: echo 0 > /sys/bus/pci/devices/{state.bdf}/sriov_numvfs",
        )


def _of_use(survey: Survey, state: NicState, host: Host) -> Iterator[Objection]:
    names = ", ".join(interface.name for interface in state.interfaces)
    if state.carries_ssh:
        yield Objection(f"it carries the SSH connection to this host ({names})", "choose another NIC")
    if state.default_route:
        yield Objection(f"it carries the default route ({names})", "choose another NIC")
    if state.interfaces and not survey.routes_known:
        yield Objection("the host's addresses and routes cannot be read", "install iproute2 on the host")
    elif state.interfaces and not survey.ssh_known:
        yield Objection(
            "the interface of the SSH connection cannot be found, so it may be this one",
            "write the host's own IP address as `ssh.address`",
        )
    ours = {str(nic.address) for nic in host.nics if nic.address is not None}
    for interface in state.interfaces:
        if interface.users:
            yield Objection(
                f"{interface.name} is part of {', '.join(interface.users)}",
                f"take it out first: ip link set {interface.name} nomaster (or delete what is made of it)",
            )
        foreign = [address for address in interface.addresses if address not in ours]
        if interface.up and foreign:
            yield Objection(
                f"{interface.name} is up with addresses that are no test link's ({', '.join(foreign)})",
                f"choose another NIC, or, if nobody needs it: ip address flush dev {interface.name}",
            )
    if state.driver and state.driver not in USER_SPACE and not state.interfaces:
        yield Objection(
            f"driver {state.driver} has it, but no interface of it is here: another network namespace uses it",
            "end the container or namespace that has its interface",
        )


def _of_iommu(survey: Survey, state: NicState, together: frozenset[str]) -> Iterator[Objection]:
    if not state.iommu_group:
        yield Objection(
            "there is no IOMMU to protect memory from it",
            "turn on VT-d or AMD-Vi in the firmware and boot with intel_iommu=on or amd_iommu=on",
        )
    if survey.vfio_module == "missing":
        yield Objection(
            "the kernel has no module vfio-pci",
            "install the kernel's modules (Debian: linux-image-amd64; clouds often ship a kernel without them)",
        )
    others = [
        f"{member.bdf} ({member.driver or 'no driver'})"
        for member in state.iommu_members
        if member.driver != VFIO and not member.is_bridge and member.bdf not in together
    ]
    if others:
        yield Objection(
            f"its IOMMU group {state.iommu_group} also holds {', '.join(others)}, which would be pulled along",
            "bind all of the group's NICs together, or put the card into another slot",
        )


def _called(nic: Nic) -> str:
    return f"NIC {nic.name} ({nic.pci})" if nic.pci else f"NIC {nic.name}"
