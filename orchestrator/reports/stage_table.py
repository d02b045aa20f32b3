"""For a terminal: the p50 of each stage of an operation, side by side, and how the whole compares with its parts."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from orchestrator.reports.breakdown import SHOWN, STAGE_NAMES, Breakdown, breakdowns, operations
from orchestrator.reports.wording import label_without_marks, microseconds
from orchestrator.results.load import Experiment


def stage_table(experiment: Experiment) -> list[Text | Table]:
    """A line about the table and the table; nothing where no operation was measured in several stages."""
    found = [each for each in breakdowns(experiment.rows) if len(each.parts) > 1 and each.p50]
    if not found:
        return []
    shown = [stage for stage in SHOWN if any(stage in each.parts for each in found)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("series", no_wrap=True)
    for stage in shown:
        table.add_column(STAGE_NAMES[stage], justify="right", no_wrap=True)
    table.add_column("whole / parts", justify="right", no_wrap=True)
    for title, group in operations(found):
        table.add_row(Text(f"{title}:", style="italic"))
        for each in group:
            ratio = each.ratio
            cells = (
                f"  {label_without_marks(each.whole)}",
                *(_p50(each, stage) for stage in shown),
                "" if ratio is None else f"{ratio:.2f}",
            )
            table.add_row(*(Text(cell) for cell in cells), style="" if each.counts else "dim")
    said = (
        "p50 of each stage in us; whole / parts: through the mount to FUSE only and transport + store, "
        "an echo to that of other programs (sockperf over TCP, bare frames over dpdk):"
    )
    return [Text(""), Text(said), table]


def _p50(each: Breakdown, stage: str) -> str:
    if stage not in each.parts:
        return ""
    return microseconds(each.p50[stage]) if stage in each.p50 else "-"
