"""How faults are written, and what the programs are told of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.apps.store_faults import KINDS, Faults, parse_faults

SOURCE = Path(__file__).resolve().parents[3] / "dpdk_apps" / "store" / "rpc" / "fault.c"


def test_kinds_are_those_of_the_programs() -> None:
    names = SOURCE.read_text().partition("fault_kind_names[FAULT_KINDS] = {")[2].partition("}")[0]
    assert set(re.findall(r'"([a-z]+)"', names)) == set(KINDS)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("none", Faults()),
        ("drop=0.1", Faults("drop=0.1", "drop=0.1")),
        ("out:drop=0.1+in:corrupt@7", Faults("drop=0.1", "corrupt@7")),
        ("delay=0.5+delay-us=300", Faults("delay=0.5,delay-us=300", "delay=0.5,delay-us=300")),
    ],
)
def test_faults_go_both_ways_unless_one_is_named(text: str, faults: Faults) -> None:
    assert parse_faults(text) == faults


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lose=0.1", "is no fault"),
        ("drop", "is no fault"),
        ("drop=0.1+", "is no fault"),
        ("up:drop=0.1", "is no fault"),
        ("drop=1.1", "a chance is from 0 to 1"),
        ("drop=1.1.1", "is not a number"),
        ("drop@0", "numbered from 1"),
        ("drop@0.5", "numbered from 1"),
        ("delay-us=0", "whole microseconds"),
        ("delay-us@3", "whole microseconds"),
    ],
)
def test_what_is_no_fault_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_faults(text)
