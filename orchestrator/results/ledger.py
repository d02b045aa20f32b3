"""The ledger of an experiment: one JSON object a line, each line fsynced; it only grows.

Events of a trial come in this order: `planned`, `started`, `finished`, `verdicts`. What a crash cuts off is at most the
last line, which readers leave out.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from orchestrator.errors import OrchestratorError

Event = Literal["planned", "started", "finished", "verdicts", "interrupted", "restored"]


@dataclass(frozen=True)
class Ledger:
    """A ledger file, which need not be there yet."""

    path: Path

    def append(self, event: Event, key: str = "", **fields: object) -> None:
        """Add one event (`key`: the trial's, empty for the whole run) and wait until it is on disk.

        A single write to a descriptor opened for appending, so that lines of two writers do not mix. A line that a
        crash cut short is closed first. Raises OrchestratorError if it cannot be written.
        """
        entry = {"schema": 1, "event": event, "key": key, "utc": datetime.now(UTC).isoformat(), **fields}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                written = os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise OrchestratorError(f"cannot write {self.path}: {error.strerror}") from error
        if written != len(line):
            raise OrchestratorError(
                f"cannot write {self.path}: only {written} of {len(line)} bytes", remedy="disk full?"
            )

    def read(self) -> list[dict[str, object]]:
        """All whole events in the order they were written; a line cut short by a crash is left out."""
        if not self.path.exists():
            return []
        events: list[dict[str, object]] = []
        for line in self.path.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # cut short by a crash: what it said did not happen as far as the ledger knows
                continue
            if isinstance(event, dict):
                events.append(event)
        return events

    def keys_with(self, event: Event) -> set[str]:
        """Keys of the trials that have this event, for resuming."""
        return {str(entry["key"]) for entry in self.read() if entry.get("event") == event and entry.get("key")}
