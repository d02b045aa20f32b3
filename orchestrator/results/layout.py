"""Where the files of one experiment are, and how they get there whole.

    <results root>/<experiment>/<UTC>-<id>/
      plan.json  inventory.json  journal.jsonl  ledger.jsonl  environment/{before,after}/<host>.json
      trials/<key>/<host>/<process>.{argv,status,stdout,stderr,stats.json}
      trials/<key>/samples.parquet  trials/<key>/trial.json
      summary.csv  plots/*.{png,pdf}

What was measured is written once and never replaced. What is derived from it (summary.csv, plots) may be made again.
A folder has one writer at a time: the controller that made it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.experiments.planner import PLAIN_NAME
from orchestrator.experiments.records import Plan
from orchestrator.results.ledger import Ledger

When = Literal["before", "after"]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_beside(path: Path) -> Path:
    """The name under which `path` is written before it is renamed into place; hidden, in the same folder."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def publish(temporary: Path, path: Path, *, replace: bool = False) -> None:
    """Sync a finished temporary file and rename it to `path`. Raises OrchestratorError if `path` is there already."""
    if path.exists() and not replace:
        temporary.unlink()
        raise OrchestratorError(f"{path} is already there", remedy="results are never overwritten: start a new run")
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    sync_folder(path.parent)


def write_atomic(path: Path, data: bytes | str, *, replace: bool = False) -> Path:
    """Write a file so that it is there whole or not at all; parent folders are made.

    Raises OrchestratorError if `path` is there and may not be replaced, or if it cannot be written (disk full).
    """
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)
        publish(temporary, path, replace=replace)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OrchestratorError(
            f"cannot write {path}: {error.strerror}", remedy="look at free space and permissions of the results folder"
        ) from error
    return path


def to_json(value: BaseModel | Mapping[str, object]) -> str:
    """JSON as all files of an experiment have it: indented, with a line end; the schema version is a field of it."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(indent=1, by_alias=True) + "\n"
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read_json(path: Path) -> object:
    """Parse a JSON file. Raises OrchestratorError naming the file if it is missing or is no JSON."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise OrchestratorError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise OrchestratorError(f"{path} cannot be read as JSON: {error}") from error


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial."""

    root: Path

    @property
    def key(self) -> str:
        """The trial's key, which is the folder's name."""
        return self.root.name

    @property
    def samples(self) -> Path:
        """Every packet of the window: see `samples`."""
        return self.root / "samples.parquet"

    @property
    def oneway(self) -> Path:
        """The way there of each packet in `samples`, where it was measured: in the same order and form."""
        return self.root / "oneway.parquet"

    @property
    def distribution(self) -> Path:
        """Round trips by value and count; only in references, in place of the samples: see `distribution`."""
        return self.root / "distribution.parquet"

    @property
    def record(self) -> Path:
        """trial.json: what the runner saw and what came of it."""
        return self.root / "trial.json"

    def host(self, host: str) -> Path:
        """The folder with the files of the processes that ran on one host."""
        return self.root / host

    def of_process(self, host: str, process: str, suffix: str) -> Path:
        """One file of a process; suffixes: argv, status, stdout, stderr, stats.json, samples.bin."""
        return self.host(host) / f"{process}.{suffix}"


@dataclass(frozen=True)
class ExperimentFolder:
    """One experiment on disk. Making this object touches nothing."""

    root: Path

    @property
    def plan(self) -> Path:
        """plan.json."""
        return self.root / "plan.json"

    @property
    def inventory(self) -> Path:
        """inventory.json: the inventory as it was used, whole."""
        return self.root / "inventory.json"

    @property
    def journal(self) -> Path:
        """journal.jsonl: what was changed on hosts, with prior values."""
        return self.root / "journal.jsonl"

    @property
    def ledger(self) -> Ledger:
        """The events of the run; only grows."""
        return Ledger(self.root / "ledger.jsonl")

    @property
    def summary(self) -> Path:
        """summary.csv."""
        return self.root / "summary.csv"

    @property
    def oneway_table(self) -> Path:
        """oneway.csv, where a scenario measures the way there alone."""
        return self.root / "oneway.csv"

    @property
    def plots(self) -> Path:
        """The folder of plots."""
        return self.root / "plots"

    @property
    def trials(self) -> Path:
        """The folder of trials."""
        return self.root / "trials"

    def trial(self, key: str) -> TrialFolder:
        """The folder of one trial, which may not be there yet."""
        return TrialFolder(self.trials / key)

    def finished_trials(self) -> list[TrialFolder]:
        """The trials that have a trial.json, by key."""
        return [TrialFolder(path.parent) for path in sorted(self.trials.glob("*/trial.json"))]

    def environment(self, when: When, host: str) -> Path:
        """environment/<when>/<host>.json."""
        return self.root / "environment" / when / f"{host}.json"

    def write_plan(self, plan: Plan) -> Path:
        """Write plan.json."""
        return write_atomic(self.plan, to_json(plan))

    def write_inventory(self, inventory: BaseModel | Mapping[str, object]) -> Path:
        """Write the copy of the inventory."""
        return write_atomic(self.inventory, to_json(inventory))

    def write_environment(self, when: When, host: str, facts: BaseModel | Mapping[str, object]) -> Path:
        """Write the facts of one host before or after the run."""
        return write_atomic(self.environment(when, host), to_json(facts))

    def read_plan(self) -> Plan:
        """Read plan.json. Raises OrchestratorError naming the file and the first thing that is wrong."""
        try:
            return Plan.model_validate(read_json(self.plan))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise OrchestratorError(f"{self.plan}: {where}: {first['msg']}") from error

    def read_environment(self, when: When) -> dict[str, object]:
        """The facts of all hosts, by host; empty if none were written."""
        return {path.stem: read_json(path) for path in sorted((self.root / "environment" / when).glob("*.json"))}


def new_folder(results_root: Path, experiment: str, now: datetime, run_id: str) -> ExperimentFolder:
    """Make the folder of a new experiment, `<results_root>/<experiment>/<UTC>-<run_id>`.

    `now` must know its time zone. Raises UsageError for a name that is no plain folder name, OrchestratorError if the
    folder is already there or cannot be made.
    """
    for word, what in ((experiment, "experiment name"), (run_id, "run id")):
        if not PLAIN_NAME.fullmatch(word):
            raise UsageError(f"{what} {word!r} is no plain name", remedy="use letters, digits, '.', '_' and '-'")
    if now.tzinfo is None:
        raise ValueError("now must know its time zone")
    root = results_root / experiment / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id}"
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir()
    except FileExistsError as error:
        raise OrchestratorError(f"{root} is already there", remedy="results are never overwritten") from error
    except OSError as error:
        raise OrchestratorError(f"cannot make {root}: {error.strerror}") from error
    sync_folder(root.parent)
    return ExperimentFolder(root)
