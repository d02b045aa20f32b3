"""The host's lease: a file whose lock the kernel gives back when the agent ends, however that happens."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.errors import Refused
from orchestrator.remote.on_host.processes import send_signal, with_environment
from orchestrator.remote.on_host.spawn import RUN_VARIABLE

if TYPE_CHECKING:
    from orchestrator.remote.on_host.frames import Frame

LEASE_BYTES = 4096


class Lease:
    """The lease as this agent has it, or not. `run_id` is that of the last run that took it."""

    def __init__(self) -> None:
        self.run_id = ""
        self.fd: int | None = None

    def hold(self, request: Frame) -> None:
        """Take it, or name another run in the one that is held. Raises Refused with the holder's."""
        if self.fd is None:
            self.fd = take(request["workdir"])
        self.run_id = request["run_id"]
        told = {key: request[key] for key in ("run_id", "owner", "since", "remedy") if request.get(key)}
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, json.dumps({"schema": 1, **told}).encode() + b"\n", 0)

    def release(self) -> None:
        """Give it back. Idempotent."""
        if self.fd is not None:
            os.ftruncate(self.fd, 0)
            os.close(self.fd)
            self.fd = None


def take(workdir: str) -> int:
    """Lock the lease file. A holder that died without giving it back may have left processes: they are ended."""
    if not os.path.isdir(workdir):
        os.makedirs(workdir, 0o755)
        user, group = os.environ.get("SUDO_UID", os.getuid()), os.environ.get("SUDO_GID", os.getgid())
        os.chown(workdir, int(user), int(group))
    path = os.path.join(workdir, "lease")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = read(fd)
        os.close(fd)
        raise Refused("in use", "busy", holder=holder) from None
    left = read(fd).get("run_id")
    if left:
        for pid in with_environment(f"{RUN_VARIABLE}={left}"):
            send_signal(pid, signal.SIGKILL)
    return fd


def read(fd: int) -> Frame:
    """The holder that a lease file names; empty if none or unreadable."""
    try:
        holder = json.loads(os.pread(fd, LEASE_BYTES, 0) or b"{}")
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}
