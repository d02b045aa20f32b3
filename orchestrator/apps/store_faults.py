"""Faults that the store's programs do to their own packets: how a person writes them, and what the programs are told.

A person joins them by `+` (a comma separates the values of a parameter): `drop=0.1+duplicate=0.05`. One alone may say
which way it goes, as the client sees it: `out:drop=0.1+in:corrupt=0.01`; else it befalls packets of both. `kind=CHANCE`
is the chance of each packet, `kind@N` befalls exactly the N-th.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_FAULT = "none"
KINDS = ("drop", "duplicate", "reorder", "delay", "corrupt", "truncate")
"""As `fault_kind_names` of `dpdk_apps/store/rpc/fault.c`."""
DELAY_US = "delay-us"
"""How long a delay takes at most; no kind of its own."""
_PART = re.compile(rf"(?:(out|in):)?({'|'.join((*KINDS, DELAY_US))})(=|@)([0-9.]+)")


@dataclass(frozen=True)
class Faults:
    """What befalls the packets of a client, as its options take it; an empty list is none."""

    out: str = ""
    into: str = ""


def parse_faults(text: str) -> Faults:
    """Read what a person wrote; `none` is no fault. Raises ValueError saying what is wrong.

    >>> parse_faults("drop=0.1+in:truncate@7")
    Faults(out='drop=0.1', into='drop=0.1,truncate@7')
    """
    if text == NO_FAULT:
        return Faults()
    ways: dict[str, list[str]] = {"out": [], "in": []}
    for part in text.split("+"):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{part!r} is no fault; write KIND=CHANCE, KIND@N or {DELAY_US}=US, with KIND one of "
                f"{', '.join(KINDS)}, joined by +, each with out: or in: before it where it is to go one way only"
            )
        way, kind, sign, number = match.groups()
        _check(part, kind, sign, number)
        for chosen in (way,) if way else ("out", "in"):
            ways[chosen].append(f"{kind}{sign}{number}")
    return Faults(",".join(ways["out"]), ",".join(ways["in"]))


def _check(part: str, kind: str, sign: str, number: str) -> None:
    whole = number.isdigit()
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"{part!r}: {number} is not a number") from None
    if kind == DELAY_US:
        if sign != "=" or not whole or not 1 <= value <= 1_000_000:
            raise ValueError(f"{part!r}: write {DELAY_US}= and whole microseconds from 1 to 1000000")
    elif sign == "@" and (not whole or value < 1):
        raise ValueError(f"{part!r}: packets are numbered from 1")
    elif sign == "=" and not 0 <= value <= 1:
        raise ValueError(f"{part!r}: a chance is from 0 to 1")
