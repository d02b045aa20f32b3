"""All plots of an experiment, as files: those that its scenario wants."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from orchestrator.reports.ecdf import draw_distributions
from orchestrator.reports.fates import draw_fates
from orchestrator.reports.shares import draw_shares
from orchestrator.reports.stages import draw_stages
from orchestrator.reports.style import save
from orchestrator.reports.sweep import draw_sweep
from orchestrator.results.load import Experiment
from orchestrator.scenarios.base import scenario_named
from orchestrator.scenarios.plots import Plot


def draw_all(experiment: Experiment) -> list[Path]:
    """Draw every plot into the experiment's `plots` folder, as PNG and PDF; return the paths.

    Plots are derived, so those of an earlier call are replaced. An experiment without any samples has none.
    """
    folder = experiment.folder.plots
    paths: list[Path] = []
    for plot in scenario_named(experiment.plan.scenario).plots:
        for number, figure in enumerate(_figures(experiment, plot), start=1):
            paths += save(figure, folder, plot.file if number == 1 else f"{plot.file}-{number}")
    return paths


def _figures(experiment: Experiment, plot: Plot) -> list[Figure]:
    """The pages of one plot; none where there is nothing to show."""
    if plot.kind in {"ecdf", "ccdf"}:
        return draw_distributions(experiment, "ecdf" if plot.kind == "ecdf" else "ccdf")
    if plot.kind == "stages":
        return draw_stages(experiment, plot)
    if plot.kind == "shares":
        figure = draw_shares(experiment)
    elif plot.kind == "fates":
        figure = draw_fates(experiment, plot)
    else:
        figure = draw_sweep(experiment, plot)
    return [] if figure is None else [figure]
