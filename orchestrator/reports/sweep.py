"""One number of each row against one parameter: a line a series, a mark a row, whiskers for the trials' spread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from orchestrator.experiments.records import ParameterValue
from orchestrator.reports.style import WIDTH_IN, axes_at, caption_lines, colour, look, new_figure, write_frame
from orchestrator.reports.wording import caption, label, settings, varying
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow
from orchestrator.scenarios.plots import Measure, Plot

LOGARITHMIC_FROM = 4.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""
_HEIGHT = 3.1
_LEGEND_LINE = 0.16
_MARKERS = "osD^vPX*"
_SAID: dict[Measure, tuple[str, bool]] = {
    "p50_us": ("p50 round trip (us)", True),
    "p99_us": ("p99 round trip (us)", True),
    "ops_per_s": ("messages a second", True),
    "lost_percent": ("messages lost (%)", False),
    "oneway_p50_us": ("p50 one way (us)", True),
}
"""What the axis of a number is called, and whether it is logarithmic."""


@dataclass(frozen=True)
class Line:
    """The rows of one series, ordered by the swept parameter: (x, y), whether it counts, and the rows themselves."""

    name: str
    rows: tuple[SummaryRow, ...]
    points: tuple[tuple[ParameterValue, float], ...]
    counts: tuple[bool, ...]


def value_of(row: SummaryRow, measure: Measure) -> float | None:
    """A number of a row; None where it cannot be had."""
    if measure == "lost_percent":
        sent = row.n + row.lost
        return 100 * row.lost / sent if sent else None
    number = getattr(row, measure, None)
    return None if number is None else float(number)


def swept(row: SummaryRow, x: str) -> ParameterValue | None:
    """Where a row stands in the sweep: the value of a parameter, or what drives it; None where it has no such."""
    return row.driver if x == "driver" else row.params.get(x)


def lines_of(rows: Sequence[SummaryRow], plot: Plot) -> list[Line]:
    """The lines of a sweep. A series is what has one transport, link and driver, and one value of all other parameters
    that vary and do not follow from the swept one; a row without the number has no mark. What has a mark at one place
    only sweeps nothing and is left out.
    """
    chosen = [row for row in rows if swept(row, plot.x) is not None and (not plot.only or row.transport in plot.only)]
    _common, names = varying(chosen) if chosen else ({}, ())
    others = [name for name in names if name != plot.x and name not in plot.follows]
    groups: dict[str, list[tuple[ParameterValue, SummaryRow]]] = {}
    for row in chosen:
        rest = {name: row.params[name] for name in others if name in row.params}
        driver = "" if plot.x == "driver" else row.driver
        key = json.dumps([row.transport, row.link, driver, rest], sort_keys=True)
        place = swept(row, plot.x)
        if place is not None:
            groups.setdefault(key, []).append((place, row))
    lines = []
    for group in groups.values():
        ordered = sorted(group, key=lambda entry: _order(entry[0]))
        marks = [(place, value, row) for place, row in ordered if (value := value_of(row, plot.y)) is not None]
        rows_of_line = tuple(row for _place, row in ordered)
        if len(marks) > 1:
            points = tuple((place, value) for place, value, _row in marks)
            counts = tuple(row.valid_trials > 0 for _place, _value, row in marks)
            lines.append(Line(_name(rows_of_line, plot, others), rows_of_line, points, counts))
    return lines


def _name(rows: Sequence[SummaryRow], plot: Plot, others: Sequence[str]) -> str:
    """What a line is called: its series, with what makes all of its rows invalid, and the parameters that vary."""
    first = rows[0]
    if plot.x == "driver":
        first = replace(first, driver=first.link)
    marks = tuple(mark for mark in first.marks if all(mark in row.marks for row in rows))
    extra = settings(first.params, others)
    return label(replace(first, marks=marks)) + (f", {extra}" if extra else "")


def draw_sweep(experiment: Experiment, plot: Plot) -> Figure | None:
    """The sweep; None where the parameter has one value only, or nothing was measured."""
    lines = lines_of(experiment.rows, plot)
    places = sorted({x for line in lines for x, _y in line.points}, key=_order)
    if len(places) < 2:
        return None
    shown = [row for line in lines for row in line.rows]
    explained = " A mark is a row of the summary: the median over its trials; hollow: none of them valid."
    footer = caption_lines(caption(experiment, shown) + explained)
    said, logarithmic = _SAID[plot.y]
    legend = _LEGEND_LINE * len(lines) + 0.1
    with look():
        figure = new_figure(0.45 + _HEIGHT + 0.5 + legend + 0.14 * len(footer) + 0.15)
        axes = axes_at(figure, 0.8, 0.45, WIDTH_IN - 1.0, _HEIGHT)
        _draw(axes, lines, places)
        _scale(axes, [y for line in lines for _x, y in line.points], logarithmic=logarithmic)
        axes.set_ylabel(said)
        axes.set_xlabel(plot.x)
        figure.legend(
            handles=[line for line in axes.get_lines() if not str(line.get_label()).startswith("_")],
            loc="upper left",
            bbox_to_anchor=(0.5 / WIDTH_IN, 1 - (0.45 + _HEIGHT + 0.5) / figure.get_figheight()),
            frameon=False,
            borderaxespad=0,
        )
        write_frame(figure, plot.title or f"{said} against {plot.x}", footer)
    return figure


def _draw(axes: Axes, lines: Sequence[Line], places: Sequence[ParameterValue]) -> None:
    """Values of a parameter stand side by side, as they were chosen: words have no scale of their own."""
    at = {place: number for number, place in enumerate(places)}
    numbers = not any(isinstance(place, str) for place in places)
    seen: dict[str, int] = {}
    for line in lines:
        tint = colour(line.rows[0])
        number = seen[tint] = seen.get(tint, -1) + 1
        axes.plot(
            [at[x] for x, _y in line.points],
            [y for _x, y in line.points],
            color=tint,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            linewidth=1.2,
            # Between words there is nothing that a line could show.
            linestyle=("-", "--", "-.", ":")[number % 4] if numbers else ":",
            label=line.name,
        )
        axes.plot(
            [at[x] for (x, _y), counts in zip(line.points, line.counts, strict=True) if not counts],
            [y for (_x, y), counts in zip(line.points, line.counts, strict=True) if not counts],
            color=tint,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            markerfacecolor="white",
            linestyle="none",
            label="_hollow",
            zorder=3,
        )
    axes.set_xticks(range(len(places)), [f"{place:g}" if isinstance(place, float) else str(place) for place in places])
    axes.set_xlim(-0.3, len(places) - 0.7)


def _scale(axes: Axes, values: Sequence[float], *, logarithmic: bool) -> None:
    """A logarithmic axis for what spans it; else one from 0, on which small differences look small."""
    if logarithmic and min(values) > 0 and max(values) > LOGARITHMIC_FROM * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.10g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(min(values) / 1.3, max(values) * 1.3)
    else:
        axes.set_ylim(0, max(values) * 1.1 or 1)


def _order(value: ParameterValue) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, bool | int | float) else (1, 0.0, value)
