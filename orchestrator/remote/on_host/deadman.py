"""The dead-man: notices that the controller is gone, and ends everything that was started for it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.processes import descendants, send_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.remote.on_host.child import Children
    from orchestrator.remote.on_host.loop import Loop

GRACE_S = 0.5
KILL_LIMIT_S = 2.0


class DeadMan:
    """`ending` is why everything is being ended, empty while it is not; `leave` is called when nothing is left."""

    def __init__(self, loop: Loop, children: Children, leave: Callable[[], None]) -> None:
        self.loop, self.children, self.leave = loop, children, leave
        self.ending = ""
        self.beat_timeout_s, self.beat_due = 3.0, 0.0
        self.beat_timer: int | None = None

    def alive(self, quiet_s: float = 0.0) -> None:
        """The controller was heard; it is next expected after the quiet period."""
        due = time.monotonic() + quiet_s + self.beat_timeout_s
        sooner, self.beat_due = due < self.beat_due, due
        if sooner:  # a quiet period ended early; else the timer that runs finds out by itself
            self.check_beat()

    def check_beat(self) -> None:
        """End all if the controller is overdue; else look again when it would be."""
        left = self.beat_due - time.monotonic()
        self.loop.cancel(self.beat_timer)
        if left <= 0:
            self.end("heartbeat")
        elif not self.ending:
            self.beat_timer = self.loop.after(left, self.check_beat)

    def end(self, reason: str) -> None:
        """End everything that was started and then this agent."""
        if self.ending:
            return
        self.ending = reason
        for child in list(self.children.running.values()):
            child.escalate(reason, [(signal.SIGTERM, 0)])
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGTERM)
        self.loop.after(GRACE_S, self.kill_all)
        self.loop.after(GRACE_S + KILL_LIMIT_S, self.leave)
        self.on_child()

    def kill_all(self) -> None:
        """Kill what is left, again and again: it may be starting more."""
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGKILL)
        self.loop.after(0.05, self.kill_all)

    def on_child(self) -> None:
        """Some child ended. As a subreaper we inherit any other descendant, so no child left means nothing left."""
        none_left = self.children.reap()
        if none_left and self.ending:
            self.leave()
