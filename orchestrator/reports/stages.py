"""What each stage of an operation takes, for each transport: p50 with the way to p99 and p99.9."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestrator.reports.breakdown import STAGE_NAMES, Breakdown, breakdowns, operations
from orchestrator.reports.style import (
    FUSE_ONLY,
    WIDTH_IN,
    axes_at,
    caption_lines,
    colour,
    latency_scale,
    look,
    new_figure,
    write_frame,
)
from orchestrator.reports.wording import caption, label, microseconds
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow
from orchestrator.scenarios.plots import Plot

PANELS_PER_FIGURE = 4
_LINE_IN = 0.155
_LEFT_IN = 1.0
_READING = (
    " Dot: p50; thick to p99, thin to p99.9, as far as they can be told; hollow: no valid trial. FUSE only has no "
    "network and is the same for all transports; other programs are sockperf over TCP and bare frames over dpdk."
)

Panel = tuple[str, list[Breakdown]]


def draw_stages(experiment: Experiment, plot: Plot) -> list[Figure]:
    """One figure for every four operations; none where nothing was measured by stage."""
    measured = [each for each in breakdowns(experiment.rows) if any(_shown(row) for row in each.parts.values())]
    panels = operations(measured)
    values = [value for each in measured for row in each.parts.values() for value in _values(row)]
    if not values:
        return []
    span = (min(values) * 0.8, max(values) * 1.7)
    figures = []
    for begin in range(0, len(panels), PANELS_PER_FIGURE):
        with look():
            figures.append(_page(experiment, plot, panels[begin : begin + PANELS_PER_FIGURE], span))
    return figures


def _shown(row: SummaryRow) -> bool:
    return row.p50_us is not None


def _values(row: SummaryRow) -> list[float]:
    return [value for value in (row.p50_us, row.p99_us, row.p999_us) if value is not None]


def _page(experiment: Experiment, plot: Plot, page: Sequence[Panel], span: tuple[float, float]) -> Figure:
    rows = list({row.row: row for _title, group in page for each in group for row in each.parts.values()}.values())
    footer = caption_lines(caption(experiment, rows) + _READING)
    columns = min(2, len(page))
    tallest = max(sum(1 + len(each.parts) for each in group) for _title, group in page)
    height, room = _LINE_IN * tallest + 0.1, WIDTH_IN / columns
    step = 0.45 + height + 0.5
    figure = new_figure(0.3 + step * -(-len(page) // columns) + 0.14 * len(footer) + 0.1)
    for number, (title, group) in enumerate(page):
        top = 0.3 + step * (number // columns) + 0.45
        axes = axes_at(figure, (number % columns) * room + _LEFT_IN, top, room - _LEFT_IN - 0.15, height)
        axes.set_title("\n".join(textwrap.wrap(title, 52)), loc="left")
        _panel(axes, group)
        axes.set_ylim(tallest - 0.4, -0.6)
        latency_scale(axes, *span)
        axes.set_xlabel("round trip (us, log scale)")
    write_frame(figure, plot.title or "What each stage of an operation takes", footer)
    return figure


def _panel(axes: Axes, group: Sequence[Breakdown]) -> None:
    place = 0
    ticks: list[tuple[int, str]] = []
    for each in group:
        name = label(each.whole)
        axes.text(0.01, place, name, transform=axes.get_yaxis_transform(), fontsize=7, fontweight="bold", va="center")
        place += 1
        for stage, row in each.parts.items():
            ticks.append((place, STAGE_NAMES[stage]))
            _mark(axes, place, row, FUSE_ONLY if stage == "fuse" else colour(each.whole), counts=row.valid_trials > 0)
            place += 1
    axes.set_yticks([at for at, _name in ticks], [name for _at, name in ticks], fontsize=6.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _mark(axes: Axes, place: int, row: SummaryRow, tint: str, *, counts: bool) -> None:
    """The dot and its way to the right; what cannot be told is left out, and so is a row without a median."""
    if row.p50_us is None:
        return
    for end, width in ((row.p999_us, 0.8), (row.p99_us, 2.4)):
        if end is not None:
            axes.plot([row.p50_us, end], [place, place], color=tint, linewidth=width, zorder=2)
    face = tint if counts else "white"
    axes.plot([row.p50_us], [place], marker="o", markersize=3.6, color=tint, markerfacecolor=face, zorder=3)
    axes.annotate(
        microseconds(row.p50_us), (max(_values(row)), place), xytext=(3, 0), textcoords="offset points", fontsize=6,
        va="center", color="#444444",
    )  # fmt: skip
