"""Distributions of round trips: eCDF on a log percentile axis, and CCDF.

Each panel holds the rows of one parameter set. A thick line is the merged distribution of the trials that a row's
numbers are taken over; thin lines are its single trials. Lines end where their samples end.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from orchestrator.reports.style import (
    WIDTH_IN,
    axes_at,
    caption_lines,
    colour,
    latency_scale,
    look,
    new_figure,
    percentile_scale,
    write_frame,
)
from orchestrator.reports.wording import by_params, caption, count, label, plural, with_unit
from orchestrator.results.distribution import Distribution, merge
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

Kind = Literal["ecdf", "ccdf"]
PANELS_PER_FIGURE = 4
_PANEL_HEIGHT = 2.7
_LEGEND_LINE = 0.122
_TITLE_LINE = 0.16
_TITLE_CHARACTERS_PER_IN = 15
"""Of what is left beside the axes' numbers; a title that is longer goes on below."""
_READING = (
    " Thick: trials of a row merged (dashed: no valid trial, so all of them); thin: single trials. "
    "Lines end with their samples."
)


@dataclass(frozen=True)
class _Series:
    row: SummaryRow
    trials: tuple[Distribution, ...]
    merged: Distribution


def draw_distributions(experiment: Experiment, kind: Kind) -> list[Figure]:
    """One figure for every four parameter sets. Rows without samples are named in the caption but have no line."""
    panels = by_params(experiment.rows)
    series = {row.row: _load(experiment, row) for row in experiment.rows}
    found = [entry.merged for entry in series.values() if len(entry.merged.values)]
    if not found:
        return []
    low = min(int(entry.values[0]) for entry in found) / 1000
    high = max(int(entry.values[-1]) for entry in found) / 1000
    finest = max(entry.sent for entry in found)
    figures = []
    for begin in range(0, len(panels), PANELS_PER_FIGURE):
        page = panels[begin : begin + PANELS_PER_FIGURE]
        with look():
            figures.append(_page(experiment, kind, page, series, (low * 0.85, high * 1.2), finest))
    return figures


def _load(experiment: Experiment, row: SummaryRow) -> _Series:
    trials = tuple(experiment.distribution(key) for key in row.keys)
    return _Series(row, trials, merge(trials))


def _page(
    experiment: Experiment,
    kind: Kind,
    page: Sequence[tuple[str, list[SummaryRow]]],
    series: dict[str, _Series],
    span_us: tuple[float, float],
    finest: int,
) -> Figure:
    columns = min(2, len(page))
    lines = [row for _title, rows in page for row in rows]
    footer = caption_lines(caption(experiment, lines) + _READING)
    legend = max(sum(_LEGEND_LINE * (_legend_text(row).count("\n") + 1) + 0.045 for row in rows) for _, rows in page)
    room = WIDTH_IN / columns
    titles = [textwrap.wrap(title, round((room - 0.8) * _TITLE_CHARACTERS_PER_IN)) or [""] for title, _ in page]
    head = 0.25 + _TITLE_LINE * (max(map(len, titles)) - 1)
    row_height = head + _PANEL_HEIGHT + 0.5 + legend + 0.2
    height = 0.3 + row_height * -(-len(page) // columns) + 0.14 * len(footer) + 0.1
    figure = new_figure(height)
    for number, (_title, rows) in enumerate(page):
        left = (number % columns) * room + 0.78
        top = 0.3 + row_height * (number // columns) + head
        axes = axes_at(figure, left, top, room - 0.9, _PANEL_HEIGHT)
        axes.set_title("\n".join(titles[number]), loc="left")
        handles = [_draw(axes, kind, series[row.row]) for row in rows]
        _scales(axes, kind, span_us, finest, first=number % columns == 0)
        axes.legend(
            handles=[handle for handle in handles if handle is not None],
            loc="upper left",
            bbox_to_anchor=((left - 0.5) / WIDTH_IN, 1 - (top + _PANEL_HEIGHT + 0.5) / height),
            bbox_transform=figure.transFigure,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            labelspacing=0.45,
            handlelength=2.0,
        )
    names = {
        "ecdf": "Round-trip latency: cumulative distribution",
        "ccdf": "Round-trip latency: share of packets slower",
    }
    write_frame(figure, names[kind], footer)
    return figure


def _draw(axes: Axes, kind: Kind, series: _Series) -> Line2D | None:
    """Draw one row; the handle for the legend, or None if it has no samples."""
    row, merged = series.row, series.merged
    if not len(merged.values):
        return None
    tint = colour(row)
    dashes = "-" if row.valid_trials else (0, (4, 1.5))
    for trial in series.trials:
        axes.plot(*_points(trial, kind, 400), color=tint, linewidth=0.5, alpha=0.35, zorder=2)
    (line,) = axes.plot(*_points(merged, kind, 2000), color=tint, linewidth=1.5, linestyle=dashes, zorder=3)
    line.set_label(_legend_text(row))
    return line


def _legend_text(row: SummaryRow) -> str:
    name = "\n".join(textwrap.wrap(label(row), 52))
    figures = f"p50 {with_unit(row.p50_us)}, p99 {with_unit(row.p99_us)}"
    return f"{name}\n{figures}; {row.valid_trials}/{plural(row.trials, 'trial')} valid; n {count(row.n)}"


def _points(
    distribution: Distribution, kind: Kind, limit: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Corners of the step function in (us, fraction). The step at the longest round trip would end at a fraction of 1,
    which a log percentile axis has no room for: the line ends at that round trip, one packet below.
    """
    values, fraction = distribution.ecdf(limit)
    x = np.repeat(values / 1000.0, 2)
    y = np.concatenate([[0.0], np.repeat(fraction[:-1], 2), [fraction[-2] if len(fraction) > 1 else 0.0]])
    if distribution.lost:
        y[-1] = fraction[-1]
    return x, y if kind == "ecdf" else 1 - y


def _scales(axes: Axes, kind: Kind, span_us: tuple[float, float], finest: int, *, first: bool) -> None:
    latency_scale(axes, *span_us)
    axes.set_xlabel("round trip (us, log scale)")
    end = 1 / finest
    if kind == "ecdf":
        percentile_scale(axes, 1 - end / 1.5)
        axes.set_ylabel("percentile" if first else "")
    else:
        axes.set_yscale("log")
        axes.set_ylim(end / 1.5, 1.3)
        axes.set_ylabel("fraction of packets slower" if first else "")
