"""What is remembered of a testbed while it is up: its owner, inventory and management networks. Scoped to one boot."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from orchestrator.errors import TestbedError
from orchestrator.inventory.model import Inventory
from orchestrator.testbeds.paths import Folders

SCHEMA = 1
PERSON = "user"
"""What a testbed is made by that somebody asked for; any other is taken down by the last command that uses it."""


@dataclass(frozen=True)
class State:
    """`inventory` is without SSH endpoints; `management` has each host's network of two addresses (RFC 3021)."""

    made_by: str
    inventory: Inventory
    management: dict[str, IPv4Network]

    def owned_by(self, made_by: str) -> State:
        """The same testbed as another's."""
        return replace(self, made_by=made_by)

    def address(self, host: str) -> IPv4Address:
        """The host's own address; the machine's end has the one before."""
        return self.management[host][1]


def without_ssh(inventory: Inventory) -> Inventory:
    """The inventory as a testbed remembers it, whether or not it was resolved before."""
    hosts = tuple(host.model_copy(update={"ssh": None}) for host in inventory.hosts)
    return inventory.model_copy(update={"hosts": hosts})


def boot_id() -> str:
    """Which boot of the machine this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def load(folders: Folders) -> State | None:
    """The state of a testbed, or None if there is none of this boot. Raises TestbedError for an unreadable one."""
    try:
        record = json.loads(folders.state.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA or record["boot_id"] != boot_id():
            return None
        return State(
            made_by=record["made_by"],
            inventory=Inventory.model_validate(record["inventory"]),
            management={host: IPv4Network(network) for host, network in record["management"].items()},
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        raise TestbedError(
            f"the state of testbed {folders.testbed} in {folders.state} cannot be read: {str(error).splitlines()[0]}",
            remedy="run invoke testbed-down with the inventory that it was made from",
        ) from error


def save(folders: Folders, state: State) -> None:
    """Write the state atomically, readable by root only."""
    record = {
        "schema": SCHEMA,
        "boot_id": boot_id(),
        "made_by": state.made_by,
        "inventory": state.inventory.model_dump(mode="json", by_alias=True),
        "management": {host: str(network) for host, network in state.management.items()},
    }
    folders.run.mkdir(parents=True, exist_ok=True)
    folders.run.chmod(0o700)
    temporary = folders.state.with_suffix(".new")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(folders.state)  # no fsync: after a crash of the machine the state is void anyway
