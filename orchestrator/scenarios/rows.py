"""From the values of parameters to the rows of a run: every combination that can be run, and why others cannot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from orchestrator.errors import UsageError
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Rows
from orchestrator.scenarios.parameters import Settings, Value


class LeftOutError(Exception):
    """A combination of values that cannot be run, such as TCP over memif; the text says why, for people.

    `concerns` are the parameters whose values do not go together. Where the user set all of them himself, he is told;
    what only a default brought is left out without a word, and so is everything if none is named.
    """

    def __init__(self, reason: str, *concerns: str) -> None:
        super().__init__(reason)
        self.concerns = frozenset(concerns)


def every(settings: Settings, make: Callable[[dict[str, Value]], Row], scenario: str, explicit: frozenset[str]) -> Rows:
    """The row that `make` makes of each combination of values, in their order, the last parameter changing fastest.

    `make` raises LeftOutError for a combination that is to be left out; `explicit` as in `Scenario.rows`. Raises
    UsageError with all reasons where no row is left.
    """
    rows: list[Row] = []
    reasons: dict[str, bool] = {}
    for values in itertools.product(*settings.values()):
        combination = dict(zip(settings, values, strict=True))
        if combination.get("rate"):
            combination["depth"] = 0  # an open loop has none: several depths would be rows of one load
        try:
            row = make(combination)
        except LeftOutError as error:
            asked_for = bool(error.concerns) and error.concerns <= explicit
            reasons[str(error)] = reasons.get(str(error), False) or asked_for
            continue
        if row not in rows:  # where a parameter means nothing to a transport, its values make one row
            rows.append(row)
    if not rows:
        raise UsageError("nothing to run: " + "; ".join(reasons), remedy=f"see: invoke describe {scenario}")
    return Rows(tuple(rows), tuple(reason for reason, asked_for in reasons.items() if asked_for))


def check_link(inventory: Inventory, transport: str, link: str) -> None:
    """Raise LeftOutError where the inventory has no such link or the transport cannot cross it."""
    if link not in {each.kind for each in inventory.links}:
        raise LeftOutError(f"the inventory has no {link} link", "link")
    if transport != "dpdk" and link == "memif":
        raise LeftOutError(f"{transport} cannot cross memif, which is no link of the kernel's", "transport", "link")


def check_flows(params: Mapping[str, Value], name: str) -> None:
    """Raise LeftOutError where there are fewer flows than things called `name` that each need one."""
    if int(params["flows"]) < int(params[name]):
        raise LeftOutError(f"flows={params['flows']} cannot reach {name}={params[name]}", "flows")
