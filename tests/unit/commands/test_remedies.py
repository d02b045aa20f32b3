"""Advice on the command line names the inventory that the user named, and what was typed wrongly by its option."""

from __future__ import annotations

import inspect

import pytest
from invoke import Context, Exit, Task

import tasks
from orchestrator.commands.progress import Progress
from orchestrator.commands.remedies import DEFAULT_INVENTORY, TASKS_OF_AN_INVENTORY, for_inventory
from orchestrator.errors import HostSettingError


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("run: invoke testbed-up", "run: invoke testbed-up --inventory lab"),
        ("run: invoke testbed-up (up are: none)", "run: invoke testbed-up --inventory lab (up are: none)"),
        (
            "run `invoke setup-hugepages --pages 32 --size 2M`",
            "run `invoke setup-hugepages --inventory lab --pages 32 --size 2M`",
        ),
        (
            "run invoke testbed-down and invoke testbed-up",
            "run invoke testbed-down --inventory lab and invoke testbed-up --inventory lab",
        ),
        ("see: invoke list-scenarios, invoke describe smp", "see: invoke list-scenarios, invoke describe smp"),
        ("invoke planning", "invoke planning"),
    ],
)
def test_each_task_that_takes_an_inventory_gets_the_one_that_was_named(said: str, typed: str) -> None:
    assert for_inventory(said, "lab") == typed
    assert for_inventory(typed, "lab") == typed
    assert for_inventory(said, DEFAULT_INVENTORY) == said


def test_a_path_can_be_typed_as_it_is_told() -> None:
    assert for_inventory("invoke restore", "my labs/one.yml") == "invoke restore --inventory 'my labs/one.yml'"


def test_all_tasks_that_take_an_inventory_are_known() -> None:
    named = {
        name.replace("_", "-")
        for name, task in vars(tasks).items()
        if isinstance(task, Task) and "inventory" in inspect.signature(task.body).parameters
    }
    assert named == set(TASKS_OF_AN_INVENTORY)


@pytest.mark.parametrize(
    ("inventory", "line"),
    [
        ("lab", "error: a: no pages - run `invoke restore --inventory lab`"),
        (None, "error: a: no pages - run `invoke re"),
    ],
)
def test_the_line_that_ends_a_task_names_the_inventory(
    monkeypatch: pytest.MonkeyPatch, inventory: str | None, line: str
) -> None:
    def fails(name: str) -> str:
        raise HostSettingError("no pages", host="a", remedy="run `invoke restore`")

    monkeypatch.setattr("orchestrator.commands.nics.status", fails)
    with pytest.raises(Exit) as ended:
        tasks.nic_status(Context(), **({"inventory": inventory} if inventory else {}))
    assert str(ended.value.message).startswith(line)
    assert ended.value.code == HostSettingError.exit_code


def test_a_warning_of_a_run_names_the_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("lab").warn("not put back: x; run `invoke restore`")
    assert capsys.readouterr().err == "not put back: x; run `invoke restore --inventory lab`\n"


@pytest.mark.parametrize(
    ("task", "option"),
    [
        ("run_experiment", "trials"),
        ("run_experiment", "seed"),
        ("plan", "trials"),
        ("plan", "seed"),
        ("setup_hugepages", "pages"),
        ("setup_hugepages", "node"),
    ],
)
def test_what_is_no_whole_number_is_named_with_its_option(task: str, option: str) -> None:
    scenario = {} if task == "setup_hugepages" else {"scenario": "smp"}
    with pytest.raises(Exit) as ended:
        getattr(tasks, task)(Context(), **scenario, **{option: "2x"})
    assert ended.value.message == f"error: --{option} '2x' is not a whole number - such as --{option} 8"
    assert ended.value.code == 2
