"""Verdicts about processes: where they ran, who died, who was to die."""

import pytest
from synthetic_experiment import STEADY, names, outcome_of, planned_trial, probe, record_of, thread, write_trial

from orchestrator.experiments.records import ProcessOutcome
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder
from orchestrator.results.load import read_trial


def test_oversubscribed_comes_from_the_plan_and_is_never_valid(folder):
    result = outcome_of(folder, trial=planned_trial(count=2, oversubscribed=True), shares=(0.5, 0.5))
    assert names(result) == ["oversubscribed"]
    assert not result.valid


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [(100, 125, False), (100, 126, True), (100, 75, False), (100, 74, True), (120, 450, True), (450, 120, True)],
)
def test_placement_changed_over_25_percent(folder, before, after, changed):
    result = outcome_of(folder, record={"probes_before": probe(before), "probes_after": probe(after)})
    assert names(result) == (["invalid: placement changed"] if changed else [])
    assert result.valid is not changed
    assert result.probes[0].shift == pytest.approx(after / before - 1)


@pytest.mark.parametrize("missing", ["probes_before", "probes_after"])
def test_a_planned_probe_that_was_not_read_leaves_the_placement_unknown(folder, missing):
    result = outcome_of(folder, record={missing: ()})
    assert names(result) == ["invalid: placement unknown"]


@pytest.mark.parametrize("reading", [{"allowed": "0-1"}, {"allowed": "0"}, {"last_cpu": 0}, {"allowed": "1,7"}])
def test_a_thread_that_may_run_or_ran_elsewhere(folder, reading):
    result = outcome_of(folder, server={"threads": [thread(1), thread(1, **reading)]})
    assert names(result) == ["invalid: wrong cpu"]
    assert "symmetric_mp0" in result.verdicts[0].detail


@pytest.mark.parametrize(
    ("fault", "outcome", "expected"),
    [
        ("b: symmetric_mp0: exit code 1", ("exit", 1), "invalid: app died"),
        ("", ("exit", -11), "invalid: app died"),
        ("interrupted", ("stopped", 0), "invalid: interrupted"),
        ("b: symmetric_mp0: interrupted system call", ("exit", 1), "invalid: app died"),
        ("", ("deadline", -9), "invalid: deadline passed"),
        ("", ("eof", -9), "invalid: connection lost"),
        ("b: not ready after 15 s", ("stopped", 0), "invalid: fault"),
    ],
)
def test_a_trial_whose_processes_left_nothing_says_why_once(folder, fault, outcome, expected):
    process = ProcessOutcome(
        name="symmetric_mp0", host="b", exit_code=outcome[1], reason=outcome[0], ready_s=0, seconds=1
    )
    result = ingest(folder, record_of(planned_trial(), fault=fault, processes=(process,), probes_after=()))
    assert names(result) == [expected]
    assert result.n == 0
    assert read_trial(folder.trial("t1")).result == result


def test_a_ring_that_is_stuck_is_said_before_who_died(folder):
    pool = {"size": 2047, "in_use_at_end": 12, "explained": {"killed": 0, "ring_stuck": 12}}
    died = ProcessOutcome(name="symmetric_mp0", host="b", exit_code=-9, reason="exit", ready_s=0.1, seconds=1)
    result = outcome_of(
        folder,
        generator={"ended": "ring stuck", "ring_stuck": "to the primary", "pool": pool},
        record={"fault": "b: symmetric_mp0: ended while it was measured", "processes": (died,)},
    )
    assert names(result) == ["invalid: ring stuck", "invalid: app died", "buffers leaked"]
    assert result.verdicts[0].detail.startswith("gen: the ring to the primary: its tail stands still")
    assert result.verdicts[2].detail == "gen: 12 of 2047 (ring stuck)"


def deadly(*, hangs=False):
    """A trial in which the first process is to kill itself, after which the second may hang."""
    trial = planned_trial(count=2)
    first, second, generator = trial.processes
    update = {"may_hang": hangs}
    processes = (
        first.model_copy(update={"dies": True}),
        second.model_copy(update=update),
        generator.model_copy(update=update),
    )
    return trial.model_copy(update={"processes": processes})


def ends(trial, *codes):
    """How the processes ended: the first by itself, the others when they were stopped."""
    return tuple(
        ProcessOutcome(
            name=p.name, host=p.host, exit_code=code, reason="stopped" if at else "exit", ready_s=0.1, seconds=1
        )
        for at, (p, code) in enumerate(zip(trial.processes, codes, strict=True))
    )


def without_stats_of_the_dead(folder, trial, record, **files):
    write_trial(folder, trial, STEADY, shares=(0.5, 0.5), **files)
    dead = trial.processes[0]
    folder.trial(trial.key).of_process(dead.host, dead.name, "stats.json").unlink()
    return ingest(folder, record_of(trial, **record))


def test_a_process_that_killed_itself_as_asked_is_a_mark_and_owes_no_stats(folder):
    trial = deadly()
    pool = {"size": 2047, "in_use_at_end": 3, "explained": {"killed": 3, "ring_stuck": 0}}
    record = {"processes": ends(trial, -9, 0, 0)}
    result = without_stats_of_the_dead(folder, trial, record, generator={"pool": pool})
    assert names(result) == ["killed as asked", "buffers leaked"]
    assert result.verdicts[0].detail == "b: symmetric_mp0 after 1.00 s"
    assert result.valid


def test_a_process_that_was_to_kill_itself_and_did_not_makes_the_trial_invalid(folder):
    trial = deadly()
    result = outcome_of(folder, trial=trial, record={"processes": ends(trial, 0, 0, 0)}, shares=(0.5, 0.5))
    assert names(result) == ["invalid: not killed"]


def test_after_a_death_that_was_asked_for_a_stuck_ring_excuses_who_hangs_on_it_and_nothing_else_does(folder, tmp_path):
    trial = deadly(hangs=True)
    record = {"processes": ends(trial, -9, -9, 1)}
    stuck = {"ended": "ring stuck", "ring_stuck": "to the primary"}
    result = without_stats_of_the_dead(folder, trial, record, generator=stuck)
    assert names(result) == ["invalid: ring stuck", "killed as asked"]
    other = ExperimentFolder(tmp_path / "other")
    result = without_stats_of_the_dead(other, trial, record)
    assert names(result) == ["killed as asked", "invalid: app died"]
