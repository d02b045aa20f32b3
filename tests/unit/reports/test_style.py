"""Series that a scenario compares in one panel can be told apart by their colours."""

from dataclasses import dataclass

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.reports.style import colour
from orchestrator.scenarios.base import all_scenarios, scenario_named


@dataclass(frozen=True)
class Series:
    """What of a row its colour and label depend on."""

    transport: str
    link: str
    driver: str


@pytest.mark.parametrize("name", sorted(all_scenarios()))
def test_series_of_one_panel_have_colours_of_their_own(name):
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
    made = make_plan(inventory, Request(scenario_named(name), (), 1, 7, "x"), "0123456789abcdef")
    panels = {}
    for trial in made.trials:
        panels.setdefault(str(trial.params), set()).add(Series(trial.transport, trial.link, trial.driver))
    assert max(map(len, panels.values())) >= 4
    for series in panels.values():
        assert len({colour(each) for each in series}) == len(series), series
