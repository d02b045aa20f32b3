"""Signals during a run: every way of asking to end it is an interrupt, and putting back is not interrupted."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP (a closed terminal) end a run as Ctrl-C does: with KeyboardInterrupt, so that it puts back.

    Only the first signal does: a second one must not cut short what the first one began.
    """
    ending = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        if not ending:
            ending = True
            raise KeyboardInterrupt

    with _handlers(interrupt):
        yield


@contextlib.contextmanager
def shielded(notify: Callable[[str], None]) -> Iterator[None]:
    """While hosts are put back, a signal only says so: a second Ctrl-C must not leave a host half restored."""

    def wait(_number: int, _frame: FrameType | None) -> None:
        notify("hosts are being put back; this ends by itself")

    with _handlers(wait):
        yield


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """A signal in this block has its effect at the end of it: for short steps that are to be done whole or not."""
    caught: list[int] = []
    with _handlers(lambda number, _frame: caught.append(number)):
        yield
    for number in caught[:1]:
        signal.raise_signal(number)


@contextlib.contextmanager
def _handlers(handler: Handler) -> Iterator[None]:
    """Handle ENDING by `handler` in this block; but for SIGHUP where it is ignored, which is what nohup asks for.

    Outside the main thread, which alone gets signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
