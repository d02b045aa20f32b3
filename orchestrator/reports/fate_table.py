"""For a terminal: of rows in which packets were dropped, what became of those of each process, and why."""

from __future__ import annotations

from itertools import groupby

from rich.table import Table
from rich.text import Text

from orchestrator.reports.wording import label_without_marks, settings, varying
from orchestrator.results.load import Experiment
from orchestrator.results.process_table import Fate
from orchestrator.results.verdicts import NOT_OF_THE_LOAD


def fate_table(experiment: Experiment) -> list[Text | Table]:
    """A line about the table and the table; nothing where no packet of the load was dropped."""
    _common, names = varying(experiment.rows) if experiment.rows else ({}, ())
    shown = []
    for _, group in groupby(experiment.fates, key=lambda fate: fate.row.row):
        fates = list(group)
        if any(_dropped_of_the_load(fate) for fate in fates):
            shown.append(fates)
    if not shown:
        return []
    parts: list[Text | Table] = [
        Text(""),
        Text("where packets were dropped (all trials of a row, warm-up included):"),
    ]
    for fates in shown:
        row = fates[0].row
        title = ", ".join(part for part in (label_without_marks(row), settings(row.params, names)) if part)
        parts += [Text(f"{title}:", style="italic"), _table(fates)]
    return parts


def _table(fates: list[Fate]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("  process", no_wrap=True)
    for name in ("in", "out", "dropped"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why")
    for fate in fates:
        why = ", ".join(f"{reason} {number:,}" for reason, number in fate.reasons.items())
        counts = (fate.packets_in, fate.packets_out, fate.dropped)
        table.add_row(f"  {fate.process}", *(f"{count:,}" for count in counts), why)
    return table


def _dropped_of_the_load(fate: Fate) -> bool:
    return any(number and reason not in NOT_OF_THE_LOAD for reason, number in fate.reasons.items())
