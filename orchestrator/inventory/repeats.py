"""Values that may stand only once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from orchestrator.inventory.source import Location, Source


def report_repeats(source: Source, places: Iterable[tuple[Location, Hashable | None]], what: str, instead: str) -> None:
    """Report every value that stands at a second place. `what` and `instead` may use `{value}`; None is none."""
    first: dict[Hashable, Location] = {}
    for location, value in places:
        if value is None:
            continue
        if value in first:
            line = source.line(first[value])
            source.report(location, f"{what.format(value=value)} (first on line {line})", instead.format(value=value))
        else:
            first[value] = location
