"""Which plots a scenario wants, as data: what they look like is the business of `reports`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ecdf", "ccdf", "shares", "fates", "sweep", "stages"]
Measure = Literal["p50_us", "p99_us", "ops_per_s", "lost_percent", "oneway_p50_us"]


@dataclass(frozen=True)
class Plot:
    """One plot. `ecdf` and `ccdf` show distributions, `shares` who received how much, `fates` what became of it,
    `stages` what each part of the way takes beside the whole.

    A `sweep` shows one number of each row (`y`) against one parameter (`x`), a line for each series and each setting
    of the other parameters that vary but those that follow from `x`; it is drawn only where `x` has several values,
    which may be those of the column `driver` instead of a parameter's. `only` keeps rows of these transports (empty:
    all).
    """

    kind: Kind
    name: str = ""
    """Of the files; the kind if left out."""
    title: str = ""
    x: str = ""
    y: Measure = "p50_us"
    only: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the files without their suffix."""
        return self.name or self.kind


DISTRIBUTIONS = (Plot("ecdf"), Plot("ccdf"))
