"""The way there alone, beside the round trip: stored with each trial, summed up over trials, in files of its own."""

import pandas as pd
from synthetic_experiment import LOST, planned_trial, record_of, write_recorder, write_trial

from orchestrator.experiments.records import Plan
from orchestrator.results.ingest import ingest
from orchestrator.results.load import open_experiment
from orchestrator.results.summary import COLUMNS, to_csv, write_oneway

PROCESS = ("a", "gen")


def run(folder, *levels, oneway=True):
    """One row of trials with constant round trips, whose way there takes a tenth; every fourth message is lost."""
    trials = [planned_trial(f"t{number}", block=number) for number in range(len(levels))]
    folder.write_plan(
        Plan(
            experiment="synthetic",
            scenario="smp",
            seed=1,
            source_digest="0" * 16,
            hosts=("a", "b"),
            trials=tuple(trials),
            estimated_s=1.0,
        )
    )
    results = []
    for number, (trial, level) in enumerate(zip(trials, levels, strict=True)):
        lost = [index % 4 == 3 for index in range(800)]
        write_trial(folder, trial, [LOST if gone else level for gone in lost])
        if oneway:
            times = [LOST if gone else level // 10 for gone in lost]
            write_recorder(folder.trial(trial.key).of_process(*PROCESS, "oneway.samples.bin"), [0] * 800, times)
        results.append(ingest(folder, record_of(trial, number)))
    return results


def test_it_is_stored_beside_the_round_trips(folder):
    (result,) = run(folder, 1000)
    assert result.oneway.p50_ns == 100
    assert result.latency.p50_ns == 1000
    assert result.oneway.p99_ns is None  # among the lost, as that of the round trip
    assert folder.trial("t0").oneway.exists()
    assert not list(folder.root.rglob("*.bin"))


def test_a_way_that_took_less_than_no_time_shows_that_two_clocks_are_read(folder):
    (sound,) = run(folder, 1000)
    assert "invalid: clocks differ" not in {verdict.name for verdict in sound.verdicts}
    trial = planned_trial("skewed")
    write_trial(folder, trial, [1000] * 10, generator={"oneway_backwards": 3})
    (verdict,) = [
        each for each in ingest(folder, record_of(trial, 1)).verdicts if each.name == "invalid: clocks differ"
    ]
    assert verdict.invalid
    assert verdict.detail.startswith("3 messages arrived before they left")


def test_a_trial_without_it_has_none(folder):
    (result,) = run(folder, 1000, oneway=False)
    assert result.oneway is None
    experiment = open_experiment(folder.root)
    assert experiment.rows[0].oneway_p50_us is None
    assert "oneway_ns" not in experiment.samples("t0")
    write_oneway(folder, experiment.rows)
    assert not folder.oneway_table.exists()


def test_a_row_has_the_median_over_its_trials_and_summary_csv_is_as_it_was(folder):
    run(folder, 1000, 2000, 9000)
    experiment = open_experiment(folder.root)
    (row,) = experiment.rows
    assert (row.p50_us, row.oneway_p50_us) == (2.0, 0.2)
    assert experiment.summary["oneway_p50_us"].tolist() == [0.2]
    assert to_csv(experiment.rows).splitlines()[0] == ",".join(COLUMNS)
    assert "oneway" not in to_csv(experiment.rows)
    write_oneway(folder, experiment.rows)
    table = pd.read_csv(folder.oneway_table)
    assert table["oneway_p50_us"].tolist() == [0.2]
    assert table["p50_us"].tolist() == [2.0]


def test_samples_of_both_stand_in_one_frame(folder):
    run(folder, 1000)
    samples = open_experiment(folder.root).samples("t0")
    assert list(samples.columns) == ["trial", "send_ns", "rtt_ns", "oneway_ns"]
    assert (samples["oneway_ns"].isna() == samples["rtt_ns"].isna()).all()
    assert samples["oneway_ns"].dropna().unique().tolist() == [100]


def test_a_file_of_another_length_is_said(folder):
    trial = planned_trial()
    write_trial(folder, trial, [1000] * 400)
    write_recorder(folder.trial("t1").of_process(*PROCESS, "oneway.samples.bin"), [0] * 399, [1] * 399)
    result = ingest(folder, record_of(trial))
    assert result.oneway is None
    assert "399 samples, but 400 of the round trip" in next(v.detail for v in result.verdicts)
    assert [verdict.name for verdict in result.verdicts] == ["invalid: incomplete files"]


def test_an_ingest_cut_off_after_it_goes_on(folder):
    (first,) = run(folder, 1000)
    folder.trial("t0").record.unlink()
    assert ingest(folder, record_of(planned_trial("t0"))) == first
