"""The stages of an operation beside each other: which rows belong together, the table, the figure, the sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_experiment import write_store_experiment

from orchestrator.reports import findings
from orchestrator.reports.breakdown import breakdowns, operations
from orchestrator.reports.stages import draw_stages
from orchestrator.reports.table import plain_text
from orchestrator.results.load import Experiment
from orchestrator.scenarios.plots import Plot

CHOSEN = ("transport=dpdk,tcp", "link=veth", "durability=memory,log", "op=write,echo")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return write_store_experiment(tmp_path_factory.mktemp("results"), *CHOSEN, samples=400)


def test_a_row_through_the_mount_stands_with_its_own_parts(experiment: Experiment) -> None:
    found = [each for each in breakdowns(experiment.rows) if each.whole.params["stage"] == "all"]
    assert [(each.whole.transport, each.whole.params["durability"]) for each in found] == [
        ("dpdk", "memory"),
        ("dpdk", "log"),
        ("tcp", "memory"),
        ("tcp", "log"),
    ]
    for each in found:
        assert list(each.parts) == ["transport", "store", "fuse", "all"]
        assert {row.transport for stage, row in each.parts.items() if stage != "fuse"} == {each.whole.transport}
        assert each.parts["store"].params["durability"] == each.whole.params["durability"]
        assert {row.params["op"] for row in each.parts.values()} == {"write"}
        assert each.ratio == pytest.approx(1.0, abs=0.1)


def test_an_echo_stands_with_that_of_other_programs(experiment: Experiment) -> None:
    found = [each for each in breakdowns(experiment.rows) if each.whole.params["op"] == "echo"]
    assert [(each.whole.transport, list(each.parts)) for each in found] == [
        ("dpdk", ["transport", "floor"]),
        ("tcp", ["transport", "floor"]),
    ]
    assert found[0].ratio == pytest.approx(1.25, abs=0.05)


def test_no_row_is_left_out_and_none_stands_in_two_groups_but_fuse(experiment: Experiment) -> None:
    shown = {row.row for each in breakdowns(experiment.rows) for row in each.parts.values()}
    assert shown == {row.row for row in experiment.rows}
    titles = [title for title, _group in operations(breakdowns(experiment.rows))]
    assert titles == [
        "op=write, size=4096, durability=memory",
        "op=write, size=4096, durability=log",
        "op=echo, size=64, durability=none",
    ]


def test_the_table_and_the_sentences_tell_the_whole_and_its_parts(experiment: Experiment) -> None:
    text = plain_text(experiment)
    assert "through the mount to FUSE only and transport + store" in text
    assert "no network (FUSE only)" in text
    said = findings.comparison(experiment)
    assert any("through the mount p50" in line and "of which transport" in line for line in said)
    assert any("times that of sockperf" in line for line in said)
    assert any("times that of bare frames" in line for line in said)


def test_the_figure_has_a_panel_an_operation(experiment: Experiment) -> None:
    (figure,) = draw_stages(experiment, Plot("stages"))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [title for title, _group in operations(breakdowns(experiment.rows))]
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["transport", "transport + store", "FUSE only", "through the mount"] * 2


def test_a_stage_alone_has_nothing_to_stand_beside(tmp_path: Path) -> None:
    lonely = write_store_experiment(tmp_path, "stage=fuse", "op=read", samples=400, trials=1)
    assert [list(each.parts) for each in breakdowns(lonely.rows)] == [["fuse"]]
    assert "p50 of each stage" not in plain_text(lonely)


def test_a_run_that_measured_nothing_has_no_table_of_stages(experiment: Experiment) -> None:
    assert "p50 of each stage" in plain_text(experiment)
    assert "p50 of each stage" not in plain_text(Experiment(experiment.folder, experiment.plan, ()))
