"""What became of the packets of each process: passed on, or dropped and why."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from orchestrator.reports.style import WIDTH_IN, axes_at, caption_lines, look, new_figure, write_frame
from orchestrator.reports.wording import caption, count, label, settings, varying
from orchestrator.results.load import Experiment
from orchestrator.results.process_table import Fate
from orchestrator.scenarios.plots import Plot

_BAR = 0.3
_LEFT_IN, _BARS_IN = 2.5, WIDTH_IN - 3.3
_LEFT_EDGE = (0.12 - _LEFT_IN) / _BARS_IN
"""The left margin of the page, in widths of the bars from where they begin."""
_PASSED = "#0072B2"
# Okabe and Ito again, in an order of its own: these are reasons, no series.
_REASONS = ("#D55E00", "#E69F00", "#CC79A7", "#F0E442", "#56B4E9", "#009E73", "#777777", "#222222")


def draw_fates(experiment: Experiment, plot: Plot) -> Figure | None:
    """A bar for each row and process that received anything; None if there is none."""
    found = [
        fate for fate in experiment.fates if fate.packets_in and (not plot.only or fate.row.transport in plot.only)
    ]
    if not found:
        return None
    reasons = sorted({reason for fate in found for reason in fate.reasons})
    colours = {reason: _REASONS[number % len(_REASONS)] for number, reason in enumerate(reasons)}
    rows = list({fate.row.row: fate.row for fate in found}.values())
    footer = caption_lines(
        caption(experiment, rows) + " Packets of all trials of a row, warm-up included; the number is what came in."
    )
    with look():
        figure = new_figure(0.75 + _BAR * (len(found) + len(rows)) + 0.5 + 0.14 * len(footer) + 0.1)
        axes = axes_at(figure, _LEFT_IN, 0.75, _BARS_IN, _BAR * (len(found) + len(rows)))
        _bars(axes, found, colours)
        handles = [Patch(color=_PASSED, label="passed on"), *(Patch(color=c, label=r) for r, c in colours.items())]
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.12 / WIDTH_IN, 1 - 0.35 / figure.get_figheight()),
            ncols=min(len(handles), 6),
            frameon=False,
            borderaxespad=0,
        )
        write_frame(figure, plot.title or "What became of the packets of each process", footer)
    return figure


def _bars(axes: Axes, found: list[Fate], colours: dict[str, str]) -> None:
    _common, names = varying([fate.row for fate in found])
    place = 0.0
    ticks: list[tuple[float, str]] = []
    heading = ""
    for fate in found:
        title = ", ".join(part for part in (label(fate.row), settings(fate.row.params, names)) if part)
        if title != heading:
            heading = title
            # From the edge of the page: it may be longer than the bars.
            axes.text(
                _LEFT_EDGE, place + 0.25, heading, transform=axes.get_yaxis_transform(), fontsize=7,
                fontweight="bold", va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
            place += 1
        begin = 0.0
        parts = [(_PASSED, fate.packets_out), *((colours[reason], number) for reason, number in fate.reasons.items())]
        for tint, number in parts:
            share = 100 * number / fate.packets_in
            axes.barh(place, share, left=begin, height=0.7, color=tint, linewidth=0, zorder=2)
            begin += share
        axes.text(101, place, count(fate.packets_in), fontsize=7, va="center")
        ticks.append((place, fate.process))
        place += 1
    axes.set_yticks([at for at, _name in ticks], [name for _at, name in ticks])
    axes.set_ylim(place - 0.4, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the packets that came in (%)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
