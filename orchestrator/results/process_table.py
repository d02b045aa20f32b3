"""processes.csv: what became of the packets of each process under test, one line a row of the summary and process."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.results.layout import ExperimentFolder, write_atomic
from orchestrator.results.model import Accounting, TrialResult
from orchestrator.results.summary import SummaryRow

COLUMNS = ("scenario", "transport", "link", "driver", "params", "process", "in", "out", "dropped", "reasons")
"""The columns of processes.csv, in order; `reasons` is JSON, reason to count."""


@dataclass(frozen=True)
class Fate:
    """Packets of one process (or of a part of one, `<process>/<part>`) in all trials that a row's numbers are taken
    over, warm-up included: packets_in = packets_out + the sum of `reasons`.
    """

    row: SummaryRow
    process: str
    packets_in: int
    packets_out: int
    reasons: dict[str, int]

    @property
    def dropped(self) -> int:
        """All drops."""
        return sum(self.reasons.values())


def fates(rows: Iterable[SummaryRow], result_of: Callable[[str], TrialResult]) -> list[Fate]:
    """One entry a row and process, in the order of the rows and of the plan; `result_of` gives a trial by its key."""
    found = []
    for row in rows:
        entries: dict[str, list[Accounting]] = {}
        for key in row.keys:
            for entry in result_of(key).accounting:
                entries.setdefault(entry.process, []).append(entry)
        found += [_sum(row, process, parts) for process, parts in entries.items()]
    return found


def _sum(row: SummaryRow, process: str, parts: list[Accounting]) -> Fate:
    reasons: Counter[str] = Counter()
    for part in parts:
        reasons.update(part.reasons)
        untold = part.drops - sum(part.reasons.values())
        if untold:  # of programs that count drops as a whole
            reasons["dropped"] += untold
    return Fate(
        row,
        process,
        sum(part.packets_in for part in parts),
        sum(part.packets_out for part in parts),
        dict(sorted(reasons.items())),
    )


def write_process_table(folder: ExperimentFolder, found: Iterable[Fate]) -> None:
    """Write processes.csv. It is derived from the trials, so it is replaced where it is there already."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for fate in found:
        row = fate.row
        what = (row.scenario, row.transport, row.link, row.driver, row.params_json, fate.process)
        writer.writerow((*what, fate.packets_in, fate.packets_out, fate.dropped, json.dumps(fate.reasons)))
    write_atomic(folder.root / "processes.csv", text.getvalue(), replace=True)
