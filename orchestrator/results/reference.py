"""A small copy of an experiment that is kept in git, so that notebooks and documents open with real figures.

The samples of a real run are hundreds of megabytes. The copy keeps every trial with its record, result, logs and the
whole distribution of its round trips (each value with its count), from which every percentile and plot comes out
the same; what it drops is the order in which the samples were taken, and the kernel's command line, which may say more
of a machine than its owner wants to publish.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.results.distribution import of_samples, write_distribution
from orchestrator.results.layout import ExperimentFolder, to_json
from orchestrator.results.load import Experiment
from orchestrator.results.samples import read_parquet
from orchestrator.results.summary import write_summary

LIMIT_BYTES = 2_000_000


def write_reference(experiment: Experiment, target: Path, *, limit_bytes: int = LIMIT_BYTES) -> ExperimentFolder:
    """Copy an experiment to the new folder `target` without its raw samples and plots; return it.

    Raises OrchestratorError if `target` is there and not empty, or if the copy is larger than `limit_bytes` (it is
    removed then).
    """
    if target.exists() and any(target.iterdir()):
        raise OrchestratorError(f"{target} is not empty", remedy="remove the old reference first (git keeps it)")
    source = experiment.folder
    shutil.copytree(
        source.root,
        target,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(
            "samples.parquet", "*.samples.bin", "plots", "report.html", ".*.tmp", "summary.csv"
        ),
    )
    copy = ExperimentFolder(target)
    for path in target.glob("environment/*/*.json"):
        facts = json.loads(path.read_text())
        path.write_text(to_json({**facts, "cmdline": None}))
    for trial in source.finished_trials():
        if trial.samples.exists():
            write_distribution(of_samples(read_parquet(trial.samples)), copy.trial(trial.key).distribution)
    write_summary(copy, experiment.rows)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if size > limit_bytes:
        shutil.rmtree(target)
        raise OrchestratorError(
            f"the reference would have {size} bytes, and {limit_bytes} is the limit",
            remedy="take it from a run with shorter windows or fewer trials (--set window_s=..., --trials N)",
        )
    return copy
