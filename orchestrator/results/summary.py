"""summary.csv: one row per scenario, transport, link and parameter set.

Percentiles are those of each trial; a row shows their median over its valid trials or, where none is valid, over all
of its trials, which its verdict says. The statistical unit is the trial, so the interval of a row's p50 is one over
trials. Never is a percentile averaged over samples of different trials.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.experiments.records import ParameterValue, Plan, PlannedTrial
from orchestrator.results.layout import ExperimentFolder, write_atomic
from orchestrator.results.model import StoredTrial
from orchestrator.results.statistics import median_interval

COLUMNS = (
    "scenario",
    "transport",
    "link",
    "driver",
    "params",
    "n",
    "trials",
    "valid_trials",
    "p50_us",
    "p90_us",
    "p99_us",
    "p999_us",
    "max_us",
    "ops_per_s",
    "lost",
    "verdict",
)
"""The columns of summary.csv, in order."""

PLACEMENTS_DIFFER = 1.25
"""Ratio of cache-line round trips from which trials of one row were not run on the same placement."""

_MEDIAN_OF_ALL = "no valid trial, median over all"
_LONG_AGREED = {"transport", "link"}


@dataclass(frozen=True)
class SummaryRow:
    """One row of the summary, and what the plots and tables want to know besides its columns. Times in us."""

    row: str
    scenario: str
    transport: str
    link: str
    driver: str
    params: dict[str, ParameterValue]
    """Without transport and link, which are columns."""
    n: int
    """Samples of the trials that the row's numbers are taken over, as `lost` is."""
    trials: int
    valid_trials: int
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    p999_us: float | None
    max_us: float | None
    """The longest round trip in any of these trials, which a median over trials would hide."""
    ops_per_s: float | None
    lost: int
    verdict: str
    p50_interval_us: tuple[float, float] | None
    """95 % confidence interval of the median of the trials' p50; None with fewer than 6 of them."""
    keys: tuple[str, ...]
    """The trials that the numbers are taken over."""
    marks: tuple[str, ...]
    """Verdicts that a label must carry: those that every trial of the row has and that make it invalid."""
    loop: str
    """`closed loop, depth 1` or `open loop, 10000/s`."""
    oneway_p50_us: float | None = None
    """The way there alone, where it was measured: in oneway.csv, not in summary.csv."""
    oneway_p99_us: float | None = None

    @property
    def params_json(self) -> str:
        """The parameters as JSON with sorted keys, on one line."""
        return json.dumps(self.params, sort_keys=True)

    def cells(self) -> tuple[str, ...]:
        """The row of summary.csv: us with 3 decimals; what is not resolvable is empty."""
        return (
            self.scenario,
            self.transport,
            self.link,
            self.driver,
            self.params_json,
            str(self.n),
            str(self.trials),
            str(self.valid_trials),
            *(
                "" if value is None else f"{value:.3f}"
                for value in (self.p50_us, self.p90_us, self.p99_us, self.p999_us, self.max_us, self.ops_per_s)
            ),
            str(self.lost),
            self.verdict,
        )


def summarise(stored: Iterable[StoredTrial], plan: Plan | None = None) -> list[SummaryRow]:
    """The rows of an experiment, sorted by scenario, parameters, transport and link; floor trials are left out.

    With the plan, rows that ran fewer trials than planned say so, and rows that ran none are there with 0 trials.
    """
    ran: dict[str, list[StoredTrial]] = {}
    shape: dict[str, PlannedTrial] = {}
    planned: Counter[str] = Counter()
    for trial in plan.trials if plan else ():
        if not is_floor(trial):
            planned[trial.row] += 1
            shape.setdefault(trial.row, trial)
    for entry in sorted(stored, key=lambda entry: entry.record.index):
        if not entry.result.floor:
            ran.setdefault(entry.record.trial.row, []).append(entry)
            shape.setdefault(entry.record.trial.row, entry.record.trial)
    rows = [_row(trial, ran.get(row, []), planned[row]) for row, trial in shape.items()]
    return sorted(rows, key=_order)


def is_floor(trial: PlannedTrial) -> bool:
    """Whether a trial measures the generator against itself."""
    return any(process.measures and "--floor" in process.argv for process in trial.processes)


def _order(row: SummaryRow) -> tuple[object, ...]:
    params = tuple(
        (key, (1, "", float(value)) if isinstance(value, bool | int | float) else (0, value, 0.0))
        for key, value in sorted(row.params.items())
    )
    return (row.scenario, params, row.transport, row.link, row.driver, row.row)


def _row(trial: PlannedTrial, entries: Sequence[StoredTrial], planned: int) -> SummaryRow:
    valid = [entry for entry in entries if entry.result.valid]
    # A trial without samples has no percentiles; among trials that are all invalid it must not make the others' vanish.
    used = [entry for entry in valid or entries if entry.result.n]
    latency = [entry.result.latency for entry in used]
    oneway = [entry.result.oneway for entry in used if entry.result.oneway is not None]
    p50s = [value.p50_ns / 1000 for value in latency if value.p50_ns is not None]
    maxima = [value.max_ns for value in latency if value.max_ns is not None]
    return SummaryRow(
        row=trial.row,
        scenario=trial.scenario,
        transport=trial.transport,
        link=trial.link,
        driver=trial.driver,
        params={key: value for key, value in trial.params.items() if key not in _LONG_AGREED},
        n=sum(entry.result.n for entry in used),
        trials=len(entries),
        valid_trials=len(valid),
        p50_us=_median_us([value.p50_ns for value in latency]),
        p90_us=_median_us([value.p90_ns for value in latency]),
        p99_us=_median_us([value.p99_ns for value in latency]),
        p999_us=_median_us([value.p999_ns for value in latency]),
        max_us=max(maxima) / 1000 if maxima else None,
        ops_per_s=statistics.median([entry.result.ops_per_s for entry in used]) if used else None,
        lost=sum(entry.result.lost for entry in valid or entries),
        verdict=_verdict(entries, valid, used, planned),
        p50_interval_us=median_interval(p50s) if len(p50s) == len(used) else None,
        keys=tuple(entry.record.trial.key for entry in used),
        marks=_marks(entries, valid),
        loop=_loop(entries),
        oneway_p50_us=_median_us([value.p50_ns for value in oneway]) if len(oneway) == len(used) else None,
        oneway_p99_us=_median_us([value.p99_ns for value in oneway]) if len(oneway) == len(used) else None,
    )


def _median_us(values: Sequence[int | None]) -> float | None:
    """Median in us; None if one of the trials could not resolve the percentile (or there are no trials)."""
    known = [value for value in values if value is not None]
    return statistics.median(known) / 1000 if known and len(known) == len(values) else None


def _marks(entries: Sequence[StoredTrial], valid: Sequence[StoredTrial]) -> tuple[str, ...]:
    if valid or not entries:
        return ()
    names = [{verdict.name for verdict in entry.result.verdicts if verdict.invalid} for entry in entries]
    common = set.intersection(*names)
    return tuple(sorted(common)) or ("no valid trial",)


def _verdict(
    entries: Sequence[StoredTrial], valid: Sequence[StoredTrial], used: Sequence[StoredTrial], planned: int
) -> str:
    if not entries:
        return "not run"
    total = len(entries)
    counts = Counter(verdict.name for entry in entries for verdict in entry.result.verdicts)
    parts = [name if count == total else f"{name} {count}/{total}" for name, count in counts.items()]
    if total < planned:
        parts.append(f"{total} of {planned} planned trials ran")
    if not valid and used:
        parts.append(_MEDIAN_OF_ALL)
    if placements_differ(used):
        parts.append("placements differ")
    return "; ".join(parts) or "ok"


def placements_differ(entries: Sequence[StoredTrial]) -> bool:
    """Whether trials ran on placements that the cache-line probe tells apart, so that a median over them mixes two."""
    readings: dict[tuple[str, tuple[int, int]], list[float]] = {}
    for entry in entries:
        for probe in entry.result.probes:
            readings.setdefault((probe.host, probe.cpus), []).append((probe.before_ns + probe.after_ns) / 2)
    return any(max(values) > PLACEMENTS_DIFFER * min(values) for values in readings.values())


def _loop(entries: Sequence[StoredTrial]) -> str:
    for entry in entries:
        load = entry.result.load
        if load.loop == "closed":
            return f"closed loop, depth {load.depth}"
        if load.loop == "open":
            return f"open loop, {load.asked:.0f}/s"
    return "unknown loop"


ONEWAY_COLUMNS = ("scenario", "transport", "link", "driver", "params", "oneway_p50_us", "oneway_p99_us", "p50_us")
"""The columns of oneway.csv, in order: `p50_us` is the round trip, for comparison."""


def write_oneway(folder: ExperimentFolder, rows: Iterable[SummaryRow]) -> None:
    """Write oneway.csv with the rows whose way there was measured alone; no file where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ONEWAY_COLUMNS)
    measured = [row for row in rows if row.oneway_p50_us is not None]
    for row in measured:
        times = (row.oneway_p50_us, row.oneway_p99_us, row.p50_us)
        what = (row.scenario, row.transport, row.link, row.driver, row.params_json)
        writer.writerow((*what, *("" if value is None else f"{value:.3f}" for value in times)))
    if measured:
        write_atomic(folder.oneway_table, text.getvalue(), replace=True)


def to_csv(rows: Iterable[SummaryRow]) -> str:
    """The text of summary.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def write_summary(folder: ExperimentFolder, rows: Iterable[SummaryRow]) -> None:
    """Write summary.csv. It is derived from the trials, so it is replaced where it is there already."""
    write_atomic(folder.summary, to_csv(rows), replace=True)
