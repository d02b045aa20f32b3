"""From stored trials to what a person looks at: the table, summary.csv, plots, the notebook."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from orchestrator.commands.checkout import NOTEBOOKS, RESULTS, ROOT
from orchestrator.commands.progress import Progress
from orchestrator.errors import UsageError
from orchestrator.results.layout import ExperimentFolder
from orchestrator.results.load import open_experiment
from orchestrator.results.process_table import write_process_table
from orchestrator.results.protocol_table import write_protocol_table
from orchestrator.results.summary import write_oneway, write_summary

REFERENCE = RESULTS / "reference"
RESULT_VARIABLE = "DPDK_ORCHESTRATOR_RESULT"


def shown(folder: ExperimentFolder) -> str:
    """The folder as a person types it: relative to the current directory where that is shorter."""
    relative = os.path.relpath(folder.root)
    return str(folder.root) if relative.startswith("..") else relative


def finish(folder: ExperimentFolder, progress: Progress) -> bool:
    """Write summary.csv and plots, print the table and the folder (the last line on stdout).

    Returns whether any trial measured anything; without one there are no plots.
    """
    from orchestrator.reports.figures import draw_all
    from orchestrator.reports.table import render

    experiment = open_experiment(folder.root)
    write_summary(folder, experiment.rows)
    write_oneway(folder, experiment.rows)
    write_process_table(folder, experiment.fates)
    write_protocol_table(folder, experiment.protocols)
    measured = any(row.n for row in experiment.rows)
    if measured:
        progress.note("drawing")
        draw_all(experiment)
    # A pipe has no width of its own; one table reads better in a log than two.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(render(experiment, console.width))
    console.print(shown(folder), markup=False, soft_wrap=True)
    return measured


def plot(result: str) -> list[Path]:
    """Draw the plots of a stored result again; returns the files. Raises UsageError where there is nothing to draw."""
    from orchestrator.reports.figures import draw_all

    experiment = open_experiment(_result(result))
    paths = draw_all(experiment)
    if not paths:
        why = "no trial of it measured anything" if experiment.stored else "it has no trials"
        raise UsageError(
            f"{result}: there is nothing to draw: {why}", remedy=f"see {result}/ledger.jsonl for what became of the run"
        )
    return paths


def open_notebook(result: str) -> None:
    """Become JupyterLab on the comparison, showing `result` or the reference; does not return."""
    path = _result(result) if result else REFERENCE
    environment = {**os.environ, RESULT_VARIABLE: str(path), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "jupyterlab", str(NOTEBOOKS / "dpdk_vs_tcp.ipynb")]
    if os.geteuid() == 0:
        argv.append("--allow-root")
    os.execve(argv[0], argv, environment)  # noqa: S606 - the whole argv is ours, and no shell is between


def _result(text: str) -> Path:
    """A result folder from the command line. Raises UsageError if it is none."""
    path = Path(text)
    if not (path / "plan.json").is_file():
        raise UsageError(f"{text} is no result folder (it has no plan.json)", remedy="see the folders in results/")
    return path.resolve()
