"""What a scenario is, and how the scenarios of this package are found.

A scenario is one file here with a `SCENARIO` of the Protocol below, and one folder of `dpdk_apps`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import orchestrator.scenarios
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import Plot


@dataclass(frozen=True)
class Row:
    """One row of the summary: one configuration, measured in every block.

    `params` holds every parameter but transport and link, resolved (no `auto`).
    """

    transport: str
    link: str
    driver: str
    params: dict[str, Value]


@dataclass(frozen=True)
class Rows:
    """Every configuration of a run, and what of the user's own choice is not among them."""

    rows: tuple[Row, ...]
    """In the order of the summary."""
    left_out: tuple[str, ...] = ()
    """Why combinations that the user asked for cannot be run, one line each."""


@dataclass(frozen=True)
class TrialContext:
    """What the processes of one trial are named and found by."""

    digest: str
    """Digest of the sources: names the build."""
    key: str
    """Key of the trial: names its file-prefix."""
    tag: int
    """Marks the messages of the trial."""


class Scenario(Protocol):
    """An experiment that can be run on any inventory with the hosts that it needs."""

    @property
    def name(self) -> str:
        """As typed after `--scenario`."""

    @property
    def summary(self) -> str:
        """One line."""

    @property
    def description(self) -> str:
        """A paragraph: what is measured and what it says."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """What `--set` takes."""

    @property
    def plots(self) -> Sequence[Plot]:
        """What is drawn of a result."""

    @property
    def headline(self) -> Sequence[str]:
        """The parameters that a row is called by where one line must do."""

    @property
    def example(self) -> str:
        """What one might type after `invoke run-experiment --scenario NAME`."""

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """Every configuration of a run, and what is left out of it.

        `explicit` holds the parameters that the user set himself. Raises UsageError if nothing can be run, saying why.
        """

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """The processes of one trial of `row`."""


def all_scenarios() -> dict[str, Scenario]:
    """Every scenario of this package by name."""
    found: dict[str, Scenario] = {}
    for module in pkgutil.iter_modules(orchestrator.scenarios.__path__):
        scenario = getattr(importlib.import_module(f"orchestrator.scenarios.{module.name}"), "SCENARIO", None)
        if scenario is not None:
            found[scenario.name] = scenario
    return found


def scenario_named(name: str) -> Scenario:
    """The scenario called `name`. Raises UsageError naming the closest one."""
    scenarios = all_scenarios()
    if name not in scenarios:
        close = difflib.get_close_matches(name, scenarios, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(scenarios))}"
        raise UsageError(f"there is no scenario {name}; {hint}", remedy="see: invoke list-scenarios")
    return scenarios[name]
