"""The host's side of a connection: it starts, watches and ends everything that runs on the host for one controller.

The controller sends these modules to the host and speaks JSON lines (see `frames`) with it over one SSH channel. It is
one thread around one selector. What it promises:

* EOF on its stdin ends every process that it started, at once (TERM, `GRACE_S`, KILL); so does a heartbeat that stays
  out for `beat_timeout_s`, except in a quiet period, to which the same time is added.
* It is the subreaper of its children, so it finds grandchildren that left their process group; and children die with
  it (PR_SET_PDEATHSIG) if it is killed itself.
* A command or process takes with it whatever it left running.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.child import Children
from orchestrator.remote.on_host.command import Command
from orchestrator.remote.on_host.deadman import DeadMan
from orchestrator.remote.on_host.errors import Refused, why
from orchestrator.remote.on_host.frames import Frames
from orchestrator.remote.on_host.lease import Lease
from orchestrator.remote.on_host.loop import CHUNK, Loop
from orchestrator.remote.on_host.processes import children_of, descendants, send_signal
from orchestrator.remote.on_host.sinks import text
from orchestrator.remote.on_host.spawn import adopt_orphans
from orchestrator.remote.on_host.supervised import Process

if TYPE_CHECKING:
    from orchestrator.remote.on_host.frames import Frame

LEAVE_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Agent:
    """The requests, each `op_*` the one of its name, and what they are carried out with."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.loop = Loop()
        self.frames = Frames(self.loop, fd_in, fd_out, self.end)
        self.children = Children(self.loop, self.frames)
        self.deadman = DeadMan(self.loop, self.children, self.leave)
        self.lease = Lease()
        self.goodbye: int | None = None

    def serve(self) -> None:
        """Serve until the controller is gone and nothing that was started for it is left."""
        adopt_orphans()
        wake_in, wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for leave in LEAVE_SIGNALS:
            signal.signal(leave, lambda *_: None)
        self.frames.open(self.deadman.alive, self.dispatch)
        self.loop.on_readable(wake_in, lambda: self.on_signal(os.read(wake_in, CHUNK)))
        self.deadman.alive()
        self.deadman.check_beat()
        self.loop.run()

    def on_signal(self, numbers: bytes) -> None:
        """Signals arrive here as bytes, between callbacks and never within one."""
        if any(number in LEAVE_SIGNALS for number in numbers):
            self.end("lost")
        self.deadman.on_child()

    def end(self, reason: str) -> None:
        """End everything; see `DeadMan`."""
        self.deadman.end(reason)

    def leave(self) -> None:
        """Say goodbye, give the lease back, and end the loop."""
        if self.loop.done:
            return
        self.loop.done = True
        self.lease.release()
        if self.goodbye is not None:
            self.frames.reply(self.goodbye, left=children_of(os.getpid()))
        if self.deadman.ending != "heartbeat":
            self.frames.drain(1.0)

    def dispatch(self, request: Frame) -> None:
        """Carry out one request and answer it, unless its answer comes later. None is once everything is ending."""
        if self.deadman.ending:
            return
        try:
            values = getattr(self, "op_" + request["op"])(request)
        except Refused as refused:
            self.frames.refuse(request["id"], refused)
        except OSError as error:
            self.frames.refuse(request["id"], Refused(f"{error.filename or request['op']}: {why(error)}"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # what else runs here is not to end for it
            what = f"cannot do {request['op']!r}: {type(error).__name__}: {error}"
            self.frames.refuse(request["id"], Refused(what))
        else:
            if values is not None:
                self.frames.reply(request["id"], **values)

    def process(self, request: Frame) -> Process | None:
        """The running process with the handle in a request, or None."""
        running = self.children.running.values()
        return next((c for c in running if isinstance(c, Process) and c.handle == request["process"]), None)

    def op_hello(self, request: Frame) -> Frame:
        """Who we are; sets how long a heartbeat may stay out."""
        self.deadman.beat_timeout_s = request["beat_timeout_s"]
        self.deadman.alive()
        self.deadman.check_beat()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        return {
            "uid": os.getuid(),
            "pid": os.getpid(),
            "python": sys.version.split()[0],
            "boot_id": boot_id,
            "hostname": os.uname().nodename,
            "clock": {"monotonic": time.monotonic(), "realtime": time.time()},
        }

    def op_beat(self, _request: Frame) -> Frame:
        """The controller lives, and wants to know that we do."""
        return {}

    def op_quiet(self, request: Frame) -> Frame:
        """For `seconds` no heartbeat is to be expected; any request ends the quiet period."""
        self.deadman.alive(request["seconds"])
        self.deadman.check_beat()
        return {}

    def op_run(self, request: Frame) -> None:
        """Run a command; answered when it has ended."""
        self.children.add(Command(self.children, request, self.lease.run_id))

    def op_start(self, request: Frame) -> Frame:
        """Start a supervised process."""
        directory, name = request["directory"], request["name"]
        for child in self.children.running.values():
            if isinstance(child, Process) and (child.name, child.directory) == (name, directory):
                raise Refused(f"a process of this name already writes to {directory}")
        process = Process(self.children, request)
        self.children.add(process)
        return {"pid": process.pid}

    def op_stop(self, request: Frame) -> Frame:
        """Stop a process with its own deadlines; its `exit` event tells how it ended."""
        process = self.process(request)
        if process is not None:
            process.escalate("stopped", process.stop_steps)
        return {"running": process is not None}

    def op_tail(self, request: Frame) -> Frame:
        """The end of a running process's stderr."""
        process = self.process(request)
        return {"stderr": text(process.errors.tail) if process is not None else ""}

    def op_status(self, _request: Frame) -> Frame:
        """What runs now."""
        now = time.monotonic()
        return {
            "children": [
                {"handle": c.handle, "pid": c.pid, "argv": c.argv, "seconds": now - c.started}
                for c in self.children.running.values()
            ]
        }

    def op_hold(self, request: Frame) -> Frame:
        """Take the host's lease; see `Lease`."""
        self.lease.hold(request)
        return {}

    def op_release(self, _request: Frame) -> Frame:
        """Give the lease back."""
        self.lease.release()
        return {}

    def op_bye(self, request: Frame) -> None:
        """End everything; answered when it is done, just before this agent ends."""
        self.goodbye = request["id"]
        self.end("stopped")


def main() -> None:
    """Serve on stdin and stdout. A fault of our own still ends what was started."""
    agent = Agent(0, 1)
    try:
        agent.serve()
    finally:
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGKILL)
