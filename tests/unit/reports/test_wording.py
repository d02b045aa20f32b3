import json
import re

import pytest
from synthetic_experiment import Synthetic, planned_trial, probe, record_of, write_experiment, write_trial

from orchestrator.errors import OrchestratorError
from orchestrator.experiments.records import Plan
from orchestrator.reports import findings, wording
from orchestrator.reports.table import MEDIUM, WIDE, plain_text
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder
from orchestrator.results.load import open_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    what = Synthetic(blocks=6, seconds=0.02, died=frozenset({7}))
    return write_experiment(tmp_path_factory.mktemp("results"), what)


def two_rows(root, dpdk_ns, tcp_ns, *, link="veth", **record):
    """An experiment of six trials each of DPDK and polled TCP, with the given p50 in ns."""
    folder = ExperimentFolder(root)
    series = {"d": ("dpdk", link, "tap", "tap"), "t": ("tcp-poll", "veth", "kernel", "kernel")}
    trials = [
        planned_trial(f"{name}{index}", row=name, block=index, series=series[name])
        for index in range(6)
        for name in "dt"
    ]
    folder.write_plan(
        Plan(
            experiment="e",
            scenario="smp",
            seed=0,
            source_digest="0",
            hosts=(),
            trials=tuple(trials),
            estimated_s=1,
        )
    )
    for index, trial in enumerate(trials):
        level = dpdk_ns if trial.row == "d" else tcp_ns
        write_trial(folder, trial, [level + trial.block] * 400)
        ingest(folder, record_of(trial, index, **record))
    return open_experiment(root)


def test_a_label_has_transport_link_driver_and_what_makes_it_invalid(experiment):
    labels = [wording.label(row) for row in experiment.rows]
    assert labels[:3] == ["dpdk over memif", "dpdk over veth (af_packet)", "tcp over veth (kernel)"]
    assert labels[5] == "dpdk over veth (tap) [oversubscribed]"
    assert len(set(labels)) == 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.2345, "1.23"), (12.345, "12.3"), (123.45, "123"), (12345.6, "12,346"), (None, "not resolvable")],
)
def test_times_are_printed_with_three_digits(value, text):
    assert wording.microseconds(value) == text


def test_counts_are_printed_with_their_magnitude():
    assert [wording.count(value) for value in (950, 12_345, 4_560_000, 123_456_789)] == [
        "950",
        "12.3 k",
        "4.56 M",
        "123 M",
    ]


def test_parameter_sets_are_kept_apart(experiment):
    panels = wording.by_params(experiment.rows)
    assert [title for title, _rows in panels] == ["processes=1, idle=spin", "processes=2, idle=yield"]
    assert [len(rows) for _title, rows in panels] == [4, 4]


def test_a_caption_counts_trials_and_verdicts_and_says_that_links_differ(experiment):
    text = wording.caption(experiment, experiment.rows)
    assert "48 trials, 2" in text
    assert "closed loop, depth 1" in text
    assert "memif (shared memory, no NIC) and veth" in text
    assert "oversubscribed (24 trials)" in text
    assert "app died (1 trial)" in text
    one_link = [row for row in experiment.rows if row.link == "veth"]
    assert "Different links" not in wording.caption(experiment, one_link)


@pytest.mark.parametrize("width", [80, MEDIUM, 120, WIDE, 200])
def test_no_number_is_cut_at_any_width(experiment, width):
    text = plain_text(experiment, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for row in experiment.rows:
        for value in (row.p50_us, row.p90_us, row.p99_us, row.max_us):
            assert wording.microseconds(value) in text
        assert f"{row.ops_per_s:,.0f}" in text


def test_a_table_says_what_is_not_resolvable(experiment):
    slow = experiment.row("tcp-veth-2")
    assert slow.p999_us is None
    assert "not resolvable" in plain_text(experiment)
    assert "not resolvable" in " ".join(findings.validity(experiment))


def test_a_changed_environment_is_shown(tmp_path):
    changed = write_experiment(tmp_path, Synthetic(blocks=1, seconds=0.01, counts=(1,)))
    assert changed.environment_changes() == []
    path = changed.folder.environment("after", "b")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "kernel": "another"}))
    assert any("b: kernel" in line and "another" in line for line in changed.environment_changes())
    assert "environment changed: b: kernel" in plain_text(changed)
    path.unlink()
    assert changed.environment_changes() == ["b: environment not read after the run"]
    path.write_text('{"schema": 1, "nonsense": 1}')
    with pytest.raises(OrchestratorError, match=r"after/b\.json"):
        changed.environment_changes()


def test_sentences_follow_the_numbers(tmp_path):
    slower = two_rows(tmp_path / "slower", 25_000, 10_000)
    (text,) = findings.comparison(slower)
    assert "dpdk over veth (tap) is 2.5 times slower than tcp-poll over veth (kernel), over the same link." in text
    assert "Here the tap loses to polled TCP: p50 25.0 us against 10.0 us." in findings.series_explained(slower)
    faster = two_rows(tmp_path / "faster", 2000, 10_000, link="memif")
    (text,) = findings.comparison(faster)
    assert "is 5.0 times faster than tcp-poll over veth (kernel), but over another link: memif" in text


@pytest.mark.parametrize("dpdk_ns", [9999, 10_001])
def test_overlapping_intervals_order_nothing(tmp_path, dpdk_ns):
    (text,) = findings.comparison(two_rows(tmp_path, dpdk_ns, 10_000))
    assert "cannot be told apart" in text
    assert "times" not in text


def test_what_is_not_valid_is_said_wherever_it_is_compared(tmp_path):
    moved = two_rows(tmp_path, 25_000, 10_000, probes_after=probe(450))
    (text,) = findings.comparison(moved)
    assert "had no valid trial" in text
    assert "[invalid: placement changed]" in text


def test_the_question_counts_what_was_measured(experiment):
    text = findings.question(experiment)
    assert "8 rows, 48 trials" in text
    packets = int(re.search(r"([\d,]+) packets", text)[1].replace(",", ""))
    assert packets == int(experiment.trials["n"].sum())


def test_the_way_of_dispatching_stands_in_the_label_and_the_device_is_explained(tmp_path):
    series = ("dpdk", "memif", "memif flow", "memif flow")
    folder = ExperimentFolder(tmp_path)
    trial = planned_trial("t1", series=series)
    folder.write_plan(
        Plan(experiment="e", scenario="smp", seed=0, source_digest="0", hosts=(), trials=(trial,), estimated_s=1)
    )
    write_trial(folder, trial, [1000] * 100)
    ingest(folder, record_of(trial))
    made = open_experiment(tmp_path)
    assert wording.label_without_marks(made.rows[0]) == "dpdk over memif (flow)"
    assert wording.device(made.rows[0]) == "memif"
    (sentence,) = findings.series_explained(made)
    assert sentence.startswith("**dpdk over memif (flow)**: shared memory between two processes")
