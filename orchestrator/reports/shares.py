"""How the packets were shared among the processes of the system under test."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from orchestrator.reports.style import WIDTH_IN, axes_at, caption_lines, colour, look, new_figure, write_frame
from orchestrator.reports.wording import caption, label, settings, varying
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

LOW, HIGH = 0.4, 0.6
"""What each of two processes is expected to get of many flows, spread by hash."""
_BAR = 0.42


@dataclass(frozen=True)
class RowShares:
    """A row's shares: of all its trials' packets together, and of each trial; fractions by process, in plan order."""

    row: SummaryRow
    names: tuple[str, ...]
    pooled: tuple[float, ...]
    trials: tuple[tuple[float, ...], ...]


def row_shares(experiment: Experiment, row: SummaryRow) -> RowShares | None:
    """The shares of a row; None if no trial of it counted packets."""
    results = [experiment.trial(key).result for key in row.keys]
    counted = [result.shares for result in results if sum(share.packets for share in result.shares)]
    if not counted:
        return None
    packets = [sum(share.packets for share in column) for column in zip(*counted, strict=True)]
    total = sum(packets)
    return RowShares(
        row,
        tuple(share.process for share in counted[0]),
        tuple(number / total for number in packets),
        tuple(tuple(share.fraction for share in shares) for shares in counted),
    )


def draw_shares(experiment: Experiment) -> Figure | None:
    """Bars of the rows with several processes, or of all rows if none has; None if no packets were counted."""
    found = [shares for row in experiment.rows if (shares := row_shares(experiment, row)) is not None]
    several = [shares for shares in found if len(shares.names) > 1]
    shown = several or found
    if not shown:
        return None
    text = caption(experiment, [shares.row for shares in shown])
    text += " Bars: packets received by each process, all trials of a row together; black ticks: single trials."
    if several and len(several) < len(found):
        text += f" {len(found) - len(several)} rows with one process are left out."
    footer = caption_lines(text)
    with look():
        height = 0.6 + _BAR * len(shown) + 0.5 + 0.14 * len(footer) + 0.1
        figure = new_figure(height)
        axes = axes_at(figure, 2.3, 0.6, WIDTH_IN - 2.5, _BAR * len(shown))
        _bars(axes, shown)
        write_frame(figure, "Share of packets per process", footer)
    return figure


def _bars(axes: Axes, shown: list[RowShares]) -> None:
    _common, names = varying([shares.row for shares in shown])
    two = any(len(shares.names) == 2 for shares in shown)
    if two:
        axes.axvspan(100 * LOW, 100 * HIGH, color="#F3E9B8", zorder=0, linewidth=0)
        for edge in (LOW, HIGH):
            axes.axvline(100 * edge, color="#8A6D00", linewidth=0.8, linestyle=(0, (3, 2)), zorder=4)
        axes.text(
            50, -0.56, "two processes: boundary within 40-60 %", ha="center", va="bottom", fontsize=7, color="#8A6D00"
        )
    for place, shares in enumerate(shown):
        begin = 0.0
        for number, (name, fraction) in enumerate(zip(shares.names, shares.pooled, strict=True)):
            axes.barh(
                place,
                100 * fraction,
                left=100 * begin,
                height=0.62,
                color=_shade(colour(shares.row), number),
                edgecolor="white",
                linewidth=0.8,
                zorder=2,
            )
            if fraction > 0.12:
                axes.text(
                    100
                    * (begin + (fraction / 2 if len(shares.names) != 2 else (0.2 if number == 0 else fraction - 0.2))),
                    place,
                    f"{name} {100 * fraction:.1f} %",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if sum(_shade(colour(shares.row), number)) < 1.6 else "black",
                    zorder=5,
                )
            begin += fraction
        for trial in shares.trials:
            for boundary in range(1, len(trial)):
                x = 100 * sum(trial[:boundary])
                axes.plot([x, x], [place - 0.31, place + 0.31], color="black", linewidth=0.7, alpha=0.7, zorder=3)
    axes.set_yticks(
        range(len(shown)),
        [
            label(shares.row).replace(" [", "\n[")
            + (f"\n{extra}" if (extra := settings(shares.row.params, names)) else "")
            for shares in shown
        ],
    )
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of packets received (%)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _shade(tint: str, number: int) -> tuple[float, float, float]:
    """The series' colour for even processes, and a paler one for those between them."""
    red, green, blue = to_rgb(tint)
    pale = 0.0 if number % 2 == 0 else 0.55
    return red + (1 - red) * pale, green + (1 - green) * pale, blue + (1 - blue) * pale
