"""A SYNTHETIC experiment of the scenario `store`: made-up numbers in the real file formats, to test what reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_experiment import record_of, thread, write_recorder

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.records import PlannedTrial, ProbeReading
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder, new_folder
from orchestrator.results.load import Experiment, open_experiment
from orchestrator.scenarios.base import scenario_named

STAGE_US = {"transport": 2.0, "store": 3.0, "fuse": 8.0, "floor": 1.6}
TRANSPORT_TIMES = {"dpdk": 1.0, "tcp-poll": 8.0, "tcp": 20.0, "none": 1.0}
DISK_US = {"memory": 0.0, "log": 1.0, "dsync": 360.0, "none": 0.0}


def p50_us(trial: PlannedTrial) -> float:
    """What a trial is made to take."""
    stage, times = str(trial.params["stage"]), TRANSPORT_TIMES[trial.transport]
    disk = DISK_US[str(trial.params["durability"])]
    if stage == "all":
        return STAGE_US["fuse"] + STAGE_US["store"] * times + disk + 0.5
    return STAGE_US[stage] * times + disk


def rpc(received: int, **changes: Any) -> dict[str, Any]:
    """Both ends' counts of so many packets each way, at which nothing went wrong."""
    zero = ("retransmitted", "timeouts", "asks", "busy", "restarts", "deadlines", "duplicates", "stale", "unexpected")
    return {"tx": received, "rx": received, **dict.fromkeys(zero, 0), "dropped": {"short": 0}, **changes}


def stats_of(trial: PlannedTrial, name: str, packets: int, **changes: Any) -> dict[str, Any]:
    """The stats file of one process of a trial."""
    process = next(process for process in trial.processes if process.name == name)
    stats: dict[str, Any] = {
        "schema": 1,
        "app": process.app.removesuffix("_dpdk").removesuffix("_tcp"),
        "role": "generator" if process.measures else "sut",
        "ticks_per_s": 2e9,
        "threads": [thread(process.cpus[0])],
    }
    if process.app.startswith(("store_server", "store_load", "store_mount_")) and process.app != "store_mount_self":
        queue = {
            "port": 0,
            "queue": 0,
            "driver": "tcp" if "tcp" in trial.transport else "net_memif",
            "rx_packets": packets,
            "tx_packets": packets,
        }
        stats |= {"queues": [{**queue, "drops": {"bad_length": 0}}], "rpc": rpc(packets)}
    if process.measures:
        counts = ("duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short", "lost")
        stats |= {
            "loop": "closed",
            "depth": 1,
            "window_s": trial.window_s,
            "window_actual_s": trial.window_s,
            "sent": packets,
            "returned": packets,
            **dict.fromkeys(counts, 0),
        }
    return {**stats, **changes}


def write_store_trial(
    folder: ExperimentFolder,
    trial: PlannedTrial,
    rtt_ns: Any,
    changes: dict[str, dict[str, Any]] | None = None,
) -> None:
    """The files that the processes of a trial leave; `changes` are to their stats, by process."""
    files = folder.trial(trial.key)
    for process in trial.processes:
        stats = stats_of(trial, process.name, len(rtt_ns), **(changes or {}).get(process.name, {}))
        path = files.of_process(process.host, process.name, "stats.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(stats))
        if process.measures:
            samples = files.of_process(process.host, process.name, "samples.bin")
            write_recorder(samples, [0, *[int(value) + 80 for value in rtt_ns[:-1]]], rtt_ns)


def plan_trials(*assignments: str, trials: int = 1) -> Any:
    """A plan of the scenario on the two hosts of the default testbed."""
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
    return make_plan(inventory, Request(scenario_named("store"), assignments, trials, 3, "store"), "0" * 16)


def write_store_experiment(root: Path, *assignments: str, trials: int = 6, samples: int = 4000) -> Experiment:
    """Write a whole experiment under `root` and open it."""
    plan = plan_trials(*assignments, trials=trials)
    folder = new_folder(root, "store", datetime(2026, 1, 1, tzinfo=UTC), "synthetic")
    folder.write_plan(plan)
    folder.write_inventory({"schema": 1, "synthetic": True})
    rng = np.random.default_rng(5)
    for index, trial in enumerate(trial for trial in plan.trials if not trial.row.startswith("floor-")):
        body = p50_us(trial) * 1000 * rng.normal(1, 0.01)
        rtt = (body * (0.95 + rng.gamma(1.0, 0.07, samples))).astype(np.uint32)
        write_store_trial(folder, trial, rtt)
        probes = tuple(ProbeReading(host=pair.host, cpus=pair.cpus, round_trip_ns=120.0) for pair in trial.probes)
        ingest(folder, record_of(trial, index, probes_before=probes, probes_after=probes))
    return open_experiment(folder.root)
