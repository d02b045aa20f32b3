"""Signals in a run: the first ends it, a second one only where nothing is lost by it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.commands.signals import ENDING, deferred, interruptible, shielded
from orchestrator.hosts.parallel import in_parallel


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    inherited = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}  # nohup ignores SIGHUP
    before = [signal.getsignal(number) for number in ENDING]
    yield
    assert [signal.getsignal(number) for number in ENDING] == before
    for number, handler in inherited.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_the_first_signal_interrupts_and_later_ones_do_not(number: signal.Signals) -> None:
    seen = []
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # what is done now is not cut short
        seen.append("ended in order")
    assert seen == ["ended in order"]


def test_while_hosts_are_put_back_a_signal_is_only_told() -> None:
    told: list[str] = []
    with interruptible():
        with shielded(told.append):
            signal.raise_signal(signal.SIGINT)
        assert len(told) == 1
        with pytest.raises(KeyboardInterrupt):  # afterwards it counts again
            signal.raise_signal(signal.SIGTERM)


def step(seen: list[str]) -> None:
    """Gets two signals before it is done."""
    with deferred():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        seen.append("done")


def test_a_step_that_is_not_to_be_cut_is_done_first() -> None:
    seen: list[str] = []
    with interruptible(), pytest.raises(KeyboardInterrupt):
        step(seen)
    assert seen == ["done"]


def test_hang_up_stays_ignored_where_it_was() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nothing_is_changed_outside_the_main_thread() -> None:
    def work() -> object:
        with interruptible(), shielded(str), deferred():
            return signal.getsignal(signal.SIGINT)

    expected = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result(5) == expected


def test_an_interrupt_is_passed_on_when_all_parallel_work_has_ended() -> None:
    begun, gate, done = threading.Event(), threading.Event(), []

    def interrupting() -> None:
        assert begun.wait(5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        gate.set()

    def slow() -> None:
        begun.set()
        assert gate.wait(5)
        threading.Event().wait(0.1)  # so that the main thread has its interrupt first
        done.append("slow")

    with interruptible(), pytest.raises(KeyboardInterrupt):
        in_parallel({"a": interrupting, "b": slow})
    assert done == ["slow"]
