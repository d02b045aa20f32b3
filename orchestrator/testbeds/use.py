"""A testbed while a command works on it: brought up for it if need be, and taken down by the last who uses it.

A testbed that a person made (`testbed-up`, `--keep`) stays.
"""

from __future__ import annotations

import os

from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import leases, namespaces, users
from orchestrator.testbeds import state as states
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.removal import remove


class Use:
    """One command's use of the testbed of `inventory`; `made_by` says whose it is if it is not up yet."""

    def __init__(self, inventory: Inventory, *, made_by: str) -> None:
        if inventory.testbed is None:
            raise ValueError("the inventory has no testbed")
        self._inventory = inventory
        self._folders = Folders(inventory.testbed.name)
        self._made_by = made_by
        self._begun = False
        self._descriptor: int | None = None

    def enter(self) -> Inventory:
        """Bring it up or mend it; the inventory with every host's `ssh`. Raises as `namespaces.up`."""
        with namespaces.changing(self._folders, self._made_by):
            self._begun = True
            inventory = namespaces.up_locked(self._inventory, self._made_by)
            self._descriptor = users.join(self._folders)
            return inventory

    def leave(self, *, keep: bool = False, of_run: str = "") -> None:
        """Give it up; take it down if nobody else uses it and no person made it. Idempotent.

        With `keep` it stays, and counts as made by a person from now on. `of_run` is the run that leaves: its agents
        may still be ending. Half a testbed, of an `enter` that failed, goes too. Raises HostBusy, TestbedError.
        """
        if not self._begun:
            return
        with namespaces.changing(self._folders, self._made_by):
            self._begun = False
            if self._descriptor is not None:
                os.close(self._descriptor)
            state = states.load(self._folders)
            if keep and state is not None and self._descriptor is not None:
                states.save(self._folders, state.owned_by(states.PERSON))
            elif (state is None or state.made_by != states.PERSON) and not users.anyone(self._folders):
                leases.refuse_if_held(self._folders, "taken down", but=of_run)
                remove(self._folders, forget=False)
                users.forget(self._folders)
