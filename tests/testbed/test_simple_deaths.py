"""Secondaries of simple_mp that are killed: what they leak, who goes on, who comes back, and rings that are stuck."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from support.dpdk_lab import END_S, Program
from support.simple_lab import Simple, check_books
from support.tool import eventually

WINDOW_S = 1.5
SOON = "--timeout-ms 100"
"""When a message that a dead one holds is given up, and what it held is reckoned."""
KILLED = "secondary 2 was killed"


def wait_said(program: Program, words: str, within_s: float = END_S) -> None:
    eventually(lambda: words in program.errors(), within_s, f"{words!r} in {program.errors()!r}")


def ended(primary: Program, secondaries: list[Program]) -> dict[str, Any]:
    """Stop those that live, then the primary; its statistics."""
    primary.wait_done()
    for secondary in secondaries:
        assert secondary.stop() == 0, secondary.errors()
    assert primary.stop() == 0, primary.errors()
    check_books(primary.stats())
    return primary.stats()


def test_one_that_is_killed_is_named_and_the_others_go_on_and_it_comes_back(simple: Simple) -> None:
    primary, first, second, third = simple.group(f"--depth 16 {SOON}", secondaries=3, window_s=WINDOW_S)
    before = time.monotonic()
    second.stop(signal.SIGKILL)
    wait_said(primary, KILLED, 1.0)
    assert time.monotonic() - before < 1.0
    wait_said(primary, "messages were in the hands of the one that was killed")
    back = simple.secondary(2)
    wait_said(primary, f"secondary 2 is back, as process {back.process.pid}")
    stats = ended(primary, [first, third, back])
    assert stats["ended"] == "done"
    assert stats["deaths"] == 1
    assert stats["pool"]["in_use_at_end"] == stats["pool"]["explained"]["killed"]
    assert stats["lost"] + stats["late"] >= stats["pool"]["explained"]["killed"]
    assert stats["reordered"] == 0
    served = {entry["proc_id"]: entry["returned"] for entry in stats["secondaries"]}
    for program, proc_id in ((first, 1), (third, 3)):
        assert program.stats()["accounting"]["out"] == served[proc_id] > 0
    again = back.stats()["accounting"]["out"]
    assert again > 0, "the one that came back is served"
    assert served[2] >= again


def test_a_death_is_not_forgotten_when_a_restart_is_refused(simple: Simple) -> None:
    primary = simple.primary(f"--depth 4 {SOON}", secondaries=2, window_s=WINDOW_S)
    first = simple.secondary(1)
    dead = simple.secondary(2)
    dead.process.kill()
    dead.process.wait(END_S)
    refused = simple.secondary(2, lcore=1, ready=False)
    assert refused.process.wait(END_S) == 2
    assert f"lcore id 1 is that of process {first.process.pid}" in refused.errors()
    wait_said(primary, KILLED)
    back = simple.secondary(2)
    wait_said(primary, f"secondary 2 is back, as process {back.process.pid}")
    stats = ended(primary, [first, back])
    assert stats["deaths"] == 1
    assert stats["pool"]["in_use_at_end"] == stats["pool"]["explained"]["killed"]


def test_what_was_in_the_hands_of_one_that_was_killed_is_counted(simple: Simple) -> None:
    primary = simple.primary(f"--depth 4 {SOON}", window_s=WINDOW_S)
    simple.secondary(1, "--die-in holding --die-after 0.3")
    wait_said(primary, "messages were in the hands of the one that was killed")
    told = int(primary.errors().split(" messages were in the hands")[0].split()[-1])
    assert 1 <= told <= 4
    back = simple.secondary(1)
    stats = ended(primary, [back])
    assert stats["pool"] == {"size": 2047, "in_use_at_end": told, "explained": {"killed": told, "ring_stuck": 0}}
    assert f"{told} of the mempool's 2047 messages are lost with who was killed" in primary.errors()
    assert stats["lost"] >= told
    assert stats["ended"] == "done"
    assert back.stats()["accounting"]["out"] > 0


def test_one_that_was_killed_with_nothing_in_its_hands_leaks_nothing(simple: Simple) -> None:
    primary = simple.primary(f"--depth 4 {SOON}", window_s=WINDOW_S)
    simple.secondary(1, "--die-in idle --die-after 0.3")
    wait_said(primary, "0 messages were in the hands of the one that was killed")
    stats = ended(primary, [simple.secondary(1)])
    assert stats["deaths"] == 1
    assert stats["pool"]["in_use_at_end"] == 0


@pytest.mark.parametrize("ring", ["mp_mc", "sp_sc", "rts", "hts"])
@pytest.mark.parametrize(("where", "which"), [("enqueue", "to the primary"), ("dequeue", "to the secondaries")])
def test_a_ring_whose_tail_stands_still_is_noticed_within_a_second(
    simple: Simple, ring: str, where: str, which: str
) -> None:
    secondaries = 1 if ring == "sp_sc" else 2
    primary = simple.primary(f"--depth 4 {SOON}", ring=ring, secondaries=secondaries, window_s=20)
    lives = [simple.secondary(number) for number in range(1, secondaries)]
    victim = simple.secondary(secondaries, f"--die-in {where} --die-after 0.3")
    assert victim.process.wait(END_S) == -signal.SIGKILL
    died = time.monotonic()
    primary.wait_done()
    assert time.monotonic() - died < 1.0
    assert f"the ring {which} is stuck" in primary.errors()
    refused = simple.secondary(secondaries, ready=False)
    assert refused.process.wait(END_S) == 1
    assert "died within an operation on a ring, which is stuck" in refused.errors()
    for program in lives:  # it waits within the ring's own code for the one that is dead: no signal but this ends it
        program.process.kill()
        program.process.wait(END_S)
    assert primary.stop() == 1
    stats = primary.stats()
    check_books(stats)
    assert (stats["ended"], stats["ring_stuck"]) == ("ring stuck", which)
    assert stats["pool"]["in_use_at_end"] == stats["pool"]["explained"]["ring_stuck"] > 0
    assert stats["window_actual_s"] < 5
