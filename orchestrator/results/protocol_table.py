"""protocol.csv: what the ends of the store's protocol had to do, one line a row of the summary and process."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.results.layout import ExperimentFolder, write_atomic
from orchestrator.results.model import ProtocolCounts, TrialResult
from orchestrator.results.summary import SummaryRow

NUMBERS = ("tx", "rx", "retransmitted", "timeouts", "deadlines", "restarts", "busy", "duplicates")
COLUMNS = (
    *("scenario", "transport", "link", "driver", "params", "process"),
    *NUMBERS,
    *("refused", "broken", "faults_out", "faults_in"),
)
"""The columns of protocol.csv, in order; the last four are JSON, reason or kind to count."""


@dataclass(frozen=True)
class Protocol:
    """One process's counts, summed over all trials that a row's numbers are taken over, warm-up included."""

    row: SummaryRow
    process: str
    numbers: dict[str, int]
    """By the name of the column."""
    refused: dict[str, int]
    broken: dict[str, int]
    faults_out: dict[str, int]
    faults_in: dict[str, int]


def protocols(rows: Iterable[SummaryRow], result_of: Callable[[str], TrialResult]) -> list[Protocol]:
    """One entry a row and process, in the order of the rows and of the plan; `result_of` gives a trial by its key."""
    found = []
    for row in rows:
        entries: dict[str, list[ProtocolCounts]] = {}
        for key in row.keys:
            for entry in result_of(key).protocol:
                entries.setdefault(entry.process, []).append(entry)
        found += [_sum(row, process, parts) for process, parts in entries.items()]
    return found


def _sum(row: SummaryRow, process: str, parts: list[ProtocolCounts]) -> Protocol:
    return Protocol(
        row,
        process,
        {name: sum(getattr(part, name) for part in parts) for name in NUMBERS},
        _total(part.refused for part in parts),
        _total(part.broken for part in parts),
        _total(part.faults_out for part in parts),
        _total(part.faults_in for part in parts),
    )


def _total(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def write_protocol_table(folder: ExperimentFolder, found: Iterable[Protocol]) -> None:
    """Write protocol.csv, replacing an older one; no file where no process speaks the protocol."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    entries = list(found)
    for entry in entries:
        row = entry.row
        what = (row.scenario, row.transport, row.link, row.driver, row.params_json, entry.process)
        told = (json.dumps(each) for each in (entry.refused, entry.broken, entry.faults_out, entry.faults_in))
        writer.writerow((*what, *entry.numbers.values(), *told))
    if entries:
        write_atomic(folder.root / "protocol.csv", text.getvalue(), replace=True)
