"""All plots of an experiment, as files."""

from __future__ import annotations

from pathlib import Path

from orchestrator.reports.ecdf import Kind, draw_distributions
from orchestrator.reports.shares import draw_shares
from orchestrator.reports.style import save
from orchestrator.results.load import Experiment


def draw_all(experiment: Experiment) -> list[Path]:
    """Draw every plot into the experiment's `plots` folder, as PNG and PDF; return the paths.

    Plots are derived, so those of an earlier call are replaced. An experiment without any samples has none.
    """
    folder = experiment.folder.plots
    paths: list[Path] = []
    kinds: tuple[Kind, ...] = ("ecdf", "ccdf")
    for kind in kinds:
        for number, figure in enumerate(draw_distributions(experiment, kind), start=1):
            paths += save(figure, folder, kind if number == 1 else f"{kind}-{number}")
    shares = draw_shares(experiment)
    if shares is not None:
        paths += save(shares, folder, "shares")
    return paths
