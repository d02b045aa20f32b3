"""One thread around one selector: descriptors and timers call back, and nothing polls."""

from __future__ import annotations

import selectors
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Descriptor = int | IO[bytes]

CHUNK = 1 << 16
"""Bytes that one callback reads or writes, so that none keeps the others waiting."""


class Loop:
    """Calls back until `done` is set, which any callback may do."""

    def __init__(self) -> None:
        self.done = False
        self.selector = selectors.DefaultSelector()
        self.timers: dict[int, tuple[float, Callable[[], None]]] = {}
        self.timer_number = 0

    def on_readable(self, descriptor: Descriptor, action: Callable[[], object]) -> None:
        """Call `action` whenever there is something to read."""
        self.selector.register(descriptor, selectors.EVENT_READ, action)

    def on_writable(self, descriptor: Descriptor, action: Callable[[], object]) -> None:
        """Call `action` whenever something can be written."""
        self.selector.register(descriptor, selectors.EVENT_WRITE, action)

    def knows(self, descriptor: Descriptor) -> bool:
        """Whether a descriptor is waited for."""
        return descriptor in self.selector.get_map()

    def forget(self, descriptor: Descriptor) -> None:
        """Wait no more for a descriptor."""
        self.selector.unregister(descriptor)

    def after(self, seconds: float, action: Callable[[], None]) -> int:
        """Call `action` once, in `seconds`; returns what `cancel` takes."""
        self.timer_number += 1
        self.timers[self.timer_number] = (time.monotonic() + seconds, action)
        return self.timer_number

    def cancel(self, timer: int | None) -> None:
        """Forget a timer; one that has fired, or None, is no error."""
        if timer is not None:
            self.timers.pop(timer, None)

    def run(self) -> None:
        """Call back until done."""
        while not self.done:
            due = min((when for when, _ in self.timers.values()), default=None)
            for key, _ in self.selector.select(None if due is None else max(0.0, due - time.monotonic())):
                if self.selector.get_map().get(key.fd) is key:  # an earlier callback may have closed it
                    key.data()
            now = time.monotonic()
            for number in [n for n, (when, _) in self.timers.items() if when <= now]:
                if number in self.timers:  # an earlier one of this round may have cancelled it
                    self.timers.pop(number)[1]()
