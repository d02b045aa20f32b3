"""Locks between controllers on this machine: flock(2) with a deadline, telling who holds it."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import HostBusy
from orchestrator.testbeds.deadline import Deadline


@contextlib.contextmanager
def held(path: Path, owner: str, *, what: str, wait_s: float) -> Iterator[None]:
    """Hold the lock file `path` (made, and removed at the end) for the duration of the block.

    `what` is what the lock is about, for the message.

    Raises HostBusy naming the holder if the lock is not free within `wait_s` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = _acquire(path, what, wait_s)
    try:
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "owner": owner, "since": since}).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)  # safe: who waits for this file finds out below that it is no longer the lock
        os.close(fd)


def holder(path: Path) -> str:
    """Who holds the lock, for a message."""
    with contextlib.suppress(OSError, ValueError):
        record = json.loads(path.read_text(encoding="utf-8"))
        return f"{record['owner']} (pid {record['pid']}, since {record['since']})"
    return "another controller"


def _acquire(path: Path, what: str, wait_s: float) -> int:
    """Lock the file that is at `path` when the lock is got; a file that was removed meanwhile does not count."""
    deadline = Deadline(wait_s)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _flock(fd, deadline.left()):
            raise HostBusy(
                f"{what} is being changed by {holder(path)}", remedy=f"wait for it to end (waited {wait_s:g} s)"
            )
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), path.stat()):
                return fd
        os.close(fd)


def _flock(fd: int, timeout_s: float) -> bool:
    """flock(2) with a timeout, which the system call lacks: a thread waits. On failure `fd` is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        pass
    guard = threading.Lock()
    outcome = {"locked": False, "abandoned": False}

    def wait() -> None:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with guard:
            outcome["locked"] = True
            if outcome["abandoned"]:
                os.close(fd)

    waiter = threading.Thread(target=wait, name="flock", daemon=True)
    waiter.start()
    waiter.join(timeout_s)
    with guard:
        outcome["abandoned"] = not outcome["locked"]
        return outcome["locked"]
