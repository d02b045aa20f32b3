"""`invoke plan`, `list-scenarios`, `describe`: what would run, in words. No host is touched."""

from __future__ import annotations

import random
import shlex
from collections.abc import Sequence

from orchestrator.apps.source import SourceTree
from orchestrator.commands.checkout import APPS, inventory_named
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.records import Plan, PlannedTrial
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import all_scenarios, scenario_named

DEFAULT_TRIALS = 8
"""Trials of each row; `tasks.py` says it to people."""


def plan_for(
    scenario: str, inventory: Inventory, assignments: Sequence[str], trials: int, seed: int | None, name: str
) -> Plan:
    """The plan of a run. Without a seed one is drawn; the plan records it."""
    request = Request(
        scenario=scenario_named(scenario),
        assignments=tuple(assignments),
        trials=trials,
        seed=random.SystemRandom().randrange(1 << 31) if seed is None else seed,
        experiment=name or scenario,
    )
    return make_plan(inventory, request, SourceTree(APPS).digest)


def plan_text(
    scenario: str, inventory_name: str, assignments: Sequence[str], trials: int, seed: int | None, name: str
) -> str:
    """Every trial with its processes, in the order in which they would run."""
    plan = plan_for(scenario, inventory_named(inventory_name), assignments, trials, seed, name)
    return render_plan(plan)


def render_plan(plan: Plan) -> str:
    """A plan as text, one paragraph a trial."""
    rows = len({trial.row for trial in plan.trials if not trial.row.startswith("floor")})
    head = (
        f"experiment {plan.experiment}: {len(plan.trials)} trials of {rows} rows on {', '.join(plan.hosts)}, "
        f"seed {plan.seed}, about {plan.estimated_s / 60:.1f} min"
    )
    total = len(plan.trials)
    head = "\n".join([head, *left_out_lines(plan)])
    return "\n\n".join([head, *(_trial_text(trial, index, total) for index, trial in enumerate(plan.trials))])


def left_out_lines(plan: Plan) -> list[str]:
    """A line for each reason why something that was asked for is in no row."""
    return [f"left out: {reason}" for reason in plan.left_out]


def row_label(trial: PlannedTrial) -> str:
    """What a row is called where one line must do."""
    marks = " [oversubscribed]" if trial.oversubscribed else ""
    named = scenario_named(trial.scenario).headline
    settings = "".join(f" {name}={trial.params[name]}" for name in named if name in trial.params)
    return f"{trial.transport}/{trial.link} ({trial.driver}){settings}{marks}"


def _trial_text(trial: PlannedTrial, index: int, total: int) -> str:
    params = " ".join(f"{name}={value}" for name, value in trial.params.items())
    lines = [f"trial {index + 1}/{total}  block {trial.block}  key {trial.key}  {row_label(trial)}", f"  {params}"]
    for process in sorted(trial.processes, key=lambda process: process.stage):
        place = " ".join(f"{core.lcore}@{core.cpu}" for core in process.lcores)
        lcores = f"  lcores {place}" if place else ""
        cpus = ",".join(str(cpu) for cpu in process.cpus)
        lines.append(f"  stage {process.stage}  {process.host}  {process.name}  cpu {cpus}{lcores}")
        lines.append(f"    {shlex.join(process.argv)}")
    return "\n".join(lines)


def list_text() -> str:
    """One line a scenario."""
    return "\n".join(f"{name:16} {scenario.summary}" for name, scenario in sorted(all_scenarios().items()))


def describe_text(name: str) -> str:
    """A scenario's parameters with units, defaults and ranges."""
    scenario = scenario_named(name)
    lines = [f"{scenario.name}: {scenario.summary}", "", scenario.description, "", "Parameters (--set key=value):"]
    width = max(len(parameter.name) for parameter in scenario.parameters)
    for parameter in scenario.parameters:
        default = ",".join(str(value) for value in parameter.default)
        unit = f" {parameter.unit}" if parameter.unit else ""
        lines.append(f"  {parameter.name:{width}} {parameter.help}")
        lines.append(f"  {'':{width}} default {default}{unit}; {parameter.range}{unit}")
    lines += ["", f"Example: invoke run-experiment --scenario {name} {scenario.example}"]
    return "\n".join(lines)
