"""What was changed on hosts and is not yet put back: an append-only journal in two copies, JSON lines, fsynced.

One copy lies on the controller, one on each host (`<workdir>/journal.jsonl`); both are written before the setting
itself. Either one is enough to put everything back: a change is open when one copy says that it was begun and no copy
says that it is done (a change is marked done only after it was put back, so one such line is proof).

A line: `{"schema": 1, "event": "begin" | "applied" | "done", "id": ..., "utc": ..., "change" | "data" | "note": ...}`.
A torn line (power loss, full disk) is skipped: a `begin` that did not reach the disk was followed by no write.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from orchestrator.errors import HostSettingError, OrchestratorError
from orchestrator.hosts.parallel import verdicts
from orchestrator.hosts.settings import Change, JsonObject, OpenChange
from orchestrator.remote.fleet import each

if TYPE_CHECKING:
    from orchestrator.inventory.model import Inventory
    from orchestrator.remote.protocol import Remote

SCHEMA = 1
HOST_FILE = "journal.jsonl"
READ_DEADLINE_S = 30.0

# A torn last line is closed with a newline first, or the new line would be lost with it.
_APPEND = """\
set -e
mkdir -p -- "$1"
exec 9>>"$1/$2"
flock -w 10 9
if [ -s "$1/$2" ] && [ -n "$(tail -c 1 -- "$1/$2")" ]; then echo >&9; fi
printf '%s\\n' "$3" >&9
sync -- "$1/$2" "$1"
"""
_READ = '[ ! -e "$1/$2" ] || exec cat -- "$1/$2"\n'


class Event(BaseModel):
    """One line of the journal."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    event: Literal["begin", "applied", "done"]
    id: str
    utc: str
    change: Change | None = None
    data: dict[str, JsonValue] | None = None
    note: str = ""


@dataclass(frozen=True)
class OpenChanges:
    """What the two copies say together.

    `changes`: open ones, oldest first. `half_done`: those that one copy calls done and another still open (`done`
    evens them out). `unread`: hosts whose copy could not be read, with the reason; their changes are known only as far
    as the controller's copy goes.
    """

    changes: tuple[OpenChange, ...]
    half_done: tuple[OpenChange, ...]
    unread: Mapping[str, OrchestratorError]


class Journal:
    """The journal of one inventory or testbed. Threads may share it, as long as each uses hosts of its own.

    `path` is the controller's copy (made when first written); `workdirs` maps a host's name to its workdir.
    """

    def __init__(self, path: Path, remotes: Mapping[str, Remote], workdirs: Mapping[str, Path]) -> None:
        self.path = path
        self._remotes = dict(remotes)
        self._workdirs = dict(workdirs)
        self._changes: dict[str, OpenChange] = {}
        self._unread: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, path: Path, inventory: Inventory, remotes: Mapping[str, Remote]) -> Journal:
        """The journal of an inventory's hosts."""
        return cls(path, remotes, {host.name: host.workdir for host in inventory.hosts})

    def begin(self, change: Change) -> str:
        """Record a change that is about to be made, in both copies; return its id.

        Raises HostSettingError if the controller's copy cannot be written, and what the Remote raises if the host's
        cannot: then nothing must be changed.
        """
        event = Event(event="begin", id=uuid.uuid4().hex, utc=_now(), change=change)
        self._append_here(event)
        try:
            self._append_on_host(change.host, event)
        except OrchestratorError as error:
            self._append_here(Event(event="done", id=event.id, utc=_now(), note=f"not made: {error}"))
            raise
        with self._lock:
            self._changes[event.id] = OpenChange(event.id, change, applied=False, begun_utc=event.utc)
        return event.id

    def applied(self, change_id: str, data: JsonObject) -> OpenChange:
        """Confirm in both copies that a change was made, `data` taking the place of the change's own.

        Raises KeyError for a change that neither `begin` nor `open_changes` of this object returned.
        """
        known = self._known(change_id)
        change = known.change.model_copy(update={"data": data})
        event = Event(event="applied", id=change_id, utc=_now(), data=data)
        self._append_here(event)
        self._append_on_host(change.host, event)
        confirmed = OpenChange(change_id, change, applied=True, begun_utc=known.begun_utc)
        with self._lock:
            self._changes[change_id] = confirmed
        return confirmed

    def done(self, change_id: str, note: str = "") -> None:
        """Record in both copies that a change is put back (or was never made). Idempotent.

        The copy of a host that `open_changes` could not read is left out; a later `open_changes` finds it half done.

        Raises KeyError for a change that neither `begin` nor `open_changes` of this object returned.
        """
        host = self._known(change_id).change.host
        event = Event(event="done", id=change_id, utc=_now(), note=note)
        self._append_here(event)
        self._append_on_host(host, event)

    def open_change(self, change_id: str) -> OpenChange:
        """A change that `begin` or `open_changes` of this object returned, as it is now known. Raises KeyError."""
        return self._known(change_id)

    def open_changes(self) -> OpenChanges:
        """Changes begun and not done, merged from the controller's copy and those of the hosts.

        Raises HostSettingError if the controller's copy cannot be read.
        """
        here = _parse(self._read_here(), str(self.path))
        on_hosts, unread = verdicts(each(self._remotes, self._read_on_host, deadline_s=READ_DEADLINE_S))
        merged = _merge({"": here, **on_hosts})
        with self._lock:
            self._unread = frozenset(unread)
            self._changes.update({change.id: change for change in (*merged.changes, *merged.half_done)})
        return replace(merged, unread=unread)

    def _known(self, change_id: str) -> OpenChange:
        with self._lock:
            return self._changes[change_id]

    def _read_here(self) -> str:
        try:
            return self.path.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise HostSettingError(f"cannot read the journal {self.path}: {error.strerror}") from error

    def _append_here(self, event: Event) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                end = file.seek(0, os.SEEK_END)
                torn = False
                if end:
                    file.seek(end - 1)
                    torn = file.read(1) != b"\n"
                file.write((b"\n" if torn else b"") + _line(event).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(self.path.parent)
        except OSError as error:
            raise HostSettingError(
                f"cannot write the journal {self.path}: {error.strerror}",
                remedy="nothing is changed without it; make room or run as root",
            ) from error

    def _append_on_host(self, host: str, event: Event) -> None:
        remote = self._remotes.get(host)
        if event.event != "begin" and (remote is None or host in self._unread):
            return  # a host that is gone or does not answer: the controller's copy stands alone
        if remote is None:
            raise HostSettingError("there is no connection to the host for its journal", host=host)
        argv = ["sh", "-s", "--", str(self._workdir(host)), HOST_FILE, _line(event)]
        remote.run(argv, stdin=_APPEND, timeout_s=20.0)

    def _read_on_host(self, remote: Remote) -> list[Event]:
        argv = ["sh", "-s", "--", str(self._workdir(remote.host)), HOST_FILE]
        text = remote.run(argv, stdin=_READ, timeout_s=20.0).stdout
        return _parse(text, f"{remote.host}:{self._workdir(remote.host)}/{HOST_FILE}")

    def _workdir(self, host: str) -> Path:
        return self._workdirs[host]


def _parse(text: str, where: str) -> list[Event]:
    """Events of one copy, torn lines left out. Raises HostSettingError for a line of a later schema."""
    events = []
    for line in text.split("\n"):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if not isinstance(document, dict):
            continue
        if document.get("schema") != SCHEMA:
            raise HostSettingError(
                f"the journal {where} has a line of schema {document.get('schema')}; this version reads {SCHEMA}",
                remedy="run `invoke restore` of the version that wrote it",
            )
        try:
            events.append(Event.model_validate(document))
        except ValidationError as error:
            raise HostSettingError(f"the journal {where} has a line that is none of ours: {line[:80]}") from error
    return events


def _merge(copies: Mapping[str, Iterable[Event]]) -> OpenChanges:
    """What several copies of one journal, by host ("": the controller's), say together.

    Stamps are all the controllers', so they order the copies.
    """
    begun: dict[str, Event] = {}
    confirmed: dict[str, Event] = {}
    begun_in: defaultdict[str, set[str]] = defaultdict(set)
    done_in: defaultdict[str, set[str]] = defaultdict(set)
    for where, copy in copies.items():
        for event in copy:
            if event.event == "begin" and event.change is not None:
                begun[event.id] = event
                begun_in[event.id].add(where)
            elif event.event == "applied" and event.data is not None:
                known = confirmed.get(event.id)
                if known is None or event.utc >= known.utc:
                    confirmed[event.id] = event
            elif event.event == "done":
                done_in[event.id].add(where)
    changes: list[OpenChange] = []
    half_done: list[OpenChange] = []
    for event in sorted(begun.values(), key=lambda event: event.utc):
        if begun_in[event.id] <= done_in[event.id]:
            continue
        change = _open_change(event, confirmed.get(event.id))
        own = change.change.host in begun_in[event.id]
        (half_done if done_in[event.id] else changes).append(replace(change, in_own_copy=own))
    return OpenChanges(tuple(changes), tuple(half_done), {})


def _open_change(begin: Event, confirmed: Event | None) -> OpenChange:
    if begin.change is None:
        raise ValueError("a begin event without its change")
    change = begin.change
    if confirmed is not None and confirmed.data is not None:
        change = change.model_copy(update={"data": confirmed.data})
    return OpenChange(begin.id, change, applied=confirmed is not None, begun_utc=begin.utc)


def _line(event: Event) -> str:
    return json.dumps(event.model_dump(mode="json", by_alias=True, exclude_none=True), separators=(",", ":"))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
