"""The summary as a table for a terminal, and as plain text. Narrow terminals get two tables; no number is ever cut."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from orchestrator.reports.fate_table import fate_table
from orchestrator.reports.protocol_table import protocol_table
from orchestrator.reports.stage_table import stage_table
from orchestrator.reports.wording import (
    NOT_RESOLVABLE,
    by_params,
    caption,
    floors,
    label_without_marks,
    microseconds,
)
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

WIDE = 140
"""Characters from which everything fits into one table."""
MEDIUM = 96
"""Characters from which the interval fits beside the percentiles."""


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[SummaryRow], str]


def render(experiment: Experiment, width: int) -> Group:
    """What a rich Console of `width` characters prints: caption, table, and the generator's floor.

    Rows of one parameter set stand together under it; dimmed ones have no valid trial.
    """
    rows = experiment.rows
    parts: list[Text | Table] = [
        Text(f"{experiment.plan.experiment}: round-trip latency in us; {caption(experiment, rows)}"),
    ]
    for columns in _layout(width):
        parts += [Text(""), _table(experiment, columns)]
    if any(row.oneway_p50_us is not None for row in rows):
        parts += [Text(""), Text("of which the way there alone, both ends reading one clock:"), _oneway(experiment)]
    parts += stage_table(experiment)
    parts += protocol_table(experiment)
    parts += fate_table(experiment)
    parts.append(Text(""))
    if any(value is None for row in rows if row.n for value in (row.p99_us, row.p999_us)):
        parts.append(Text(f"- : {NOT_RESOLVABLE}, too few samples (p99 needs 299 in each trial, p99.9 needs 2,995)"))
    parts += [Text(line) for line in floors(experiment)]
    parts += [Text(f"environment changed: {line}") for line in experiment.environment_changes()]
    return Group(*parts)


def plain_text(experiment: Experiment, width: int = 160) -> str:
    """The same without colours, for files and pipes, in lines of at most `width` characters."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, force_jupyter=False)
    console.print(render(experiment, width))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _layout(width: int) -> list[list[_Column]]:
    """The columns of each table."""
    valid = [_Column("valid", lambda row: f"{row.valid_trials}/{row.trials}")]
    p50 = [_Column("p50", lambda row: _us(row.p50_us))]
    interval = [_Column("95 % CI", _interval)]
    tail = [
        _Column("p90", lambda row: _us(row.p90_us)),
        _Column("p99", lambda row: _us(row.p99_us)),
        _Column("p99.9", lambda row: _us(row.p999_us)),
        _Column("max", lambda row: _us(row.max_us)),
    ]
    rest = [
        _Column("ops/s", lambda row: "-" if row.ops_per_s is None else f"{row.ops_per_s:,.0f}"),
        _Column("lost", lambda row: f"{row.lost:,}"),
    ]
    if width >= WIDE:
        return [[*valid, *p50, *interval, *tail, *rest]]
    if width >= MEDIUM:
        return [[*valid, *p50, *interval, *tail], rest]
    return [[*valid, *p50, *tail], [*interval, *rest]]


def _table(experiment: Experiment, columns: list[_Column]) -> Table:
    """One table; the one with the losses ends with the verdicts."""
    judged = any(column.name == "lost" for column in columns)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("series", no_wrap=True)
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
    if judged:
        table.add_column("verdict", overflow="fold")
    for title, rows in by_params(experiment.rows):
        if title:
            table.add_row(Text(f"{title}:", style="italic"))
        for row in rows:
            cells = [f"  {label_without_marks(row)}", *(column.cell(row) for column in columns)]
            if judged:
                cells.append(row.verdict)
            table.add_row(*(Text(cell) for cell in cells), style="" if row.valid_trials else "dim")
    return table


def _oneway(experiment: Experiment) -> Table:
    """The rows whose way there was measured by itself."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("series", no_wrap=True)
    for name in ("p50", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for title, rows in by_params(experiment.rows):
        measured = [row for row in rows if row.oneway_p50_us is not None]
        if measured and title:
            table.add_row(Text(f"{title}:", style="italic"))
        for row in measured:
            cells = (f"  {label_without_marks(row)}", _us(row.oneway_p50_us), _us(row.oneway_p99_us))
            table.add_row(*(Text(cell) for cell in cells), style="" if row.valid_trials else "dim")
    return table


def _us(value: float | None) -> str:
    return "-" if value is None else microseconds(value)


def _interval(row: SummaryRow) -> str:
    if row.p50_interval_us is None:
        return "-"
    low, high = row.p50_interval_us
    return f"{microseconds(low)}-{microseconds(high)}"
