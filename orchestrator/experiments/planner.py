"""From inventory, scenario and parameters to a plan: every trial resolved, without touching a host.

Rows run in randomised blocks: each block holds every row once, in an order drawn from the recorded seed, so that a slow
drift of the machine hits all rows alike (Maricq et al., OSDI 2018).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass

from orchestrator.apps.cores import host_cpus, oversubscribed, prove_disjoint
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.experiments.records import CpuPair, Plan, PlannedTrial
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Scenario, TrialContext
from orchestrator.scenarios.parameters import explicitly_set, parse_settings

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a folder of results may be called."""
MIN_TRIALS = 1
MAX_TRIALS = 1000
# What a trial and a run cost besides warm-up and window, for the estimate that is shown; measured, see bench/.
TRIAL_OVERHEAD_S = 0.9
RUN_OVERHEAD_S = 6.0
FLOOR_S = 0.05
FLOOR_SAMPLES = 6_000_000
"""An echo within one program takes 30 ns and more: room for both phases at twice that rate."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    scenario: Scenario
    assignments: tuple[str, ...]
    """`key=value` as given with --set."""
    trials: int
    seed: int
    experiment: str


def make_plan(inventory: Inventory, request: Request, source_digest: str) -> Plan:
    """The whole plan. Raises UsageError for parameters, cores or links that cannot be used."""
    if not MIN_TRIALS <= request.trials <= MAX_TRIALS:
        raise UsageError(f"--trials {request.trials} is out of range: {MIN_TRIALS} to {MAX_TRIALS}")
    if not PLAIN_NAME.fullmatch(request.experiment):
        raise UsageError(
            f"--name {request.experiment!r} is no plain name", remedy="use letters, digits, '.', '_' and '-'"
        )
    settings = parse_settings(request.assignments, request.scenario.parameters, request.scenario.name)
    chosen = request.scenario.rows(inventory, settings, explicitly_set(request.assignments))
    shuffle = random.Random(request.seed)  # noqa: S311 - an order of trials, no secret
    trials: list[PlannedTrial] = []
    for block in range(request.trials):
        order = list(enumerate(chosen.rows))
        shuffle.shuffle(order)
        trials.extend(_trial(inventory, request, source_digest, row, number, block) for number, row in order)
    trials.extend(floor_trials(trials))
    return Plan(
        experiment=request.experiment,
        scenario=request.scenario.name,
        seed=request.seed,
        source_digest=source_digest,
        hosts=tuple(dict.fromkeys(process.host for trial in trials for process in trial.processes)),
        trials=tuple(trials),
        estimated_s=RUN_OVERHEAD_S + sum(trial.warmup_s + trial.window_s + TRIAL_OVERHEAD_S for trial in trials),
        left_out=chosen.left_out,
    )


def _trial(
    inventory: Inventory, request: Request, source_digest: str, row: Row, number: int, block: int
) -> PlannedTrial:
    identity = {
        "scenario": request.scenario.name,
        "transport": row.transport,
        "link": row.link,
        "driver": row.driver,
        "params": row.params,
        "build": source_digest,
        "inventory": inventory.model_dump(mode="json", by_alias=True),
        "block": block,
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    context = TrialContext(digest=source_digest, key=digest[:12], tag=int(digest[12:20], 16))
    processes = request.scenario.processes(inventory, row, context)
    prove_disjoint(processes)
    if sum(process.measures for process in processes) != 1:
        raise UsageError(f"scenario {request.scenario.name}: exactly one process of a trial must measure")
    return PlannedTrial(
        key=context.key,
        row=f"{number:03d}",
        block=block,
        scenario=request.scenario.name,
        transport=row.transport,
        link=row.link,
        driver=row.driver,
        params=dict(row.params),
        warmup_s=float(row.params["warmup_s"]),
        window_s=float(row.params["window_s"]),
        oversubscribed=oversubscribed(processes, one_kernel=inventory.testbed is not None),
        processes=processes,
        probes=probe_pairs(inventory, processes),
    )


def floor_trials(trials: list[PlannedTrial]) -> list[PlannedTrial]:
    """For each transport and message size, one trial of its generator against an echo inside its own program.

    No figure of that transport can be below it, and one near it says more about the generator than about the link.
    Generators of others (fio) cannot be measured so.
    """
    first: dict[str, PlannedTrial] = {}
    able = [trial for trial in trials if next(p for p in trial.processes if p.measures).has_floor]
    sizes = {trial.params.get("size") for trial in able}
    for trial in sorted(able, key=lambda trial: trial.row):
        name = f"{trial.transport}-{trial.params['size']}" if len(sizes) > 1 else trial.transport
        first.setdefault(name, trial)
    floors = []
    for name, trial in first.items():
        measuring = next(process for process in trial.processes if process.measures)
        # A later option takes the place of an earlier one.
        argv = (
            *measuring.argv,
            f"--warmup={FLOOR_S}",
            f"--window={FLOOR_S}",
            f"--max-samples={FLOOR_SAMPLES}",
            "--floor",
        )
        floors.append(
            trial.model_copy(
                update={
                    "key": hashlib.sha256(f"floor {trial.key}".encode()).hexdigest()[:12],
                    "row": f"floor-{name}",
                    "block": max(each.block for each in trials) + 1,
                    "params": {**trial.params, "warmup_s": FLOOR_S, "window_s": FLOOR_S},
                    "warmup_s": FLOOR_S,
                    "window_s": FLOOR_S,
                    "oversubscribed": False,
                    "processes": (measuring.model_copy(update={"argv": argv, "stage": 0}),),
                    "probes": (),
                }
            )
        )
    return floors


def probe_pairs(inventory: Inventory, processes: tuple[PlannedProcess, ...]) -> tuple[CpuPair, ...]:
    """Between which CPUs a cache line is bounced before and after a trial.

    Hosts on one kernel: the measuring process's CPU against each other CPU in use. Else, per host: its first two CPUs,
    where it has two. No pair where everything runs on one CPU.
    """
    measuring = next(process for process in processes if process.measures)
    if inventory.testbed is not None:
        own = measuring.cpus[0]
        others = sorted({cpu for process in processes for cpu in process.cpus} - {own})
        return tuple(CpuPair(host=measuring.host, cpus=(own, cpu)) for cpu in others)
    pairs = []
    for name in dict.fromkeys(process.host for process in processes):
        cpus = host_cpus(inventory.host(name))
        if len(cpus) > 1:
            pairs.append(CpuPair(host=name, cpus=(cpus[0], cpus[1])))
    return tuple(pairs)
