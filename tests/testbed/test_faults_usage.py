"""What was typed or written cannot be used: everything that is wrong is said, exit code 2, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.run_bed import Bed
from support.tool import run_tool

import tasks
from orchestrator.commands.experiment import run
from orchestrator.commands.plan import DEFAULT_TRIALS
from orchestrator.errors import UsageError
from orchestrator.testbeds import namespaces


@pytest.fixture
def nowhere(root: None, tmp_path: Path) -> Bed:
    """A testbed that is only a file."""
    bed = Bed("t-nowhere", tmp_path)
    bed.write_inventory()
    return bed


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("porcesses=1",), ("no parameter porcesses", "did you mean processes?", "invoke describe smp")),
        (("processes=99", "size=1"), ("processes=99 is out of range: 1 to 16", "size=1 is out of range: 32 to 1472 B")),
        (("transport=udp",), ("transport=udp is not one of dpdk, tcp, tcp-poll",)),
        (("transport=tcp", "link=memif"), ("tcp cannot cross memif",)),
        (("processes",), ("write key=value",)),
        (("processes=3", "flows=2"), ("flows=2 cannot reach processes=3",)),
    ],
)
def test_settings_that_cannot_be_used(nowhere: Bed, settings: tuple[str, ...], said: tuple[str, ...]) -> None:
    ended = nowhere.run(*settings)
    assert ended.code == 2, ended.stderr
    for words in said:
        assert words in ended.error
    assert not nowhere.results.exists()
    assert nowhere.name not in namespaces.names()


def test_names_that_are_not_there(nowhere: Bed) -> None:
    scenario = run_tool(
        "run-experiment", "--scenario", "sym", "--inventory", str(nowhere.inventory), results=nowhere.results
    )
    assert scenario.code == 2
    assert "sym" in scenario.error
    assert "smp" in scenario.error
    inventory = run_tool("run-experiment", "--scenario", "smp", "--inventory", "loccal", results=nowhere.results)
    assert inventory.code == 2
    assert "loccal" in inventory.error
    assert "local" in inventory.error.replace("loccal", "")
    assert not nowhere.results.exists()


def test_a_broken_inventory_is_told_all_at_once(nowhere: Bed) -> None:
    text = nowhere.inventory.read_text()
    text = text.replace("beta.mem1", "beta.mem7").replace("pages: 128", "pgaes: 128", 1)
    text = text.replace("sut: beta", "sut: gamma")
    nowhere.inventory.write_text(text)
    ended = nowhere.run("processes=1")
    assert ended.code == 2
    assert "Traceback" not in ended.stderr
    lines = text.splitlines()
    for word in ("gamma", "pgaes", "mem7"):
        number = next(number for number, line in enumerate(lines, start=1) if word in line)
        assert f"inventory.yml:{number}" in ended.stderr, ended.stderr
        assert word in ended.stderr
    assert not nowhere.results.exists()
    assert nowhere.name not in namespaces.names()


def test_what_a_person_is_shown_before_a_run(nowhere: Bed) -> None:
    listed = run_tool("list-scenarios", results=nowhere.results)
    assert listed.code == 0
    assert any(line.startswith("smp ") for line in listed.stdout.splitlines())
    described = run_tool("describe", "smp", results=nowhere.results)
    assert described.code == 0
    for words in (
        "transport",
        "default 1,2; 1 to 16",
        "window_s",
        "0.02 to 300 s",
        "invoke run-experiment --scenario smp",
    ):
        assert words in described.stdout
    planned = nowhere.tool("plan", "--scenario", "smp", "--trials", "1", "--set", "processes=1")
    assert planned.code == 0
    assert "--proc-type=primary" in planned.stdout
    assert nowhere.name not in namespaces.names()
    assert not nowhere.results.exists()
    helped = run_tool("--help", "run-experiment", results=nowhere.results)
    assert "Example: invoke run-experiment --scenario smp" in helped.stdout


def test_trials_of_the_command_line_are_those_of_the_planner() -> None:
    assert int(tasks.DEFAULT_TRIALS) == DEFAULT_TRIALS


def test_plots_of_what_is_no_result(nowhere: Bed) -> None:
    for task in ("plot", "notebook"):
        ended = run_tool(task, str(nowhere.folder), results=nowhere.results)
        assert ended.code == 2
        assert "is no result folder" in ended.error


def test_without_root_a_run_says_what_it_needs_root_for_and_does_nothing(
    nowhere: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 65534)
    with pytest.raises(UsageError, match="needs root"):
        run("smp", str(nowhere.inventory), (), trials=1, seed=1, name="", keep=False, once=True)
    assert not nowhere.results.exists()
