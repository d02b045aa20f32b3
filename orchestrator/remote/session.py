"""The controller's side of a connection to an agent: requests and replies, events, heartbeat, and noticing a loss.

One thread reads frames and one sends heartbeats; both are asleep unless there is something to do, and in a quiet
period nothing is sent. A host that stops answering is given up after `LOST_AFTER_S`; from then on every call and every
wait raises HostUnreachable.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostUnreachable, OrchestratorError
from orchestrator.remote.stream import Stream

BEAT_S = 1.0
AGENT_BEAT_TIMEOUT_S = 3.0
LOST_AFTER_S = 6.0
WRITE_TIMEOUT_S = 10.0
PIECE = 1 << 18

Frame = dict[str, Any]


class Refused(CommandFailed):
    """The agent refused a request. `kind` and the other `fields` are the agent's own."""

    def __init__(self, fields: Frame, host: str) -> None:
        self.kind: str = fields["kind"]
        self.fields = fields
        super().__init__(fields["what"], host=host)


def parse(line: bytearray) -> Frame:
    """One frame. Raises ValueError showing what else it is: most often what a shell's start-up file prints."""
    try:
        frame: Frame = json.loads(line)
    except ValueError as error:
        shown = line[:80].decode(errors="replace")
        raise ValueError(
            f"{shown!r} came instead of the agent's answer; does a shell start-up file print it?"
        ) from error
    return frame


class Session:
    """Requests and events of one agent. Safe to use from several threads."""

    def __init__(self, host: str, stream: Stream) -> None:
        self.host = host
        self._stream = stream
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._numbers = itertools.count(1)
        self._replies: dict[int, Frame] = {}
        self._awaited: set[int] = set()
        self._listeners: dict[int, Callable[[Frame], None]] = {}
        self._lost = ""
        self._closing = False
        now = time.monotonic()
        self._sent = self._heard = self._quiet_until = now
        self._threads = [
            threading.Thread(target=target, name=f"{name} {host}", daemon=True)
            for name, target in (("frames of", self._read_frames), ("heartbeat to", self._beat))
        ]

    @property
    def lost(self) -> str:
        """Why the connection is gone; empty while it is not."""
        return self._lost

    def open(self, source: bytes, timeout_s: float, beat_timeout_s: float = AGENT_BEAT_TIMEOUT_S) -> Frame:
        """Send the agent's source and greet it; returns what it says about its host. Raises HostUnreachable."""
        self._threads[0].start()
        hello = {"id": next(self._numbers), "op": "hello", "beat_timeout_s": beat_timeout_s}
        facts = self._exchange(hello, timeout_s, before=source)
        self._threads[1].start()
        return facts

    def call(self, op: str, timeout_s: float, /, **values: object) -> Frame:
        """One request and its reply. Raises Refused, DeadlineExceeded, HostUnreachable."""
        return self._exchange({"id": next(self._numbers), "op": op, **values}, timeout_s)

    def call_with_events(
        self, op: str, timeout_s: float, listener: Callable[[Frame], None], /, **values: object
    ) -> tuple[int, Frame]:
        """As `call`, for a request that starts something: its later events go to `listener`, in the reading thread.

        Returns the handle by which further requests name what was started, and the reply.
        """
        number = next(self._numbers)
        self._listeners[number] = listener
        try:
            return number, self._exchange({"id": number, "op": op, **values}, timeout_s)
        except OrchestratorError:
            self._listeners.pop(number, None)
            raise

    def wait_for(self, happened: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until an event made `happened` true; False if it did not in time. Raises HostUnreachable."""
        with self._changed:
            self._changed.wait_for(lambda: happened() or self._lost, timeout_s)
            if happened():
                return True
            self._check()
            return False

    def quiet(self, seconds: float) -> None:
        """From now on, send nothing for `seconds`; another call ends the quiet period."""
        self.call("quiet", LOST_AFTER_S, seconds=seconds)
        with self._changed:
            self._quiet_until = time.monotonic() + seconds
            self._changed.notify_all()

    def close(self, timeout_s: float) -> None:
        """Let the agent end everything and itself, then break the stream off, whether or not it answered in time."""
        try:
            if not self._lost:
                self.call("bye", timeout_s)
        except (HostUnreachable, DeadlineExceeded):
            pass  # the agent's own dead-man ends what it started
        finally:
            self._lose("closed")
            for thread in self._threads:
                if thread.is_alive():
                    thread.join(1.0)

    def _exchange(self, request: Frame, timeout_s: float, before: bytes = b"") -> Frame:
        number = request["id"]
        with self._changed:
            self._check()
            self._awaited.add(number)
            self._quiet_until = min(self._quiet_until, time.monotonic())
        self._write(before + json.dumps(request).encode() + b"\n", timeout_s)
        with self._changed:
            self._changed.wait_for(lambda: number in self._replies or self._lost, timeout_s)
            self._awaited.discard(number)
            reply = self._replies.pop(number, None)
            if reply is None:
                self._check()
                raise DeadlineExceeded(f"no answer to {request['op']!r} within {timeout_s:g} s", host=self.host)
        if "error" in reply:
            raise Refused(reply["error"], self.host)
        return reply

    def _check(self) -> None:
        if self._lost:
            raise HostUnreachable(
                f"connection lost: {self._lost}", host=self.host, remedy="see that the host is up, then run again"
            )

    def _write(self, data: bytes, timeout_s: float) -> None:
        if not self._writing.acquire(timeout=timeout_s):
            raise DeadlineExceeded(f"nothing could be sent for {timeout_s:g} s", host=self.host)
        try:
            for start in range(0, len(data), PIECE):
                self._stream.write(data[start : start + PIECE], WRITE_TIMEOUT_S)
                self._sent = time.monotonic()
                if start:
                    self._heard = self._sent  # a slow link that still takes what is sent is not lost
        except OSError as error:
            # Part of a frame may be out: the stream cannot be used any more.
            self._lose(self._stream.complaint() or f"cannot send: {error}")
        finally:
            self._writing.release()

    def _read_frames(self) -> None:
        rest = bytearray()
        try:
            while data := self._stream.read(None):
                rest += data
                lines: list[bytearray] = []
                if b"\n" in data:
                    *lines, rest = rest.split(b"\n")
                with self._changed:
                    self._heard = time.monotonic()
                    for line in lines:
                        self._dispatch(parse(line))
                    self._changed.notify_all()
            self._lose(self._stream.complaint() or "the agent ended")
        except (OSError, ValueError) as error:
            self._lose(self._stream.complaint() or str(error))

    def _dispatch(self, frame: Frame) -> None:
        if "event" in frame:
            listener = self._listeners.get(frame["process"])
            if listener is not None:
                listener(frame)
            if frame["event"] == "exit":
                self._listeners.pop(frame["process"], None)
        elif frame["id"] in self._awaited:
            self._replies[frame["id"]] = frame

    def _lose(self, why: str) -> None:
        with self._changed:
            self._lost = self._lost or why
            self._changed.notify_all()
        self._stream.close()

    def _beat(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = max(self._sent + BEAT_S, self._quiet_until)
                if not self._lost and now < due:
                    self._changed.wait(due - now)
                if self._lost:
                    return
                now = time.monotonic()
                if now < max(self._sent + BEAT_S, self._quiet_until):
                    continue
                silent = now - max(self._heard, self._quiet_until)
            if silent > LOST_AFTER_S:
                self._lose(f"no answer for {LOST_AFTER_S:g} s")
            elif self._writing.locked():  # a request is going out, which is as good as a heartbeat
                self._sent = now
            else:
                self._write(b'{"id":0,"op":"beat"}\n', WRITE_TIMEOUT_S)
