"""`invoke testbed-up`, `testbed-down`, `testbed-status`."""

from __future__ import annotations

from orchestrator.commands.checkout import inventory_named
from orchestrator.errors import UsageError
from orchestrator.testbeds import namespaces


def _testbed_name(inventory_name: str) -> str:
    inventory = inventory_named(inventory_name)
    if inventory.testbed is None:
        raise UsageError(
            f"inventory {inventory_name} describes hosts that exist already, no testbed", remedy="--inventory local"
        )
    return inventory.testbed.name


def up(inventory_name: str) -> str:
    """Make or repair the testbed; returns what is up."""
    _testbed_name(inventory_name)
    inventory = namespaces.up(inventory_named(inventory_name), made_by="user")
    lines = [
        f"{host.name:12} {host.ssh.user}@{host.ssh.address}  (invoke ssh {host.name})"
        for host in inventory.hosts
        if host.ssh
    ]
    return "\n".join(lines)


def down(inventory_name: str) -> str:
    """Take the testbed down; returns what was removed."""
    return namespaces.down(_testbed_name(inventory_name)).text()


def status(inventory_name: str) -> str:
    """What is there and what is missing."""
    return namespaces.status(_testbed_name(inventory_name)).text()
