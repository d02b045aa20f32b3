"""What became of packets, by process and reason: from a stats file to processes.csv, the table and the plot."""

import csv
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from synthetic_experiment import planned_trial, record_of, write_trial

from orchestrator.experiments.records import Plan
from orchestrator.reports.fates import draw_fates
from orchestrator.reports.table import plain_text
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import new_folder
from orchestrator.results.load import open_experiment
from orchestrator.results.process_table import write_process_table
from orchestrator.scenarios.plots import Plot

SLEEPER = {
    "accounting": {"in": 200, "out": 130, "drops": 70, "reasons": {"ring_full": 60, "bulk_refused": 10}},
    "queues": [{"port": 0, "queue": 0, "driver": "memif", "rx_packets": 200}],
    "members": [
        {"name": "client0", "in": 100, "out": 100, "drops": {"ring_full": 0, "bulk_refused": 0}},
        {"name": "client1", "in": 100, "out": 30, "drops": {"ring_full": 60, "bulk_refused": 10}},
    ],
}


def measured(folder, server):
    """An experiment of one trial whose server left these statistics."""
    folder = new_folder(folder, "synthetic", datetime(2026, 1, 1, tzinfo=UTC), "fates")
    trial = planned_trial()
    folder.write_plan(
        Plan(
            experiment="synthetic", scenario="smp", seed=1, source_digest="0" * 16, hosts=("a", "b"),
            trials=(trial,), estimated_s=1.0,
        )
    )  # fmt: skip
    folder.write_inventory({"schema": 1, "synthetic": True})
    write_trial(folder, trial, np.full(400, 1000), server=server)
    ingest(folder, record_of(trial))
    return open_experiment(folder.root)


@pytest.fixture
def sleeper(tmp_path):
    return measured(tmp_path, SLEEPER)


def test_members_and_reasons_are_told_apart(sleeper):
    write_process_table(sleeper.folder, sleeper.fates)
    with (sleeper.folder.root / "processes.csv").open(newline="") as file:
        lines = {line["process"]: line for line in csv.DictReader(file)}
    assert set(lines) == {"symmetric_mp0", "symmetric_mp0/client0", "symmetric_mp0/client1"}
    whole, first, second = (lines[name] for name in sorted(lines))
    assert (whole["in"], whole["out"], whole["dropped"]) == ("200", "130", "70")
    assert json.loads(whole["reasons"]) == json.loads(second["reasons"]) == {"bulk_refused": 10, "ring_full": 60}
    assert (first["out"], first["dropped"], json.loads(first["reasons"])) == ("100", "0", {})
    (trial,) = sleeper.stored
    assert "drops" in trial.result.verdict
    assert trial.result.valid


def test_the_table_says_where_and_why(sleeper):
    lines = plain_text(sleeper, 100).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("where packets were dropped"))
    said = {line.split()[0]: line.split(maxsplit=4)[1:] for line in lines[start + 3 : start + 6]}
    assert said == {
        "symmetric_mp0/client0": ["100", "100", "0"],
        "symmetric_mp0/client1": ["100", "30", "70", "bulk_refused 10, ring_full 60"],
        "symmetric_mp0": ["200", "130", "70", "bulk_refused 10, ring_full 60"],
    }


def test_where_nothing_was_dropped_or_only_what_is_not_of_the_load_there_is_no_table(tmp_path):
    queue = {"port": 0, "queue": 0, "driver": "memif", "rx_packets": 400, "tx_packets": 399}
    of_others = {
        "accounting": {"in": 400, "out": 399, "drops": 1},
        "queues": [{**queue, "drops": {"group_address": 1}}],
    }
    assert "where packets were dropped" not in plain_text(measured(tmp_path, of_others), 100)


def test_the_plot_has_a_bar_for_each_process_and_stays_on_the_page(sleeper):
    figure = draw_fates(sleeper, Plot("fates"))
    figure.canvas.draw()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "symmetric_mp0/client0",
        "symmetric_mp0/client1",
        "symmetric_mp0",
    ]
    widths = [round(bar.get_width()) for bar in axes.patches]
    assert widths == [100, 30, 10, 60, 65, 5, 30]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["passed on", "bulk_refused", "ring_full"]
    for text in (*axes.texts, *axes.get_yticklabels(), *figure.texts):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1, text.get_text()
