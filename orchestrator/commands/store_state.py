"""What is known of a mounted store outside the process that keeps it: a state file, and a log beside it.

There is one for each testbed or inventory. The keeper alone writes it; it is dropped by the command that ends the
keeper, or by the next one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from orchestrator.commands.session import journal_path
from orchestrator.errors import OrchestratorError
from orchestrator.experiments.records import Record
from orchestrator.inventory.model import Inventory
from orchestrator.results.layout import read_json, to_json, write_atomic
from orchestrator.testbeds.paths import RUN
from orchestrator.testbeds.processes import Identity

Phase = Literal["starting", "serving", "broken", "ended"]
"""`broken`: without a server, for good."""


class Mounted(Record):
    """A folder of a host at which the store is mounted."""

    host: str
    path: str


class StoreState(Record):
    """A mounted store, as its keeper tells of it. Times are UTC."""

    run_id: str
    owner: str
    pid: int
    start_time: int
    """Of the keeper, in clock ticks since boot: with the pid, who it is."""
    phase: Phase
    since: datetime
    until: datetime
    transport: str
    link: str
    driver: str
    durability: str
    cache: str
    server: str
    """The host that keeps the files."""
    backing: str
    stays: bool
    """Whether the files outlive the mount."""
    mounts: tuple[Mounted, ...]
    troubles: tuple[str, ...] = ()
    """What went wrong while it was mounted, one line each."""
    ended: str = ""
    """Why it ended."""
    failed: bool = False
    """Whether something was not put back."""

    @property
    def kept(self) -> bool:
        """Whether its keeper is alive."""
        return self.identity.alive()

    @property
    def identity(self) -> Identity:
        """The keeper."""
        return Identity(self.pid, self.start_time)


@dataclass(frozen=True)
class StoreFiles:
    """Where state and log of a mounted store are, and the lock that its keeper holds."""

    folder: Path
    name: str

    @property
    def state(self) -> Path:
        """The state file."""
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """What the keeper says."""
        return self.folder / f"{self.name}.log"

    @property
    def lock(self) -> Path:
        """Held by the keeper while it lives."""
        return self.folder / f"{self.name}.lock"

    def read(self) -> StoreState | None:
        """The state; None where nothing was mounted since it was dropped. Raises OrchestratorError naming the file."""
        if not self.state.exists():
            return None
        try:
            return StoreState.model_validate(read_json(self.state))
        except ValidationError as error:
            raise OrchestratorError(
                f"{self.state}: {error.errors()[0]['msg']}", remedy=f"remove {self.state}"
            ) from error

    def write(self, state: StoreState) -> None:
        """Replace the state."""
        write_atomic(self.state, to_json(state), replace=True)

    def drop(self) -> None:
        """Forget a store that has ended."""
        self.state.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)


def store_files(inventory: Inventory, name: str) -> StoreFiles:
    """The files of the store of an inventory that was named so: in a folder that only this user can write to."""
    own = RUN if os.geteuid() == 0 else Path.home() / ".cache" / "dpdk-orchestrator"
    return StoreFiles(own / "stores", journal_path(inventory, name).stem)
