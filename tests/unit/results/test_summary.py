import json
import statistics

import pandas as pd
import pytest
from synthetic_experiment import SERIES, Synthetic, planned_trial, probe, record_of, write_experiment, write_trial

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.experiments.records import Plan
from orchestrator.results.ingest import ingest
from orchestrator.results.load import latest_experiment, open_experiment
from orchestrator.results.reference import write_reference
from orchestrator.results.samples import read_parquet
from orchestrator.results.summary import COLUMNS, summarise, to_csv

HEADER = (
    "scenario,transport,link,driver,params,n,trials,valid_trials,"
    "p50_us,p90_us,p99_us,p999_us,max_us,ops_per_s,lost,verdict"
)


def store(folder, levels, *, records=None):
    """One row of trials with constant round trips of `levels` ns; `records` changes the record of a trial by number."""
    for index, level in enumerate(levels):
        trial = planned_trial(f"t{index}", block=index)
        write_trial(folder, trial, [level] * 400)
        ingest(folder, record_of(trial, index, **(records or {}).get(index, {})))


def rows_of(folder, plan=None):
    from orchestrator.results.load import read_trial

    return summarise([read_trial(trial) for trial in folder.finished_trials()], plan)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    what = Synthetic(blocks=6, seconds=0.05, moved=frozenset({3}), died=frozenset({7}))
    return write_experiment(tmp_path_factory.mktemp("results"), what)


def test_the_columns_are_those_promised():
    assert ",".join(COLUMNS) == HEADER


def test_percentiles_are_medians_over_valid_trials_only(folder):
    store(folder, [1000, 2000, 3000, 90_000], records={3: {"probes_after": probe(450)}})
    (row,) = rows_of(folder)
    assert (row.trials, row.valid_trials, row.n) == (4, 3, 1200)
    assert row.p50_us == 2.0
    assert row.max_us == 3.0
    assert row.verdict == "invalid: placement changed 1/4"
    assert row.marks == ()


def test_without_a_valid_trial_the_median_is_over_all_and_says_so(folder):
    moved = {"probes_after": probe(450)}
    store(folder, [1000, 2000, 3000], records=dict.fromkeys(range(3), moved))
    (row,) = rows_of(folder)
    assert (row.trials, row.valid_trials, row.n) == (3, 0, 1200)
    assert row.p50_us == 2.0
    assert row.verdict == "invalid: placement changed; no valid trial, median over all"
    assert row.marks == ("invalid: placement changed",)


def test_trials_on_different_placements_are_told_apart(folder):
    store(folder, [1000, 2000], records={1: {"probes_before": probe(450), "probes_after": probe(440)}})
    (row,) = rows_of(folder)
    assert row.valid_trials == 2
    assert row.verdict == "placements differ"


def test_the_interval_needs_six_trials(folder):
    store(folder, [1000, 2000, 3000, 4000, 5000])
    assert rows_of(folder)[0].p50_interval_us is None
    trial = planned_trial("t9", block=9)
    write_trial(folder, trial, [9000] * 400)
    ingest(folder, record_of(trial, 9))
    assert rows_of(folder)[0].p50_interval_us == (1.0, 9.0)


def test_what_is_not_resolvable_is_empty_and_never_a_number(folder):
    store(folder, [1234] * 2)
    (line,) = to_csv(rows_of(folder)).splitlines()[1:]
    assert line.endswith(",800,2,2,1.234,1.234,1.234,,1.234,2000.000,0,ok")


def test_a_row_has_no_percentile_that_one_of_its_trials_cannot_resolve(folder):
    for index, count in enumerate((4000, 4000, 400)):
        trial = planned_trial(f"t{index}", block=index)
        write_trial(folder, trial, [1000] * count)
        ingest(folder, record_of(trial, index))
    (row,) = rows_of(folder)
    assert row.p99_us == 1.0
    assert row.p999_us is None


def test_a_row_that_never_ran_and_one_cut_short_say_so(folder):
    store(folder, [1000])
    trials = (
        *(planned_trial(f"t{index}", block=index) for index in range(3)),
        planned_trial("x", row="r2", series=SERIES[2]),
    )
    plan = Plan(experiment="e", scenario="smp", seed=0, source_digest="0", hosts=("a",), trials=trials, estimated_s=1)
    ran, not_run = rows_of(folder, plan)
    assert ran.verdict == "1 of 3 planned trials ran"
    assert (not_run.trials, not_run.n, not_run.p50_us, not_run.verdict) == (0, 0, None, "not run")


def test_floor_trials_have_no_row(folder):
    trial = planned_trial("f", row="floor-dpdk")
    generator = trial.processes[-1].model_copy(update={"argv": ("traffic", "--floor")})
    trial = trial.model_copy(update={"processes": (generator,), "probes": ()})
    write_trial(folder, trial, [60] * 400, generator={"floor": True})
    result = ingest(folder, record_of(trial))
    assert result.floor
    assert result.valid
    assert rows_of(folder) == []


def test_summary_csv_is_read_back_by_pandas(experiment):
    frame = pd.read_csv(experiment.folder.summary)
    assert list(frame.columns) == HEADER.split(",")
    assert len(frame) == 8
    assert frame["p50_us"].dtype == float
    assert json.loads(frame["params"][0])["processes"] == 1
    assert set(frame["link"]) == {"memif", "veth"}
    assert (frame["valid_trials"][:4] <= 6).all()
    assert (frame["valid_trials"][4:] == 0).all()


def test_every_number_comes_from_the_stored_samples(experiment):
    for row in experiment.rows:
        medians = []
        for key in row.keys:
            rtt = sorted(int(value) for value in read_parquet(experiment.folder.trial(key).samples).returned)
            medians.append(rtt[-(-len(rtt) // 2) - 1])
        assert row.p50_us == pytest.approx(statistics.median(medians) / 1000)
        assert row.n == sum(len(experiment.samples(key)) for key in row.keys)


def test_an_experiment_opens_as_frames(experiment):
    assert len(experiment.trials) == 48
    assert list(experiment.trials["index"]) == list(range(48))
    assert int((~experiment.trials["valid"]).sum()) >= 24
    row = experiment.rows[0]
    samples = experiment.samples(row.row)
    assert set(samples["trial"]) == set(row.keys)
    assert samples["rtt_ns"].dtype == "Int64"
    assert len(samples) == row.n == experiment.pooled(row.row).sent
    assert set(experiment.environment["before"]) == {"a", "b"}
    with pytest.raises(UsageError, match="no row"):
        experiment.row("nothing")
    with pytest.raises(UsageError, match="no trial"):
        experiment.samples("nothing")


def test_what_is_no_result_is_refused_with_a_remedy(tmp_path, experiment):
    with pytest.raises(UsageError, match=r"no plan\.json"):
        open_experiment(tmp_path)
    with pytest.raises(UsageError, match="no results"):
        latest_experiment(tmp_path)
    assert latest_experiment(experiment.folder.root.parent.parent) == experiment.folder.root


def test_a_reference_is_small_and_has_the_same_numbers(tmp_path, experiment):
    reference = open_experiment(write_reference(experiment, tmp_path / "reference").root)
    assert to_csv(reference.rows) == to_csv(experiment.rows)
    assert not list(reference.folder.root.rglob("*.samples*"))
    for row in experiment.rows:
        whole, kept = experiment.pooled(row.row), reference.pooled(row.row)
        assert whole.values.tolist() == kept.values.tolist()
        assert whole.counts.tolist() == kept.counts.tolist()
    with pytest.raises(OrchestratorError, match="not empty"):
        write_reference(experiment, tmp_path / "reference")


def test_a_reference_that_is_too_large_is_not_left_behind(tmp_path, experiment):
    with pytest.raises(OrchestratorError, match="10000 is the limit"):
        write_reference(experiment, tmp_path / "reference", limit_bytes=10_000)
    assert not (tmp_path / "reference").exists()
