"""Paired comparison of two systems on a machine whose placement changes under the measurement.

A and B are measured in alternating blocks of at most a second each; a cache-line probe runs before and after every
block. A pair counts if the probes of its two blocks agree, and the result is the median of the ratios of at least 20
such pairs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.results.statistics import median_interval

WANTED_PAIRS = 20
MOST_PAIRS = 60
PLACEMENT_TOLERANCE = 0.25


@dataclass(frozen=True)
class Block:
    """One measurement of one side: its p50 in microseconds and, where it is wanted, its throughput in messages a
    second; with the probes around it in nanoseconds.
    """

    p50_us: float
    probe_before_ns: float
    probe_after_ns: float
    ops_per_s: float = math.nan

    @property
    def probes(self) -> tuple[float, float]:
        """Both probes."""
        return self.probe_before_ns, self.probe_after_ns


@dataclass(frozen=True)
class Comparison:
    """The ratios A/B of the pairs that count."""

    name: str
    limit: float
    ratios: tuple[float, ...]
    a_us: tuple[float, ...]
    b_us: tuple[float, ...]
    dropped: int

    @property
    def ratio(self) -> float:
        """The median ratio; not a number without pairs."""
        return statistics.median(self.ratios) if self.ratios else math.nan

    @property
    def reached(self) -> bool:
        """Whether there are pairs enough and their median ratio is within the limit."""
        return len(self.ratios) >= WANTED_PAIRS and self.ratio <= self.limit

    def text(self) -> str:
        """One line for people."""
        if not self.ratios:
            return f"{self.name}: no pair counts, {self.dropped} dropped because the placement changed"
        low, high = median_interval(self.ratios) or (math.nan, math.nan)
        return (
            f"{self.name}: {self.ratio:.3f} (limit {self.limit:.2f}, 95 % {low:.3f} to {high:.3f}, "
            f"{len(self.ratios)} pairs, {self.dropped} dropped); p50 {statistics.median(self.a_us):.3f} us against "
            f"{statistics.median(self.b_us):.3f} us: {'reached' if self.reached else 'NOT REACHED'}"
        )


def alternate(measure_a: Callable[[], Block], measure_b: Callable[[], Block]) -> tuple[list[tuple[Block, Block]], int]:
    """Alternate A and B, the first of a pair changing, until enough pairs count or `MOST_PAIRS` were tried.

    Returns the pairs that count and how many do not.
    """
    pairs: list[tuple[Block, Block]] = []
    dropped = 0
    for number in range(MOST_PAIRS):
        if number % 2:
            b, a = measure_b(), measure_a()
        else:
            a, b = measure_a(), measure_b()
        probes = (*a.probes, *b.probes)
        if max(probes) > min(probes) * (1 + PLACEMENT_TOLERANCE):
            dropped += 1
            continue
        pairs.append((a, b))
        if len(pairs) >= WANTED_PAIRS:
            break
    return pairs, dropped


def compare(name: str, limit: float, measure_a: Callable[[], Block], measure_b: Callable[[], Block]) -> Comparison:
    """The ratio of A's p50 to B's, over pairs of `alternate`."""
    pairs, dropped = alternate(measure_a, measure_b)
    a_us, b_us = tuple(a.p50_us for a, _ in pairs), tuple(b.p50_us for _, b in pairs)
    return Comparison(name, limit, tuple(a / b for a, b in zip(a_us, b_us, strict=True)), a_us, b_us, dropped)
