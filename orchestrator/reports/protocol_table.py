"""For a terminal: of rows in which the store's protocol had to mend something, what, and the faults done to it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from orchestrator.reports.wording import label_without_marks, settings, varying
from orchestrator.results.load import Experiment
from orchestrator.results.protocol_table import Protocol

_TROUBLE = ("retransmitted", "timeouts", "deadlines", "restarts")


def protocol_table(experiment: Experiment) -> list[Text | Table]:
    """A line about the table and the table; nothing where all went well at the first try."""
    troubled = [entry for entry in experiment.protocols if _told(entry)]
    if not troubled:
        return []
    _common, names = varying(experiment.rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("  process", no_wrap=True)
    table.add_column("sent", justify="right", no_wrap=True)
    table.add_column("what it had to mend")
    heading = ""
    for entry in troubled:
        title = ", ".join(part for part in (label_without_marks(entry.row), settings(entry.row.params, names)) if part)
        if title != heading:
            heading = title
            table.add_row(Text(f"{title}:", style="italic"))
        table.add_row(f"  {entry.process}", f"{entry.numbers['tx']:,}", _told(entry))
    return [Text(""), Text("where requests were repeated (packets of all trials of a row, warm-up included):"), table]


def _told(entry: Protocol) -> str:
    numbers = {name: entry.numbers[name] for name in _TROUBLE}
    faults = {f"{way} {kind}": n for way, kinds in _ways(entry) for kind, n in kinds.items()}
    told = ", ".join(f"{name} {number:,}" for name, number in numbers.items() if number)
    done = ", ".join(f"{name} {number:,}" for name, number in faults.items() if number)
    return "; ".join(part for part in (told, f"faults: {done}" if done else "") if part)


def _ways(entry: Protocol) -> tuple[tuple[str, dict[str, int]], ...]:
    return (("out", entry.faults_out), ("in", entry.faults_in))
