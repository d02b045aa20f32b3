"""Verdicts about the measurement: its load, its samples, its window."""

import pytest
from synthetic_experiment import LOST, STEADY, names, outcome_of


@pytest.mark.parametrize(("achieved", "reached"), [(9900, True), (9899, False), (10100, True)])
def test_load_not_reached_in_an_open_loop(folder, achieved, reached):
    load = {"loop": "open", "rate_asked": 10_000, "rate_achieved": achieved}
    result = outcome_of(folder, generator=load)
    assert names(result) == ([] if reached else ["invalid: load not reached"])
    assert result.load.asked == 10_000


def test_a_closed_loop_asks_for_no_rate(folder):
    assert outcome_of(folder, generator={"rate_asked": 10_000, "rate_achieved": 1}).valid


@pytest.mark.parametrize(
    ("generator", "expected", "valid"),
    [
        ({"duplicates": 1}, "duplicates", True),
        ({"unknown": 2}, "duplicates", True),
        ({"reordered": 3}, "reordered", True),
        ({"tcp": {"retransmits": 4}}, "retransmissions", True),
        ({"corrupt": 1}, "invalid: corrupt packets", False),
        ({"recorder_full": True}, "invalid: recorder full", False),
        ({"sent": 4999, "returned": 4999}, "invalid: samples miscounted", False),
    ],
)
def test_verdicts_from_the_generators_counters(folder, generator, expected, valid):
    result = outcome_of(folder, generator=generator)
    assert names(result) == [expected]
    assert result.valid is valid


def test_drift_is_a_mark_with_its_size(folder):
    result = outcome_of(folder, [1000 + i // 5 for i in range(5000)])
    assert names(result) == ["drift"]
    assert result.valid
    assert "+" in result.verdicts[0].detail


def test_a_time_that_did_not_fit(folder):
    assert names(outcome_of(folder, [*STEADY, 2**32 - 2])) == ["invalid: time overflow"]


def test_nothing_returned(folder):
    result = outcome_of(folder, [LOST] * 100)
    assert names(result)[0] == "invalid: no samples"
    assert (result.n, result.lost, result.ops_per_s) == (0, 100, 0)
    assert result.latency.p50_ns is None


def test_an_empty_window(folder):
    assert names(outcome_of(folder, [])) == ["invalid: no samples"]
