"""Open an experiment: what plots, tables and notebooks read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import ValidationError

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.experiments.records import Plan
from orchestrator.hosts.environment import Environment, differences
from orchestrator.results.distribution import Distribution, merge, of_samples, read_distribution
from orchestrator.results.layout import ExperimentFolder, TrialFolder, read_json
from orchestrator.results.model import StoredTrial
from orchestrator.results.process_table import Fate, fates
from orchestrator.results.protocol_table import Protocol, protocols
from orchestrator.results.samples import LOST, Samples, read_parquet
from orchestrator.results.summary import SummaryRow, summarise


@dataclass(frozen=True)
class Experiment:
    """One experiment, whole or as far as it came. Samples are read from disk when they are asked for."""

    folder: ExperimentFolder
    plan: Plan
    stored: tuple[StoredTrial, ...]
    """The trials that finished, in the order in which they ran."""
    _distributions: dict[str, Distribution] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def rows(self) -> tuple[SummaryRow, ...]:
        """The rows of the summary, computed from the stored trials."""
        return tuple(summarise(self.stored, self.plan))

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The summary with the columns of summary.csv, and `row`, `p50_low_us` and `p50_high_us` (95 % interval).

        `oneway_p50_us` and `oneway_p99_us` are the way there alone, where it was measured.
        """
        return pd.DataFrame(
            [
                {
                    "scenario": row.scenario,
                    "transport": row.transport,
                    "link": row.link,
                    "driver": row.driver,
                    "params": row.params_json,
                    "n": row.n,
                    "trials": row.trials,
                    "valid_trials": row.valid_trials,
                    "p50_us": row.p50_us,
                    "p90_us": row.p90_us,
                    "p99_us": row.p99_us,
                    "p999_us": row.p999_us,
                    "max_us": row.max_us,
                    "ops_per_s": row.ops_per_s,
                    "lost": row.lost,
                    "verdict": row.verdict,
                    "row": row.row,
                    "p50_low_us": row.p50_interval_us[0] if row.p50_interval_us else None,
                    "p50_high_us": row.p50_interval_us[1] if row.p50_interval_us else None,
                    "oneway_p50_us": row.oneway_p50_us,
                    "oneway_p99_us": row.oneway_p99_us,
                }
                for row in self.rows
            ]
        )

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What became of the packets of each process under test, by row."""
        return tuple(fates(self.rows, lambda key: self.trial(key).result))

    @cached_property
    def protocols(self) -> tuple[Protocol, ...]:
        """What the ends of the store's protocol had to do, by row; empty for other scenarios."""
        return tuple(protocols(self.rows, lambda key: self.trial(key).result))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One line per trial in the order of execution: what it was, its numbers (ns), its verdicts."""
        return pd.DataFrame([_trial_line(entry) for entry in self.stored])

    @property
    def environment(self) -> dict[str, dict[str, object]]:
        """Facts of the hosts: `["before"]` and `["after"]` the run, by host."""
        before: Literal["before"] = "before"
        return {before: self.folder.read_environment(before), "after": self.folder.read_environment("after")}

    def environment_changes(self) -> list[str]:
        """What of the hosts must not change during a run and did, one line each; also a reading that is missing.

        Raises OrchestratorError naming the file that holds no environment.
        """
        environment = self.environment
        lines = []
        for host in self.plan.hosts:
            readings = []
            for when in ("before", "after"):
                try:
                    if host in environment[when]:
                        readings.append(Environment.model_validate(environment[when][host]))
                    else:
                        lines.append(f"{host}: environment not read {when} the run")
                except ValidationError as error:
                    path = self.folder.root / "environment" / when / f"{host}.json"
                    raise OrchestratorError(f"{path}: {error.errors()[0]['msg']}") from error
            if len(readings) == 2:
                lines += [f"{host}: {line}" for line in differences(readings[0], readings[1])]
        return lines

    def trial(self, key: str) -> StoredTrial:
        """One trial. Raises UsageError if there is none with this key."""
        for entry in self.stored:
            if entry.record.trial.key == key:
                return entry
        raise UsageError(f"no trial {key!r} in {self.folder.root}", remedy="experiment.trials lists the keys")

    def row(self, row: str) -> SummaryRow:
        """One row of the summary by its `row`. Raises UsageError if there is none."""
        for entry in self.rows:
            if entry.row == row:
                return entry
        raise UsageError(f"no row {row!r} in {self.folder.root}", remedy="experiment.summary lists them")

    def samples(self, which: str) -> pd.DataFrame:
        """Raw samples of a trial (its key) or of all trials that a row's numbers are taken over (its `row`).

        Columns: trial, send_ns (after the window began), rtt_ns (Int64; missing where the packet was lost), and
        oneway_ns likewise, where the way there was measured. A reference has no raw samples, only distributions: it
        raises SamplesError naming the file that is not there.
        """
        keys = (
            self.row(which).keys
            if any(row.row == which for row in self.rows)
            else (self.trial(which).record.trial.key,)
        )
        parts = []
        for key in keys:
            trial = self.folder.trial(key)
            samples = read_parquet(trial.samples)
            part = pd.DataFrame({"trial": key, "send_ns": samples.send_ns, "rtt_ns": _times(samples)})
            if trial.oneway.exists():
                part["oneway_ns"] = _times(read_parquet(trial.oneway))
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def distribution(self, key: str) -> Distribution:
        """The round trips of one trial; empty if it has no samples. Read from disk once."""
        if key not in self._distributions:
            self._distributions[key] = _distribution(self.folder.trial(self.trial(key).record.trial.key))
        return self._distributions[key]

    def pooled(self, row: str) -> Distribution:
        """The round trips of all trials that a row's numbers are taken over, merged."""
        return merge(self.distribution(key) for key in self.row(row).keys)

    @property
    def floors(self) -> tuple[StoredTrial, ...]:
        """Trials of the generator against itself."""
        return tuple(entry for entry in self.stored if entry.result.floor)


def _times(samples: Samples) -> pd.api.extensions.ExtensionArray:
    """Times in ns, missing where the packet was lost."""
    times = pd.array(samples.rtt_ns.astype("int64"), dtype="Int64")
    times[samples.rtt_ns == LOST] = pd.NA
    return times


def _distribution(trial: TrialFolder) -> Distribution:
    if trial.samples.exists():
        return of_samples(read_parquet(trial.samples))
    if trial.distribution.exists():
        return read_distribution(trial.distribution)
    return merge(())


def _trial_line(entry: StoredTrial) -> dict[str, object]:
    trial, result = entry.record.trial, entry.result
    return {
        "key": trial.key,
        "row": trial.row,
        "index": entry.record.index,
        "block": trial.block,
        "scenario": trial.scenario,
        "transport": trial.transport,
        "link": trial.link,
        "driver": trial.driver,
        **{f"param_{name}": value for name, value in trial.params.items()},
        "loop": result.load.loop,
        "depth": result.load.depth,
        "rate_asked": result.load.asked,
        "rate_achieved": result.load.achieved,
        "n": result.n,
        "sent": result.sent,
        "lost": result.lost,
        "duplicates": result.duplicates,
        "reordered": result.reordered,
        "corrupt": result.corrupt,
        "late": result.late,
        "retransmits": result.retransmits,
        **result.latency.model_dump(),
        **({f"oneway_{name}": value for name, value in result.oneway.model_dump().items()} if result.oneway else {}),
        "ops_per_s": result.ops_per_s,
        "shares": {share.process: share.fraction for share in result.shares},
        "probe_before_ns": max((probe.before_ns for probe in result.probes), default=None),
        "probe_after_ns": max((probe.after_ns for probe in result.probes), default=None),
        "involuntary_switches": sum(thread.involuntary_switches for thread in result.threads),
        "floor": result.floor,
        "valid": result.valid,
        "verdict": result.verdict,
        "started_utc": entry.record.started_utc,
    }


def open_experiment(path: Path | str) -> Experiment:
    """Open the result folder of an experiment, finished or cut short.

    Raises UsageError if it is no result folder, OrchestratorError naming the file that cannot be read.
    """
    folder = ExperimentFolder(Path(path))
    if not folder.plan.exists():
        raise UsageError(
            f"{folder.root} is no result of an experiment (it has no plan.json)",
            remedy="give the folder that run-experiment printed last, results/<experiment>/<UTC>-<id>",
        )
    stored = [read_trial(trial) for trial in folder.finished_trials()]
    return Experiment(folder, folder.read_plan(), tuple(sorted(stored, key=lambda entry: entry.record.index)))


def read_trial(trial: TrialFolder) -> StoredTrial:
    """Read trial.json. Raises OrchestratorError naming the file and the first thing that is wrong."""
    try:
        return StoredTrial.model_validate(read_json(trial.record))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OrchestratorError(f"{trial.record}: {where}: {first['msg']}") from error


def latest_experiment(results_root: Path) -> Path:
    """The result folder that was begun last, by its name. Raises UsageError if there is none."""
    found = [plan.parent for plan in results_root.glob("*/*/plan.json")]
    if not found:
        raise UsageError(f"no results in {results_root}", remedy="run `invoke run-experiment --scenario smp` first")
    return max(found, key=lambda folder: folder.name)
