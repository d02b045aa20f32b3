"""Which commands use a testbed: each holds a shared lock on one file of it, which the kernel frees however it ends.

Whoever looks or joins must hold the testbed's own lock (`namespaces.changing`), so that nobody joins meanwhile.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from orchestrator.testbeds.paths import Folders


def join(folders: Folders) -> int:
    """Become a user of the testbed, until the descriptor that is returned is closed."""
    descriptor = _open(folders)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # never waits: nobody holds it alone for longer than `anyone` looks
    return descriptor


def anyone(folders: Folders) -> bool:
    """Whether somebody uses the testbed, this process included."""
    descriptor = _open(folders)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget(folders: Folders) -> None:
    """Remove the file of a testbed that is gone and that nobody uses any more."""
    _path(folders).unlink(missing_ok=True)


def _path(folders: Folders) -> Path:
    return folders.locks / f"testbed-{folders.testbed}.users"


def _open(folders: Folders) -> int:
    path = _path(folders)
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
