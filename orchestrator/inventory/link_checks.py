"""Checks of links: both ends exist, no NIC is in two links, and the kind fits what the ends are."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.inventory.draft import Draft, LinkDraft
from orchestrator.inventory.model import Link, Nic
from orchestrator.inventory.problems import choose, closest
from orchestrator.inventory.repeats import report_repeats

_Report = Callable[[str, str, str], None]
"""Reports a problem of one link: the key at fault, what is wrong, what to write instead."""

MEMIF_MTU = 1500
"""net_memif carries frames of at most 1518 bytes here (one segment per packet)."""


def check_links(draft: Draft) -> None:
    """Report everything that is wrong with the links of an inventory."""
    names = [((*link.at, "name"), link.name) for link in draft.links]
    report_repeats(draft.source, names, "link {value} is there twice", "give each link a name of its own")
    used = [
        ((*link.at, "ends", index), f"{end[0]}.{end[1]}")
        for link in draft.links
        for index, end in enumerate(link.ends)
        if end is not None
    ]
    report_repeats(draft.source, used, "NIC {value} is in two links", "give each link NICs of its own")
    for entry in draft.links:
        _check_ends(draft, entry)
        if entry.link is not None:
            _check_kind(draft, entry, entry.link)


def _check_ends(draft: Draft, entry: LinkDraft) -> None:
    for index, end in enumerate(entry.ends):
        if end is None or draft.nic(end) is not None:
            continue
        at = (*entry.at, "ends", index)
        host = draft.host(end[0])
        if host is None:
            near = closest(end[0], draft.host_names())
            better = f"{near}.{end[1]}"
            instead = f"write {better}" if near and draft.nic((near, end[1])) else choose(end[0], draft.host_names())
            draft.source.report(at, f"link {entry.name}: there is no host {end[0]!r}", instead)
        else:
            names = tuple(f"{host.name}.{name}" for name in host.nic_names())
            draft.source.report(
                at, f"link {entry.name}: host {host.name} has no NIC {end[1]!r}", choose(".".join(end), names)
            )


def _check_kind(draft: Draft, entry: LinkDraft, link: Link) -> None:
    def report(key: str, what: str, instead: str) -> None:
        draft.source.report((*entry.at, key), f"link {link.name}: {what}", instead)

    if draft.has_testbed and link.kind == "wire":
        report("kind", "a wire joins real NICs, and these hosts are made here", "write `kind: veth` or `kind: memif`")
        return
    if not draft.has_testbed and link.kind != "wire":
        report("kind", f"a {link.kind} joins hosts that a testbed made on one machine", "write `kind: wire`")
        return
    first, second = link.ends
    if first.host == second.host:
        report("ends", f"both ends are on host {first.host}", "name NICs of two hosts")
    found = [draft.nic((end.host, end.nic)) for end in link.ends]
    nics = [entry.nic for entry in found if entry is not None and entry.nic is not None]
    for end, nic in zip(link.ends, nics, strict=False) if len(nics) == 2 else ():
        if (nic.vdev == "memif") != (link.kind == "memif"):
            what = f"{end} is no memif" if link.kind == "memif" else f"{end} is a memif"
            report("kind", f"{what}, but the link is a {link.kind}", "name other NICs, or the kind that fits them")
            return
    if len(nics) == 2 and link.kind == "memif":
        _check_memif(report, link, nics)
    elif len(nics) == 2:
        _check_addresses(report, nics)


def _check_memif(report: _Report, link: Link, nics: list[Nic]) -> None:
    sides = [nic.memif_role for nic in nics]
    if None not in sides and len(set(sides)) == 1:
        report("ends", f"both ends are the {sides[0]}", "write `memif_role: server` at one end, `client` at the other")
    if link.mtu > MEMIF_MTU:
        report("mtu", f"an MTU of {link.mtu} does not fit a memif", f"write at most {MEMIF_MTU}")


def _check_addresses(report: _Report, nics: list[Nic]) -> None:
    """Both ends have an address or none has, and the two differ but share one network."""
    first, second = (nic.address for nic in nics)
    if first is None and second is None:
        return
    if first is None or second is None:
        report("ends", "one end has an address and the other has none", "write `address` for both NICs or for none")
    elif first.network != second.network:
        report(
            "ends",
            f"its addresses {first} and {second} lie in two networks",
            f"write two addresses of one network, such as {first.network}",
        )
    elif first.ip == second.ip:
        report("ends", f"both ends have the address {first.ip}", "write two different addresses")
