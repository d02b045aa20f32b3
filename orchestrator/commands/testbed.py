"""`invoke testbed-up`, `testbed-down`, `testbed-status`."""

from __future__ import annotations

from orchestrator.commands.checkout import inventory_named
from orchestrator.commands.remedies import DEFAULT_INVENTORY, for_inventory
from orchestrator.commands.store import end_store
from orchestrator.errors import UsageError
from orchestrator.testbeds import namespaces
from orchestrator.testbeds.state import PERSON
from orchestrator.testbeds.status import HostStatus


def _testbed_name(inventory_name: str) -> str:
    inventory = inventory_named(inventory_name)
    if inventory.testbed is None:
        raise UsageError(
            f"inventory {inventory_name} describes hosts that exist already, no testbed",
            remedy=f"--inventory {DEFAULT_INVENTORY}",
        )
    return inventory.testbed.name


def up(inventory_name: str) -> str:
    """Make or repair the testbed; returns what is up."""
    _testbed_name(inventory_name)
    inventory = namespaces.up(inventory_named(inventory_name), made_by=PERSON)
    shell = for_inventory("invoke ssh", inventory_name)
    lines = [
        f"{host.name:12} {host.ssh.user}@{host.ssh.address}  ({shell} {host.name})"
        for host in inventory.hosts
        if host.ssh
    ]
    return "\n".join(lines)


def down(inventory_name: str) -> str:
    """End a store that is mounted on it, and take the testbed down; returns what was removed."""
    name = _testbed_name(inventory_name)
    unmounted = end_store(inventory_named(inventory_name), inventory_name)
    report = namespaces.down(name)
    line = (
        f"testbed {name} is down: {len(report.hosts)} hosts, {len(report.interfaces)} interfaces, "
        f"{len(report.mounts)} mounts removed"
        if report.anything
        else f"testbed {name} {'is down' if unmounted else 'was not up'}"
    )
    return f"{unmounted}\n{line}" if unmounted else line


def status(inventory_name: str) -> str:
    """What is there and what is missing."""
    found = namespaces.status(_testbed_name(inventory_name))
    lines = [f"testbed {found.name}, made by {found.made_by}"]
    lines += [f"  host {_host_line(host)}" for host in found.hosts]
    lines += [f"  link {link.name} ({link.kind}): {', '.join(link.missing) or 'ok'}" for link in found.links]
    if found.missing:
        advice = for_inventory("invoke testbed-up", inventory_name)
        lines.append(f"missing: {'; '.join(found.missing)} - {advice} mends it")
    return "\n".join(lines)


def _host_line(host: HostStatus) -> str:
    share = f"{host.hugepages_free_bytes >> 20} of {host.hugepages_bytes >> 20} MiB of its hugepage share free"
    running = "does not run" if host.init_pid is None else f"init {host.init_pid}"
    state = f"{running}, sshd {'answers' if host.sshd else 'is missing'} on {host.address}, {share}"
    return f"{host.name}: {state}" + (f"; missing: {', '.join(host.missing)}" if host.missing else "")
