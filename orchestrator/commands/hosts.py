"""`invoke setup-hugepages`, `restore`, `build`, `ssh`: what is done on the hosts of an inventory outside a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.apps.build import build_all
from orchestrator.apps.paths import run_folder
from orchestrator.apps.source import SourceTree
from orchestrator.commands.checkout import APPS, inventory_named
from orchestrator.commands.nics import reverters
from orchestrator.commands.remedies import for_inventory
from orchestrator.commands.session import hold_all, new_run_id, session
from orchestrator.commands.store import end_store
from orchestrator.errors import TestbedError, UsageError
from orchestrator.hosts.hugepages import setup_hugepages as make_pages
from orchestrator.hosts.leftovers import end_leftovers
from orchestrator.hosts.parallel import raise_all, verdicts
from orchestrator.hosts.restore import restore as put_back
from orchestrator.hosts.scratch import clean_scratch
from orchestrator.hosts.settings import RUN_OWNER_PREFIX, SETUP_HUGEPAGES
from orchestrator.inventory.model import PAGE_BYTES, Host, Inventory
from orchestrator.remote.fleet import each
from orchestrator.remote.openssh import ssh_argv, write_config
from orchestrator.remote.protocol import Remote
from orchestrator.testbeds import namespaces
from orchestrator.testbeds.paths import RUN, Folders

LEFTOVERS_DEADLINE_S = 15.0

# Prints the id of every run whose files it removed. A lease is held meanwhile, so none of these runs is alive.
REMOVE_RUNS = """\
cd "$1" 2>/dev/null || exit 0
for run in [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]; do
    [ -d "$run" ] || continue
    rm -rf -- "$run"
    echo "$run"
done
"""


def setup_hugepages(inventory_name: str, pages: int | None, size: str | None, node: int | None) -> str:
    """Make pages free on every host; returns a line for each pool."""
    chosen = next((known for known in PAGE_BYTES if known == size), None)
    if size is not None and chosen is None:
        raise UsageError(f"--size {size} is no page size", remedy=f"one of {', '.join(PAGE_BYTES)}")
    inventory = inventory_named(inventory_name)
    with session(inventory, inventory_name, made_by="setup-hugepages") as hosts:
        hold_all(hosts, new_run_id())
        report = make_pages(
            hosts.remotes,
            hosts.inventory,
            journal=hosts.journal,
            owner=SETUP_HUGEPAGES,
            pages=pages,
            size=chosen,
            node=node,
        )
    lines = []
    for pool in report.pools:
        place = "" if pool.demand.node is None else f" on node {pool.demand.node}"
        lines.append(
            f"{', '.join(pool.demand.hosts)}: {pool.free} pages of {pool.demand.size}{place} are free, "
            f"{pool.demand.pages} asked for; {pool.added} added to {pool.prior}"
        )
    return "\n".join([*lines, for_inventory("they stay until: invoke restore", inventory_name)])


def restore(inventory_name: str) -> str:
    """End a mounted store, put back what the journal holds, and take down a testbed that an ended run left; returns
    what was done.
    """
    inventory = inventory_named(inventory_name)
    unmounted = end_store(inventory, inventory_name, restoring=True)
    left_over = _left_by_run(inventory)
    with session(inventory, inventory_name, made_by="restore", tolerant=True) as hosts:
        hold_all(hosts, new_run_id())
        ended, stuck = verdicts(each(hosts.remotes, end_leftovers, deadline_s=LEFTOVERS_DEADLINE_S))
        cleaned, uncleaned = verdicts(each(hosts.remotes, clean_scratch, deadline_s=LEFTOVERS_DEADLINE_S))
        removed, kept = verdicts(
            each(
                hosts.remotes,
                lambda remote: _remove_runs(remote, hosts.inventory.host(remote.host)),
                deadline_s=LEFTOVERS_DEADLINE_S,
            )
        )
        report = put_back(hosts.remotes, hosts.journal, reverters())
    notes = [unmounted] if unmounted else []
    notes += [
        f"{host}: ended process {process.pid} of run {process.run_id}: {process.command}"
        for host, processes in ended.items()
        for process in processes
    ]
    notes += [f"{host}: {path} of an ended store is gone" for host, paths in cleaned.items() for path in paths]
    notes += [f"{host}: files of run {run} removed" for host, runs in removed.items() for run in runs]
    notes += [f"{entry.host}: {entry.note} (changed by {entry.owner})" for entry in report.restored]
    if left_over and inventory.testbed is not None and inventory.testbed.name not in namespaces.names():
        notes.append(f"testbed {inventory.testbed.name}: taken down, a run had left it")
    report.check()
    raise_all({**kept, **uncleaned, **stuck})
    return "\n".join(notes) or "nothing to put back"


def build(inventory_name: str) -> str:
    """Build on every host; returns a line for each."""
    inventory = inventory_named(inventory_name)
    source = SourceTree(APPS)
    with session(inventory, inventory_name, made_by="build") as hosts:
        hold_all(hosts, new_run_id())  # compilers would be heard in a window
        results = build_all(hosts.remotes, hosts.inventory, source)
    return "\n".join(
        f"{result.host}: {'already built' if result.cached else f'built in {result.seconds:.1f} s'} "
        f"({', '.join(sorted(result.binaries))}; {result.tools})"
        for result in results.values()
    )


def ssh(inventory_name: str, host: str, command: Sequence[str]) -> None:
    """Become the ssh client of a shell or command on `host`; does not return. Raises UsageError, TestbedError."""
    inventory = inventory_named(inventory_name)
    if inventory.testbed is not None:
        inventory = namespaces.resolve(inventory)
    if host not in {known.name for known in inventory.hosts}:
        raise UsageError(
            f"inventory {inventory_name} has no host {host}",
            remedy=f"there are: {', '.join(known.name for known in inventory.hosts)}",
        )
    target = inventory.host(host)
    argv = ssh_argv(target, command, write_config(target, _ssh_folder(inventory)))
    os.execvp(argv[0], argv)  # noqa: S606 - the whole argv is ours, and no shell is between


def _ssh_folder(inventory: Inventory) -> Path:
    """Where configurations for ssh lie: a folder that only this user can write to. A testbed takes its own along."""
    if inventory.testbed is not None:
        return Folders(inventory.testbed.name).run / "ssh"
    return RUN / "ssh" if os.geteuid() == 0 else Path.home() / ".cache" / "dpdk-orchestrator" / "ssh"


def _remove_runs(remote: Remote, host: Host) -> list[str]:
    """Remove what killed runs wrote on a host and could not fetch; their ids."""
    folder = str(Path(run_folder(host, "any")).parent)
    return remote.run(["sh", "-s", "--", folder], stdin=REMOVE_RUNS).stdout.split()


def _left_by_run(inventory: Inventory) -> bool:
    """Whether the testbed stands because a run brought it up and was killed."""
    if inventory.testbed is None or inventory.testbed.name not in namespaces.names():
        return False
    try:
        return namespaces.status(inventory.testbed.name).made_by.startswith(RUN_OWNER_PREFIX)
    except TestbedError:  # only half made: `up` mends it, and then it is nobody's but ours
        return True
