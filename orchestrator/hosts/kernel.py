"""Which hosts share a kernel, and one lock per kernel for settings that are the kernel's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import DeadlineExceeded, HostSettingError, OrchestratorError
from orchestrator.hosts.parallel import verdicts
from orchestrator.remote.fleet import each

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote

BOOT_ID = "/proc/sys/kernel/random/boot_id"
LOCK_FOLDER = Path("/run/dpdk-orchestrator")
LOCK_DEADLINE_S = 60.0
BOOT_ID_DEADLINE_S = 30.0


def read_boot_id(remote: Remote) -> str:
    """The boot_id of a host's kernel: equal for hosts that share one kernel, new after every reboot."""
    return remote.run(["cat", BOOT_ID], timeout_s=15.0).stdout.strip()


def read_boot_ids(remotes: Mapping[str, Remote]) -> tuple[dict[str, str], dict[str, OrchestratorError]]:
    """boot_id by host, and the error of every host that gave none."""
    return verdicts(each(remotes, read_boot_id, deadline_s=BOOT_ID_DEADLINE_S))


@contextlib.contextmanager
def kernel_lock(boot_id: str, folder: Path = LOCK_FOLDER, *, deadline_s: float = LOCK_DEADLINE_S) -> Iterator[None]:
    """Hold the controller's lock of a kernel where it is the controller's own; else nothing.

    Hosts made of namespaces share the controller's kernel but no folder in which they could lock each other out, and
    several testbeds (and controllers) may change its settings at once. Raises DeadlineExceeded, HostSettingError.
    """
    if Path(BOOT_ID).read_text(encoding="ascii").strip() != boot_id:
        yield
        return
    path = folder / f"kernel-{boot_id}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostSettingError(f"cannot open the lock {path}: {error.strerror}", remedy="run as root") from error
    try:
        _lock(descriptor, path, deadline_s)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, deadline_s: float) -> None:
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"another controller holds {path} for {deadline_s:g} s", remedy=f"see `fuser -v {path}`"
                ) from None
            time.sleep(0.02)  # flock has no deadline of its own, and a signal handler would not fit a library
        else:
            return
