"""Checks of hosts and roles across their values. Those of NICs and links are in `nic_checks` and `link_checks`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from orchestrator.inventory.draft import Draft, HostDraft
from orchestrator.inventory.link_checks import check_links
from orchestrator.inventory.model import Ssh
from orchestrator.inventory.nic_checks import check_nics
from orchestrator.inventory.problems import choose
from orchestrator.inventory.repeats import report_repeats
from orchestrator.inventory.source import Location

TESTBED_HOSTS = range(2, 9)


def check(draft: Draft) -> None:
    """Report everything that is wrong between the parts of an inventory to the draft's source."""
    names: Iterable[tuple[Location, Hashable | None]] = [((*host.at, "name"), host.name) for host in draft.hosts]
    instead = "give each host a name of its own, such as `name: {value}2`, or leave one of the two out"
    report_repeats(draft.source, names, "host {value} is there twice", instead)
    _check_machines(draft)
    for host in draft.hosts:
        _check_host(draft, host)
        check_nics(draft, host)
    _check_testbed(draft)
    check_links(draft)
    _check_roles(draft)


def _check_machines(draft: Draft) -> None:
    """One machine under two names would be prepared twice, and its lease refused to the second."""
    doors: list[tuple[Location, Hashable | None]] = [
        ((*host.at, "ssh"), _door(host.host.ssh))
        for host in draft.hosts
        if host.host is not None and host.host.ssh is not None
    ]
    report_repeats(
        draft.source,
        doors,
        "two hosts are reached at {value}",
        "write each machine once, and the address of another one here",
    )


def _door(ssh: Ssh) -> str:
    """Where a host is reached; behind different hops one address may be that of different machines."""
    hops = ", ".join(hop.address for hop in ssh.jump)
    return f"port {ssh.port} of {ssh.address}" + (f" through {hops}" if hops else "")


def _check_host(draft: Draft, host: HostDraft) -> None:
    if host.host is None:
        return
    report = draft.source.report
    cores = host.host.cores
    if cores == "auto":
        if not draft.has_testbed:
            report(
                (*host.at, "cores"),
                f"host {host.name}: `cores: auto` is for hosts that a testbed makes on this machine",
                "write the CPUs that a run may use, such as `cores: 2-9` (see `lscpu -e`)",
            )
    elif not cores:
        report((*host.at, "cores"), f"host {host.name} has no CPU to run on", "write CPUs such as `cores: 2-9`")
    else:
        twice = sorted({cpu for cpu in cores if cores.count(cpu) > 1})
        if twice:
            listed = ", ".join(map(str, twice))
            report((*host.at, "cores"), f"host {host.name}: CPU {listed} is listed twice", "write each CPU once")
    if host.host.ssh is None and not draft.has_testbed:
        report(
            host.at,
            f"host {host.name} has no `ssh`, and there is no testbed that would make it",
            "write `ssh: {address: ADDRESS, user: root}`",
        )
    if host.host.ssh is not None and draft.has_testbed:
        report(
            (*host.at, "ssh"),
            f"host {host.name} is made by the testbed, which knows how to reach it",
            "leave `ssh` out (or `testbed`, if the host exists already)",
        )
    workdir = host.host.workdir
    if not workdir.is_absolute() or ".." in workdir.parts or len(workdir.parts) < 3:
        report(
            (*host.at, "workdir"),
            f"host {host.name}: workdir {workdir} is no folder of its own",
            "write an absolute path such as /var/lib/dpdk-orchestrator",
        )


def _check_testbed(draft: Draft) -> None:
    count = len(draft.hosts)
    if draft.has_testbed and count and count not in TESTBED_HOSTS:
        draft.source.report(
            ("hosts",),
            f"a testbed has {TESTBED_HOSTS.start} to {TESTBED_HOSTS.stop - 1} hosts, not {count}",
            "add a host" if count < TESTBED_HOSTS.start else "leave some hosts out",
        )


def _check_roles(draft: Draft) -> None:
    data = draft.source.data
    roles = data.get("roles") if isinstance(data, dict) else None
    named = [(role, host) for role, host in (roles.items() if isinstance(roles, dict) else ()) if isinstance(host, str)]
    for role, host in named:
        if host not in draft.host_names():
            draft.source.report(
                ("roles", role), f"role {role}: there is no host {host!r}", choose(host, draft.host_names())
            )
    report_repeats(
        draft.source,
        [(("roles", role), host) for role, host in named],
        "host {value} has two roles",
        "name two different hosts: what is measured must not share a host with what measures",
    )
