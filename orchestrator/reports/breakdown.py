"""What the parts of an operation on the store take beside the whole: rows of several stages, put together.

A row through the mount is compared with those of the same operation without the mount, without the files, and without
the network; an echo with the same between other programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.reports.wording import label_without_marks, settings, varying, with_unit
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

STAGE_NAMES = {
    "transport": "transport",
    "store": "transport + store",
    "fuse": "FUSE only",
    "all": "through the mount",
    "floor": "other programs",
}
SHOWN = tuple(STAGE_NAMES)
"""The stages, in the order in which they are shown."""
_WHOLE_FIRST = ("all", "store", "transport", "fuse", "floor")
_PARTS_OF = {"all": ("transport", "store", "fuse"), "store": ("transport",), "transport": ("floor",)}
_NETWORK = ("op", "size", "depth", "rate", "mtu", "timeout_ms", "fault", "fault_seed", "write_percent", "idle")
_ALIKE = {
    "transport": _NETWORK,
    "store": (*_NETWORK, "durability"),
    "fuse": ("op", "size", "depth", "engine", "write_percent"),
    "floor": ("op", "size"),
}
"""By stage, what a row of it must have in common with the row that it is a part of: what means something to it."""


@dataclass(frozen=True)
class Breakdown:
    """The rows that belong together: `whole`, and by stage what is known of its parts, itself among them."""

    whole: SummaryRow
    parts: dict[str, SummaryRow]

    @property
    def p50(self) -> dict[str, float]:
        """In us, by stage, where it is known."""
        return {stage: row.p50_us for stage, row in self.parts.items() if row.p50_us is not None}

    @property
    def ratio(self) -> float | None:
        """p50 of the whole by the sum of its parts: of the mount by FUSE and store, of an echo by other programs'."""
        p50 = self.p50
        for whole, parts in (("all", ("fuse", "store")), ("transport", ("floor",))):
            if self.whole.params["stage"] == whole and p50.keys() >= {whole, *parts}:
                return p50[whole] / sum(p50[part] for part in parts)
        return None

    @property
    def counts(self) -> bool:
        """Whether each of its rows has a valid trial."""
        return all(row.valid_trials for row in self.parts.values())


def breakdowns(rows: Sequence[SummaryRow]) -> list[Breakdown]:
    """Every row that is no part of another, with its parts, in the order of the plan; none of other scenarios."""
    staged = sorted((row for row in rows if "stage" in row.params), key=lambda row: row.row)
    found: list[Breakdown] = []
    used: set[str] = set()
    for stage in _WHOLE_FIRST:
        for row in staged:
            if row.params["stage"] != stage or row.row in used:
                continue
            parts: dict[str, SummaryRow] = {stage: row}
            for part in _PARTS_OF.get(stage, ()):
                other = _part(staged, row, part)
                if other is not None:
                    parts[part] = other
            used.update(other.row for other in parts.values())
            found.append(Breakdown(row, {name: parts[name] for name in SHOWN if name in parts}))
    return found


def _part(rows: Sequence[SummaryRow], whole: SummaryRow, stage: str) -> SummaryRow | None:
    series = (whole.transport, whole.link, whole.driver)
    for row in rows:
        if row.params["stage"] != stage or (stage != "fuse" and (row.transport, row.link, row.driver) != series):
            continue
        if all(row.params.get(name) == whole.params.get(name) for name in _ALIKE[stage]):
            return row
    return None


def operations(found: Sequence[Breakdown]) -> list[tuple[str, list[Breakdown]]]:
    """Breakdowns of one operation over all transports, with what the operation is called."""
    _common, names = varying([each.whole for each in found]) if found else ({}, ())
    shown = [name for name in names if name != "stage"]
    groups: dict[str, list[Breakdown]] = {}
    for each in found:
        groups.setdefault(settings(each.whole.params, shown), []).append(each)
    return list(groups.items())


def breakdown_sentences(experiment: Experiment) -> Iterator[str]:
    """For each operation and transport whose parts were measured too, how the whole compares with them."""
    for title, group in operations(breakdowns(experiment.rows)):
        for each in group:
            if each.ratio is not None:
                where = label_without_marks(each.whole)
                yield f"**{f'{title}, {where}' if title else where}**: {_compared(each, each.ratio)}."


def _compared(each: Breakdown, ratio: float) -> str:
    told = {stage: with_unit(value) for stage, value in each.p50.items()}
    if "all" in told:
        way = f", of which transport {told['transport']}" if "transport" in told else ""
        return (
            f"through the mount p50 {told['all']}, {ratio:.2f} times what FUSE alone ({told['fuse']}) and transport "
            f"with store ({told['store']}{way}) take"
        )
    who = "bare frames" if each.whole.transport == "dpdk" else "sockperf"
    return f"p50 {told['transport']}, {ratio:.2f} times that of {who} ({told['floor']})"
