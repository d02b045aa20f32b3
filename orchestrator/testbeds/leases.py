"""Whether a run is on the hosts of a testbed: their lease files, seen from outside.

An agent holds its host's lease by flock(2). Trying the lock here could make an agent that tries at the same moment
believe that the host is busy, so the kernel's list of locks is read instead.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import HostBusy
from orchestrator.testbeds.deadline import Deadline
from orchestrator.testbeds.paths import Folders

LOCKS = Path("/proc/locks")
ENDING_S = 4.5
"""An agent whose controller is gone gives its lease back within this: it misses heartbeats for three seconds first."""
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, as far as its file says."""

    run_id: str = "unknown"
    owner: str = "unknown"
    remedy: str = ""
    """What to do about it, where it is not to wait."""

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.owner}"


def holders(folders: Folders) -> dict[str, Holder]:
    """Who holds the lease of which host of the testbed."""
    held = _locked_files()
    found = {}
    for lease in sorted(folders.persistent.glob("hosts/*/workdir/lease")):
        try:
            seen = lease.stat()
        except FileNotFoundError:
            continue
        if (os.major(seen.st_dev), os.minor(seen.st_dev), seen.st_ino) in held:
            found[lease.parents[1].name] = _holder(lease)
    return found


def refuse_if_held(folders: Folders, what: str, *, but: str = "") -> None:
    """Raise HostBusy, naming who has which host, unless all leases are free or become so as killed runs end.

    `what` is what was to be done, for the message; the leases of run `but` do not count.
    """
    deadline = Deadline(ENDING_S)
    while found := {host: holder for host, holder in holders(folders).items() if holder.run_id != but or not but}:
        if deadline.passed():
            said = ", ".join(f"{host} is in use by {holder}" for host, holder in found.items())
            told = dict.fromkeys(holder.remedy for holder in found.values() if holder.remedy)
            raise HostBusy(
                f"testbed {folders.testbed} is not {what}: {said}",
                remedy="; ".join(told)
                or "wait for that run to end, or give another testbed a name of its own in the inventory",
            )
        # flock(2) tells nobody but who waits for the lock, and nobody may wait for this one.
        threading.Event().wait(_LOOK_EVERY_S)


def _locked_files() -> set[tuple[int, int, int]]:
    """(major, minor, inode) of every file that somebody holds by flock(2); proc(5), /proc/locks."""
    found = set()
    for line in LOCKS.read_text(encoding="ascii").splitlines():
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK":
            major, minor, inode = words[5].split(":")
            found.add((int(major, 16), int(minor, 16), int(inode)))
    return found


def _holder(lease: Path) -> Holder:
    try:
        record = json.loads(lease.read_bytes())
        return Holder(str(record["run_id"]), str(record["owner"]), str(record.get("remedy", "")))
    except (OSError, ValueError, KeyError):
        return Holder()
