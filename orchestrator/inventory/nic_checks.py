"""Checks of the NICs of a host: what a NIC is must be one of the cases in the docstring of `model.Nic`."""

from __future__ import annotations

from orchestrator.inventory.draft import Draft, HostDraft, NicDraft
from orchestrator.inventory.model import Nic
from orchestrator.inventory.repeats import report_repeats

Objection = tuple[str, str, str]
"""The key at fault, what is wrong, what to write instead."""


def check_nics(draft: Draft, host: HostDraft) -> None:
    """Report NICs of one host that cannot be what they say, or that are the same device twice."""
    _check_repeats(draft, host)
    for entry in host.nics:
        if entry.nic is None:
            continue
        for key, what, instead in (*_objections(entry.nic), *_place_objections(entry.nic, testbed=draft.has_testbed)):
            draft.source.report((*entry.at, key), f"NIC {host.name}.{entry.name}: {what}", instead)


def _check_repeats(draft: Draft, host: HostDraft) -> None:
    def places(key: str) -> list[tuple[tuple[str | int, ...], str | None]]:
        return [((*entry.at, key), _text(entry, key)) for entry in host.nics]

    source, name = draft.source, host.name or "?"
    names = [((*entry.at, "name"), entry.name) for entry in host.nics]
    report_repeats(source, names, f"host {name}: NIC {{value}} is there twice", "give each NIC a name of its own")
    for key, called in (
        ("pci", "PCI address"),
        ("interface", "interface"),
        ("mac", "MAC address"),
        ("bridge", "bridge"),
    ):
        report_repeats(
            source,
            places(key),
            f"host {name}: {called} {{value}} belongs to two NICs",
            "write each device as one NIC",
        )


def _text(entry: NicDraft, key: str) -> str | None:
    return getattr(entry.nic, key) if entry.nic is not None else None


def _objections(nic: Nic) -> list[Objection]:
    """What speaks against a NIC, whatever its host is."""
    found: list[Objection] = []
    if nic.vdev == "memif":
        found += _memif_objections(nic)
    elif nic.memif_role is not None:
        found.append(("memif_role", "`memif_role` without `vdev: memif`", "write `vdev: memif` or leave it out"))
    if nic.pci is not None and nic.vdev is not None:
        found.append(("vdev", f"is a PCI device and a {nic.vdev} at once", "leave `pci` or `vdev` out"))
    if nic.pci is None and nic.interface is None and nic.vdev is None:
        found.append(("name", "names no device", "write `pci`, `interface` or `vdev`"))
    if nic.vdev in {"tap", "af_packet", "af_xdp"} and nic.interface is None and nic.pci is None:
        found.append(("vdev", f"{nic.vdev} needs an interface under it", "write `interface` with the name of one"))
    if nic.vdev == "tap" and nic.bridge is None:
        found.append(
            ("vdev", "a tap and the interface meet in a bridge, which has no name", "write `bridge` with a name for it")
        )
    if nic.bridge is not None and nic.vdev not in {"tap", "memif"}:
        found.append(("bridge", "`bridge` is for a tap only", "write `vdev: tap` or leave `bridge` out"))
    if nic.bridge is not None and nic.bridge == nic.interface:
        found.append(("bridge", "bridge and interface have one name", "give the bridge a name of its own"))
    if "dpdk_driver" in nic.model_fields_set and nic.pci is None:
        found.append(("dpdk_driver", "`dpdk_driver` is for PCI devices only", "write `pci` or leave it out"))
    if nic.role == "kernel":
        if nic.vdev is not None:
            found.append(("role", f"the kernel has no use for a {nic.vdev}", "leave `vdev` out, or write `role: both`"))
        elif nic.interface is None and nic.pci is not None:
            found.append(("role", "the kernel's NIC needs its interface", "write `interface` with the name of it"))
    return found


def _memif_objections(nic: Nic) -> list[Objection]:
    found: list[Objection] = [
        (key, "a memif is shared memory and has no such thing", f"leave `{key}` out")
        for key in ("interface", "bridge", "address")
        if getattr(nic, key) is not None
    ]
    if nic.memif_role is None:
        found.append(
            ("vdev", "a memif needs its side", "write `memif_role: server` here and `client` at the other end")
        )
    return found


def _place_objections(nic: Nic, *, testbed: bool) -> list[Objection]:
    """What speaks against a NIC because of what its host is."""
    if testbed and nic.pci is not None:
        return [("pci", "a host made of namespaces has no PCI device of its own", "write `interface` or `vdev: memif`")]
    if not testbed and nic.vdev == "memif":
        return [("vdev", "a memif joins hosts that a testbed made on one machine", "write `pci` or `interface`")]
    return []
