"""A program that the agent started, from its start until nothing of it is left; and all of them together."""

from __future__ import annotations

import functools
import os
import signal
import time
from typing import IO, TYPE_CHECKING

from orchestrator.remote.on_host.loop import CHUNK
from orchestrator.remote.on_host.processes import children_of, descendants, has_environment, send_signal
from orchestrator.remote.on_host.spawn import spawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.remote.on_host.frames import Frame, Frames
    from orchestrator.remote.on_host.loop import Loop
    from orchestrator.remote.on_host.sinks import Capture, Log

DRAIN_CHUNKS = 64
PROCESS_VARIABLE = "DPDK_ORCHESTRATOR_PROCESS"


class Children:
    """Every child that runs, by pid, and what they share: the loop and the way to the controller."""

    def __init__(self, loop: Loop, frames: Frames) -> None:
        self.loop, self.frames = loop, frames
        self.token = f"{os.getpid()}-{time.monotonic_ns()}"
        self.running: dict[int, Child] = {}

    def add(self, child: Child) -> None:
        """Keep a child until it is reaped."""
        self.running[child.pid] = child

    def reap(self) -> bool:
        """Take every child that ended; ours are finished, adopted ones only reaped. True if no child is left."""
        try:
            while True:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is None:
                    return False
                child = self.running.pop(found.si_pid, None)
                if child is None:
                    os.waitpid(found.si_pid, 0)
                else:
                    child.reap()
        except ChildProcessError:
            return True


class Child:
    """A command or supervised process: its group, its streams, and how it is being ended."""

    def __init__(
        self,
        children: Children,
        request: Frame,
        environment: dict[str, str],
        sinks: tuple[Capture, Capture] | tuple[Log, Log],
    ) -> None:
        self.children, self.loop, self.frames = children, children.loop, children.frames
        self.handle, self.argv = request["id"], request["argv"]
        self.reason, self.detail = "", ""
        self.timer: int | None = None
        token = f"{children.token}.{self.handle}"
        self.mark = f"{PROCESS_VARIABLE}={token}"
        self.pending = memoryview(request.get("stdin", "").encode())
        self.started = time.monotonic()
        self.popen = spawn(request, {**environment, PROCESS_VARIABLE: token})
        self.pid = self.popen.pid
        assert self.popen.stdout is not None  # noqa: S101 - it is a pipe
        assert self.popen.stderr is not None  # noqa: S101 - it is a pipe
        self.streams: dict[IO[bytes], Capture | Log] = {self.popen.stdout: sinks[0], self.popen.stderr: sinks[1]}
        for stream in self.streams:
            os.set_blocking(stream.fileno(), False)
            self.loop.on_readable(stream, functools.partial(self.read, stream))
        if self.popen.stdin is not None:
            os.set_blocking(self.popen.stdin.fileno(), False)
            self.loop.on_writable(self.popen.stdin, self.write)

    def write(self) -> None:
        """Feed the command's stdin; close it at the end, or when the command stopped reading."""
        assert self.popen.stdin is not None  # noqa: S101 - it was registered
        try:
            self.pending = self.pending[os.write(self.popen.stdin.fileno(), self.pending[:CHUNK]) :]
        except BlockingIOError:
            return
        except OSError:
            self.pending = self.pending[:0]
        if not self.pending:
            self.shut(self.popen.stdin)

    def read(self, stream: IO[bytes]) -> bool:
        """Pass on what a stream holds now. True if there may be more."""
        try:
            data = os.read(stream.fileno(), CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.shut(stream)
            return False
        self.streams[stream].feed(data)
        return True

    def shut(self, stream: IO[bytes]) -> None:
        """Close one of our ends."""
        if not stream.closed:
            self.loop.forget(stream)
            stream.close()

    def escalate(self, reason: str, steps: Sequence[tuple[int, float]]) -> None:
        """Send each step's signal, `(number, seconds until the next)`. The reason that comes first counts."""
        if not self.reason:
            self.reason = reason
            self.step(list(steps))

    def step(self, steps: Sequence[tuple[int, float]]) -> None:
        """Take the first step now and the others in their time. What left the group is found when it is reaped."""
        (number, seconds), later = steps[0], steps[1:]
        send_signal(self.pid, number, group=True)
        if number == signal.SIGTERM:
            send_signal(self.pid, signal.SIGCONT, group=True)
        if later:
            self.timer = self.loop.after(seconds, lambda: self.step(later))

    def ended(self, code: int) -> None:
        """It was reaped and all its streams were read to what they held."""

    def reap(self) -> None:
        """The process is a zombie: end what it left, read the rest, and take its status."""
        send_signal(self.pid, signal.SIGKILL, group=True)
        for pid in children_of(os.getpid()):
            if pid not in self.children.running and has_environment(pid, self.mark):
                for one in [pid, *descendants(pid)]:
                    send_signal(one, signal.SIGKILL)
        for stream in list(self.streams):
            for _ in range(DRAIN_CHUNKS):
                if stream.closed or not self.read(stream):
                    break
            self.shut(stream)
        if self.popen.stdin is not None:
            self.shut(self.popen.stdin)
        for sink in self.streams.values():
            sink.close()
        self.loop.cancel(self.timer)
        _, status = os.waitpid(self.pid, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        self.popen.returncode = code
        self.ended(code)
