"""JSON lines between the agent and its controller, over two descriptors.

Requests are `{"id": n, "op": name, ...}`; a reply has the same id and either its values or `error`, an object with
`kind` (`failed`, `busy`, `timeout`) and `what`. Events have no id: `ready`, `done`, `exit`, `log_failed`.
"""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Any

from orchestrator.remote.on_host.loop import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.remote.on_host.errors import Refused
    from orchestrator.remote.on_host.loop import Loop

    Frame = dict[str, Any]

OUTGOING_LIMIT = 256 << 20


class Frames:
    """The stream of frames. `on_lost` is called with `eof`, or `lost` for a controller that does not read."""

    def __init__(self, loop: Loop, fd_in: int, fd_out: int, on_lost: Callable[[str], None]) -> None:
        self.loop, self.fd_in, self.fd_out = loop, fd_in, fd_out
        self.on_lost = on_lost
        self.incoming, self.outgoing = bytearray(), bytearray()

    def open(self, on_heard: Callable[[], None], on_request: Callable[[Frame], None]) -> None:
        """From now on, call `on_heard` for whatever comes, and then `on_request` for each request that is whole."""
        os.set_blocking(self.fd_in, False)
        os.set_blocking(self.fd_out, False)
        self.loop.on_readable(self.fd_in, lambda: self.receive(on_heard, on_request))

    def receive(self, on_heard: Callable[[], None], on_request: Callable[[Frame], None]) -> None:
        """Read what there is; EOF is the controller's end."""
        try:
            data = os.read(self.fd_in, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.loop.forget(self.fd_in)
            self.on_lost("eof")
            return
        on_heard()
        self.incoming += data
        if b"\n" in data:
            *lines, self.incoming = self.incoming.split(b"\n")
            for line in lines:
                on_request(json.loads(line))

    def reply(self, number: int, **values: Any) -> None:
        """Answer a request."""
        self.send(dict(values, id=number))

    def refuse(self, number: int, refused: Refused) -> None:
        """Answer a request that cannot be done."""
        self.send({"id": number, "error": refused.fields})

    def send(self, frame: Frame) -> None:
        """Queue a frame. A controller that does not read never holds this loop up."""
        idle = not self.outgoing
        self.outgoing += json.dumps(frame).encode() + b"\n"
        if idle:
            self.flush()

    def flush(self) -> None:
        """Write what the pipe takes now."""
        try:
            while self.outgoing:
                del self.outgoing[: os.write(self.fd_out, self.outgoing[: 4 * CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self.outgoing.clear()
        waiting = self.loop.knows(self.fd_out)
        if self.outgoing and not waiting:
            self.loop.on_writable(self.fd_out, self.flush)
        elif waiting and not self.outgoing:
            self.loop.forget(self.fd_out)
        if len(self.outgoing) > OUTGOING_LIMIT:
            self.outgoing.clear()
            self.on_lost("lost")

    def drain(self, seconds: float) -> None:
        """Wait at most that long until everything is written."""
        limit = time.monotonic() + seconds
        while self.outgoing and time.monotonic() < limit:
            select.select([], [self.fd_out], [], 0.1)
            self.flush()
