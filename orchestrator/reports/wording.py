"""The words that tables, plots and notebooks share: labels, parameters, counts, captions. Nothing here draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.experiments.records import ParameterValue
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

NOT_RESOLVABLE = "not resolvable"
NO_NETWORK = "none"
"""Transport and link of what is measured without either."""
WITHIN_ONE_HOST = frozenset({"shm", "loopback", "unix", NO_NETWORK})
"""Links that do not leave the host."""


def label(row: SummaryRow) -> str:
    """A series in words: transport, link, driver (where it is not named like the link) and what makes it invalid."""
    marks = f" [{', '.join(row.marks)}]" if row.marks else ""
    return f"{label_without_marks(row)}{marks}"


def label_without_marks(row: SummaryRow) -> str:
    """`label` for a table that has a column of verdicts."""
    if row.transport == NO_NETWORK:
        return "no network (FUSE only)"
    driver = "" if row.driver == row.link else f" ({row.driver.removeprefix(f'{row.link} ')})"
    return f"{row.transport} over {row.link}{driver}"


def device(row: SummaryRow) -> str:
    """What drives the row's ports, without the way of dispatching that some scenarios add: `tap flow` is a `tap`."""
    return row.driver.partition(" ")[0]


def microseconds(value: float | None) -> str:
    """A time in us as it is printed: three significant digits or whole us; or "not resolvable"."""
    if value is None:
        return NOT_RESOLVABLE
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def with_unit(value: float | None) -> str:
    """A time as it stands in a sentence: `1.23 us`, or "not resolvable"."""
    return NOT_RESOLVABLE if value is None else f"{microseconds(value)} us"


def count(value: float) -> str:
    """A count with its magnitude: 950, 12.3 k, 4.56 M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {letter}"
    return f"{value:.0f}"


def plural(number: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def setting(name: str, value: ParameterValue) -> str:
    """`processes=2`, as it is typed after --set."""
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def varying(rows: Iterable[SummaryRow]) -> tuple[dict[str, ParameterValue], tuple[str, ...]]:
    """(parameters that all rows agree in, names of those in which they differ)."""
    seen = [row.params for row in rows]
    known = ("stage", "op", "processes", "size", "flows", "depth", "rate", "idle")
    names = sorted(
        {name for params in seen for name in params},
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
    common = {
        name: seen[0][name]
        for name in names
        if all(name in params and params[name] == seen[0].get(name) for params in seen)
    }
    return common, tuple(name for name in names if name not in common)


def settings(params: dict[str, ParameterValue], names: Iterable[str]) -> str:
    """The named parameters in one line."""
    return ", ".join(setting(name, params[name]) for name in names if name in params)


def by_params(rows: Sequence[SummaryRow]) -> list[tuple[str, list[SummaryRow]]]:
    """Rows that share their parameters, so that they may be compared in one panel, with the panel's title."""
    _common, names = varying(rows)
    panels: dict[str, list[SummaryRow]] = {}
    for row in rows:
        panels.setdefault(row.params_json, []).append(row)
    return [(settings(panel[0].params, names), panel) for panel in panels.values()]


def caption(experiment: Experiment, rows: Sequence[SummaryRow]) -> str:
    """What every plot says under itself: trials and valid ones, loop, parameters, links that differ, verdicts."""
    trials = sum(row.trials for row in rows)
    valid = sum(row.valid_trials for row in rows)
    common, _names = varying(rows)
    parts = [
        f"{plural(trials, 'trial')}, {valid} valid",
        " and ".join(dict.fromkeys(row.loop for row in rows)),
        settings(common, (name for name in common if name not in {"depth", "rate"})),
    ]
    text = "; ".join(part for part in parts if part) + "."
    links = sorted({row.link for row in rows} - {NO_NETWORK})
    if len(links) > 1:
        text += f" Different links: {links_explained(links)}."
    shown = {row.row for row in rows}
    verdicts = Counter(
        verdict.name
        for entry in experiment.stored
        if entry.record.trial.row in shown
        for verdict in entry.result.verdicts
    )
    if verdicts:
        text += (
            " Verdicts: "
            + ", ".join(f"{name} ({plural(number, 'trial')})" for name, number in verdicts.most_common())
            + "."
        )
    return text


def links_explained(links: Iterable[str]) -> str:
    """`memif (shared memory, no NIC) and veth (a link of the kernel's)`."""
    known = {
        "memif": "shared memory, no NIC",
        "veth": "a link within the kernel",
        "shm": "rings in shared memory",
        "loopback": "the kernel's TCP within one host",
        "unix": "Unix stream sockets",
    }
    return " and ".join(f"{link} ({known[link]})" if link in known else link for link in links)


def floors(experiment: Experiment) -> list[str]:
    """One line per floor trial: the latency that the generator measures of itself."""
    lines = []
    sizes = {entry.record.trial.params.get("size") for entry in experiment.floors}
    for entry in experiment.floors:
        size = f" for {entry.record.trial.params['size']} B" if len(sizes) > 1 else ""
        p50, p99 = (with_unit(_us(value)) for value in (entry.result.latency.p50_ns, entry.result.latency.p99_ns))
        mark = "" if entry.result.valid else f" [{entry.result.verdict}]"
        lines.append(
            f"floor of the {entry.record.trial.transport} generator{size} (an echo within the same program): "
            f"p50 {p50}, p99 {p99}{mark}"
        )
    return lines


def _us(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1000
