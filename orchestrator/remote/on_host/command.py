"""A command: a child that runs to its end and is the answer to one request."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.child import Child
from orchestrator.remote.on_host.errors import Refused
from orchestrator.remote.on_host.sinks import TAIL_BYTES, Capture
from orchestrator.remote.on_host.spawn import environment

if TYPE_CHECKING:
    from orchestrator.remote.on_host.child import Children
    from orchestrator.remote.on_host.frames import Frame

KILL = ((signal.SIGTERM, 0.2), (signal.SIGKILL, 0))


class Command(Child):
    """Runs to its end and is answered with all its output."""

    def __init__(self, children: Children, request: Frame, run_id: str) -> None:
        self.captured = (Capture(), Capture())
        super().__init__(children, request, environment(request["env"], run_id), self.captured)
        self.limit = self.loop.after(request["timeout_s"], lambda: self.escalate("timeout", KILL))

    def ended(self, code: int) -> None:
        """Answer the request."""
        self.loop.cancel(self.limit)
        out, err = (capture.text() for capture in self.captured)
        seconds = time.monotonic() - self.started
        if self.reason == "timeout":
            self.frames.refuse(self.handle, Refused("timed out", "timeout", tail=(err or out)[-TAIL_BYTES:]))
        else:
            self.frames.reply(self.handle, exit_code=code, stdout=out, stderr=err, seconds=seconds)
