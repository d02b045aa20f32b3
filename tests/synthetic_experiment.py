"""Writes SYNTHETIC experiments: made-up numbers in the real file formats, to test what reads them.

Nothing that this module writes is a measurement. It is used by tests in temporary folders only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.apps.process import PlannedProcess
from orchestrator.experiments.records import (
    CpuPair,
    Plan,
    PlannedTrial,
    ProbeReading,
    ProcessOutcome,
    TrialRecord,
)
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder, new_folder
from orchestrator.results.load import Experiment, open_experiment
from orchestrator.results.model import TrialResult
from orchestrator.results.summary import write_summary

LOST = 2**32 - 1
WINDOW_S = 0.2
PROBE = CpuPair(host="a", cpus=(0, 1))

# transport, link, driver with 1 process, driver with 2, p50 in us, scale of the body, chance and size of the tail
SERIES = (
    ("dpdk", "memif", "memif", "memif", 1.1, 0.15, 2e-3, 15),
    ("dpdk", "veth", "af_packet", "tap", 6.2, 0.9, 4e-3, 60),
    ("tcp", "veth", "kernel", "kernel+bridge", 55.0, 9.0, 2e-3, 400),
    ("tcp-poll", "veth", "kernel", "kernel+bridge", 10.5, 1.2, 3e-3, 150),
)


def write_recorder(path: Path, gaps: Any, rtt: Any, *, first: int = 0, ticks_per_s: float = 2e9, **header: Any) -> Path:
    """Write a file in the recorder's format (recorder.h); `header` overrides magic, version, flags, count."""
    gaps, rtt = np.asarray(gaps, dtype="<u4"), np.asarray(rtt, dtype="<u4")
    packed = struct.pack(
        "<8sIIQQdQ",
        header.get("magic", b"DPLATENC"),
        header.get("version", 1),
        header.get("flags", 0),
        header.get("count", len(rtt)),
        first,
        ticks_per_s,
        0,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed + gaps.tobytes() + rtt.tobytes())
    return path


def round_trips(rng: np.random.Generator, count: int, series: tuple[Any, ...], slower: float = 1.0) -> Any:
    """Round trips in ns with a body and a tail."""
    p50, scale, chance, tail = (float(value) for value in series[4:])
    body = p50 * 0.85 + rng.gamma(2.0, scale / 2, count)
    hit = rng.random(count) < chance
    body[hit] += rng.pareto(1.6, int(hit.sum())) * tail / 4
    return np.minimum(body * slower * 1000, 2**31).astype(np.uint32)


def processes(transport: str, count: int, oversubscribed: bool) -> tuple[PlannedProcess, ...]:
    app = "symmetric_mp" if transport == "dpdk" else "tcp_echo"
    generator = "traffic" if transport == "dpdk" else "tcp_traffic"
    servers = tuple(
        PlannedProcess(name=f"{app}{i}", host="b", app=app, argv=(app, str(i)), stage=i, cpus=(1,))
        for i in range(count)
    )
    return (
        *servers,
        PlannedProcess(name="gen", host="a", app=generator, argv=(generator,), stage=9, cpus=(0,), measures=True),
    )


def planned_trial(
    key: str = "t1",
    *,
    row: str = "r1",
    block: int = 0,
    series: tuple[Any, ...] = SERIES[0],
    count: int = 1,
    oversubscribed: bool = False,
) -> PlannedTrial:
    return PlannedTrial(
        key=key,
        row=row,
        block=block,
        scenario="smp",
        transport=series[0],
        link=series[1],
        driver=series[2] if count == 1 else series[3],
        params={"processes": count, "size": 64, "flows": 64, "depth": 1, "idle": "yield" if oversubscribed else "spin"},
        warmup_s=0.1,
        window_s=WINDOW_S,
        oversubscribed=oversubscribed,
        processes=processes(series[0], count, oversubscribed),
        probes=(PROBE,),
    )


def probe(value: float) -> tuple[ProbeReading, ...]:
    return (ProbeReading(host="a", cpus=(0, 1), round_trip_ns=value),)


def record_of(trial: PlannedTrial, index: int = 0, **changes: Any) -> TrialRecord:
    fields: dict[str, Any] = {
        "trial": trial,
        "index": index,
        "started_utc": "2026-01-01T00:00:00+00:00",
        "phases": {"start": 0.4, "window": trial.warmup_s + trial.window_s, "collect": 0.1},
        "probes_before": probe(120.0),
        "probes_after": probe(124.0),
        "processes": tuple(
            ProcessOutcome(
                name=p.name,
                host=p.host,
                exit_code=0,
                reason="exit" if p.measures else "stopped",
                ready_s=0.3,
                seconds=1.0,
            )
            for p in trial.processes
        ),
    }
    return TrialRecord.model_validate({**fields, **changes})


def thread(cpu: int, **changes: Any) -> dict[str, Any]:
    base = {
        "tid": 100 + cpu,
        "name": "main",
        "allowed": str(cpu),
        "last_cpu": cpu,
        "voluntary_switches": 3,
        "involuntary_switches": 7,
    }
    return {**base, **changes}


def server_stats(trial: PlannedTrial, index: int, packets: int, **changes: Any) -> dict[str, Any]:
    queue = {"port": 0, "queue": index, "driver": trial.driver, "rx_packets": packets, "tx_packets": packets}
    return {
        "schema": 1,
        "app": trial.processes[index].app,
        "role": "echo",
        "ticks_per_s": 2e9,
        "queues": [{**queue, "rx_bytes": packets * 64, "tx_bytes": packets * 64, "drops": {"tx_full": 0}}],
        "threads": [thread(1)],
        "accounting": {"in": packets, "out": packets, "drops": 0},
        **changes,
    }


def generator_stats(trial: PlannedTrial, sent: int, lost: int, /, **changes: Any) -> dict[str, Any]:
    stats: dict[str, Any] = {
        "schema": 1,
        "app": "traffic",
        "role": "generator",
        "ticks_per_s": 2e9,
        "queues": [],
        "threads": [thread(0)],
        "loop": "closed",
        "depth": 1,
        "rate_asked": 0,
        "warmup_s": trial.warmup_s,
        "window_s": trial.window_s,
        "window_actual_s": trial.window_s,
        "sent": sent,
        "returned": sent - lost,
        "lost": lost,
        **dict.fromkeys(("duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short"), 0),
        "rate_achieved": (sent - lost) / trial.window_s,
        "recorder_full": False,
        "floor": False,
    }
    if trial.transport != "dpdk":
        stats["tcp"] = {"retransmits": 0, "mss": 1448, "congestion": "cubic"}
    stats.update(changes)
    received = sum(queue.get("rx_packets", 0) for queue in stats["queues"])
    books = {"in": received, "out": received, "drops": 0, "reasons": {}}
    return {"accounting": books, **stats}


def write_trial(
    folder: ExperimentFolder,
    trial: PlannedTrial,
    rtt: Any,
    *,
    shares: Sequence[float] = (1.0,),
    generator: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
) -> None:
    """The files that the processes of a trial leave behind."""
    files = folder.trial(trial.key)
    rtt = np.asarray(rtt, dtype=np.uint32)
    lost = int((rtt == LOST).sum())
    gaps = np.full(len(rtt), 1, np.uint32)
    if len(rtt):
        gaps = np.where(rtt == LOST, 100_000, rtt) + 80
        gaps[0] = 0
    measuring = trial.processes[-1]
    write_recorder(files.of_process(measuring.host, measuring.name, "samples.bin"), gaps, rtt, first=50)
    for index, process in enumerate(trial.processes):
        if process.measures:
            stats = generator_stats(trial, len(rtt), lost, **(generator or {}))
        else:
            stats = server_stats(trial, index, round(len(rtt) * shares[index]), **(server or {}))
        files.of_process(process.host, process.name, "argv").parent.mkdir(parents=True, exist_ok=True)
        files.of_process(process.host, process.name, "argv").write_text("\0".join(process.argv))
        files.of_process(process.host, process.name, "stats.json").write_text(json.dumps(stats))


STEADY = tuple(1000 + i % 97 for i in range(5000))
"""Round trips in ns of a trial that nothing is wrong with."""


def outcome_of(
    folder: ExperimentFolder,
    rtt: Any = STEADY,
    *,
    trial: PlannedTrial | None = None,
    record: dict[str, Any] | None = None,
    **files: Any,
) -> TrialResult:
    """What comes of a trial of its own whose processes left `files` (as `write_trial`)."""
    trial = trial or planned_trial()
    write_trial(folder, trial, rtt, **files)
    return ingest(folder, record_of(trial, **(record or {})))


def names(result: TrialResult) -> list[str]:
    """Of the verdicts, in their order."""
    return [verdict.name for verdict in result.verdicts]


@dataclass
class Synthetic:
    """What to write: blocks, samples per trial at 1 us (others in proportion), faults by trial number."""

    blocks: int = 6
    seconds: float = WINDOW_S
    counts: tuple[int, ...] = (1, 2)
    moved: frozenset[int] = field(default_factory=frozenset)
    died: frozenset[int] = field(default_factory=frozenset)
    seed: int = 1


def write_experiment(root: Path, what: Synthetic | None = None) -> Experiment:
    """Write a whole synthetic experiment under `root` and open it."""
    what = what or Synthetic()
    rng = np.random.default_rng(what.seed)
    folder = new_folder(root, "synthetic", datetime(2026, 1, 1, tzinfo=UTC), f"synthetic{what.seed}")
    configurations = [(count, series) for count in what.counts for series in SERIES]
    trials = []
    for block in range(what.blocks):
        for position in rng.permutation(len(configurations)):
            count, series = configurations[position]
            row = f"{series[0]}-{series[1]}-{count}"
            trials.append(
                planned_trial(
                    f"{row}-{block}", row=row, block=block, series=series, count=count, oversubscribed=count > 1
                )
            )
    folder.write_plan(
        Plan(
            experiment="synthetic",
            scenario="smp",
            seed=what.seed,
            source_digest="0" * 16,
            hosts=("a", "b"),
            trials=tuple(trials),
            estimated_s=1.0,
        )
    )
    folder.write_inventory({"schema": 1, "synthetic": True})
    for host in ("a", "b"):
        for when in ("before", "after"):
            facts = {"schema": 1, "host": host, "utc": "2026-01-01T00:00:00Z", "kernel": "synthetic"}
            folder.write_environment(when, host, facts)
    for index, trial in enumerate(trials):
        series = next(s for s in SERIES if (s[0], s[1]) == (trial.transport, trial.link))
        count = int(trial.params["processes"])
        slower = float(rng.normal(1, 0.03)) * (1 if count == 1 else 1.8)
        if index in what.died:
            outcome = ProcessOutcome(name="gen", host="a", exit_code=1, reason="exit", ready_s=0, seconds=1)
            ingest(folder, record_of(trial, index, fault="a: gen: exit code 1", processes=(outcome,)))
            continue
        samples = round_trips(rng, int(what.seconds * 1e6 / (float(series[4]) * slower + 0.1)), series, slower)
        first = float(rng.uniform(0.44, 0.56))
        write_trial(folder, trial, samples, shares=_shares(first, count))
        after = probe(450.0) if index in what.moved else probe(float(rng.normal(121, 4)))
        ingest(folder, record_of(trial, index, probes_after=after))
    experiment = open_experiment(folder.root)
    write_summary(folder, experiment.rows)
    return experiment


def _shares(first: float, count: int) -> tuple[float, ...]:
    return (1.0,) if count == 1 else (first, *[(1 - first) / (count - 1)] * (count - 1))
