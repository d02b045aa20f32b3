import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from synthetic_experiment import planned_trial

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.experiments.records import Plan
from orchestrator.results import layout
from orchestrator.results.layout import new_folder, write_atomic
from orchestrator.results.ledger import Ledger

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_the_folder_is_named_by_utc_and_id(tmp_path):
    local = NOW.astimezone(timezone(timedelta(hours=5)))
    folder = new_folder(tmp_path / "results", "smp", local, "ab12")
    assert folder.root == tmp_path / "results" / "smp" / "20260304T050607Z-ab12"
    assert folder.root.is_dir()


def test_a_folder_is_made_once(tmp_path):
    new_folder(tmp_path, "smp", NOW, "ab12")
    with pytest.raises(OrchestratorError, match="already there"):
        new_folder(tmp_path, "smp", NOW, "ab12")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "a\n"])
def test_a_name_that_is_a_path_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="no plain name"):
        new_folder(tmp_path, name, NOW, "ab12")
    assert list(tmp_path.iterdir()) == []


def test_what_was_measured_is_not_overwritten_and_what_is_derived_may_be(tmp_path):
    write_atomic(tmp_path / "deep" / "f", "one")
    with pytest.raises(OrchestratorError, match="already there"):
        write_atomic(tmp_path / "deep" / "f", "two")
    assert (tmp_path / "deep" / "f").read_text() == "one"
    write_atomic(tmp_path / "deep" / "f", b"two", replace=True)
    assert (tmp_path / "deep" / "f").read_text() == "two"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["f"]


def test_a_failed_write_leaves_nothing_and_names_the_file(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layout.os, "fsync", full)
    with pytest.raises(OrchestratorError, match=r"cannot write .*: No space left on device"):
        write_atomic(tmp_path / "f", "one")
    assert list(tmp_path.iterdir()) == []


def test_plan_and_environment_come_back(tmp_path):
    folder = new_folder(tmp_path, "smp", NOW, "ab12")
    plan = Plan(
        experiment="smp",
        scenario="smp",
        seed=1,
        source_digest="0",
        hosts=("a",),
        trials=(planned_trial(),),
        estimated_s=1,
    )
    folder.write_plan(plan)
    folder.write_environment("before", "a", {"schema": 1, "kernel": "x"})
    assert folder.read_plan() == plan
    assert json.loads(folder.plan.read_text())["schema"] == 1
    assert folder.read_environment("before") == {"a": {"schema": 1, "kernel": "x"}}
    assert folder.read_environment("after") == {}


def test_a_broken_plan_is_named(tmp_path):
    folder = new_folder(tmp_path, "smp", NOW, "ab12")
    with pytest.raises(OrchestratorError, match=r"plan\.json is missing"):
        folder.read_plan()
    folder.plan.write_text('{"schema": 7}')
    with pytest.raises(OrchestratorError, match=r"plan\.json: schema"):
        folder.read_plan()
    folder.plan.write_text("{")
    with pytest.raises(OrchestratorError, match=r"plan\.json cannot be read as JSON"):
        folder.read_plan()


def test_the_ledger_only_grows_and_outlives_a_cut_line(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert ledger.read() == []
    ledger.append("planned", "t1", row="r")
    with ledger.path.open("a") as file:
        file.write('{"event": "started", "key": "t')  # a crash in the middle of a line
    ledger.append("finished", "t1")
    events = ledger.read()
    assert [event["event"] for event in events] == ["planned", "finished"]
    assert events[0]["row"] == "r"
    assert all(event["schema"] == 1 and "utc" in event for event in events)
    assert ledger.keys_with("finished") == {"t1"}
    assert ledger.keys_with("started") == set()
