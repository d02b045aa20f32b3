"""Processes of a testbed's hosts: known by pid and start time, proven by an environment mark, ended through pidfds."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import TestbedError
from orchestrator.testbeds.deadline import Deadline
from orchestrator.testbeds.host_init import start_time
from orchestrator.testbeds.paths import HOST_MARK

TERM_S, KILL_S = 2.0, 5.0


@dataclass(frozen=True)
class Identity:
    """A process for as long as the machine is up: pids are used again, start times (in clock ticks) are not."""

    pid: int
    start_time: int

    def alive(self) -> bool:
        """Whether this very process runs (a zombie does not)."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return start_time(self.pid) == self.start_time and not _zombie(self.pid)
        return False


def read_identity(file: Path, mark: str) -> Identity | None:
    """Process 1 of a host as `host_init` wrote it down, if it still runs and carries the host's mark."""
    try:
        record = json.loads(file.read_text(encoding="ascii"))
        identity = Identity(int(record["pid"]), int(record["start_time"]))
    except (OSError, ValueError, KeyError):
        return None
    return identity if identity.alive() and mark_of(identity.pid) == mark else None


def mark_of(pid: int) -> str | None:
    """The `<testbed>/<host>` that a process of root's was started with, or None."""
    try:
        if Path(f"/proc/{pid}").stat().st_uid != 0:
            return None
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    wanted = f"{HOST_MARK}=".encode()
    for variable in environment.split(b"\0"):
        if variable.startswith(wanted):
            return variable.removeprefix(wanted).decode(errors="replace")
    return None


def marked(testbed: str, host: str | None = None) -> list[Identity]:
    """Every process on this machine that carries the mark of a testbed (or of one host of it)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        mark = mark_of(int(entry.name))
        if mark is None or not (mark == f"{testbed}/{host}" if host else mark.startswith(f"{testbed}/")):
            continue
        with contextlib.suppress(OSError, ValueError):
            found.append(Identity(int(entry.name), start_time(int(entry.name))))
    return found


def end_all(processes: Iterable[Identity], *, term_s: float = TERM_S) -> int:
    """TERM, and KILL after `term_s`, to the given processes; wait until all are gone. Returns how many there were.

    Raises TestbedError if one is still there KILL_S after it was killed.
    """
    handles: dict[int, Identity] = {}
    try:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(process.pid)
                if process.alive():  # checked after the handle is held: it cannot be another one from here on
                    handles[handle] = process
                else:
                    os.close(handle)
        left = set(handles)
        for number, seconds in ((signal.SIGTERM, term_s), (signal.SIGKILL, KILL_S)):
            for handle in left:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            left = _wait(left, seconds)
        if left:
            pids = ", ".join(str(handles[handle].pid) for handle in left)
            raise TestbedError(
                f"processes {pids} did not end within {KILL_S:g} s of SIGKILL",
                remedy="they hang in the kernel: see /proc/PID/stack, then run invoke testbed-down again",
            )
        return len(handles)
    finally:
        for handle in handles:
            os.close(handle)


def _wait(handles: set[int], seconds: float) -> set[int]:
    """Wait for processes to end; those that did not within `seconds`. A pidfd is readable once its process ended."""
    left = set(handles)
    deadline = Deadline(seconds)
    poll = select.poll()
    for handle in left:
        poll.register(handle, select.POLLIN)
    while left:
        ready = poll.poll(deadline.left() * 1000)
        if not ready:
            break
        for handle, _ in ready:
            poll.unregister(handle)
            left.discard(handle)
    return left


def _zombie(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def in_own_namespace(pid: int) -> bool:
    """Whether a process is in another PID namespace than we are (so that its process 1 ends it)."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
    except OSError:
        return False
