"""Small pure statistics. Nothing here knows files, trials or hosts.

Percentiles are the inverse of the empirical distribution function (nearest rank, `method="inverted_cdf"` in numpy,
type 1 in Hyndman and Fan, The American Statistician 50(4), 1996): always a value that was measured, never one between
two. Packets that did not return count as slower than every one that did, so that losing the slow ones cannot make a
tail look better; a percentile that falls among them is `None`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

MIN_SAMPLES: dict[float, int] = {0.5: 6, 0.9: 29, 0.99: 299, 0.999: 2995, 0.9999: 29956}
"""Fewest samples for which the upper end of a one-sided 95 % bracket of a percentile q exists at all: q^n <= 0.05
(Maricq et al., OSDI'18, section 5); for the median two-sided: 2 * 0.5^n <= 0.05."""


def rank(q: float, count: int) -> int:
    """1-based nearest rank of percentile q in (0, 1] among `count` values: ceil(q * count), free of rounding error."""
    if not 0 < q <= 1:
        raise ValueError(f"percentile {q} is not in (0, 1]")
    if count < 1:
        raise ValueError("no values have no percentile")
    return max(1, math.ceil(Fraction(str(q)) * count))


def resolvable(q: float, count: int) -> bool:
    """Whether `count` samples say anything about percentile q: whether a bracket of it exists at 95 %."""
    known = MIN_SAMPLES.get(q)
    return count >= known if known is not None else q**count <= 0.05


def percentiles(values: npt.NDArray[np.integer], quantiles: Sequence[float], lost: int = 0) -> list[int | None]:
    """Percentiles of values (shape (n,), any order) of which `lost` more were too slow to be seen.

    `None` where too few samples were sent to resolve the percentile, or where it falls among the lost.
    """
    total = len(values) + lost
    wanted: list[int | None] = []
    for q in quantiles:
        if total == 0 or not resolvable(q, total):
            wanted.append(None)
            continue
        position = rank(q, total)
        wanted.append(position - 1 if position <= len(values) else None)
    positions = sorted({position for position in wanted if position is not None})
    if not positions:
        return [None] * len(wanted)
    ordered = np.partition(values, positions)
    return [None if position is None else int(ordered[position]) for position in wanted]


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Distribution-free confidence interval of a median, from order statistics of independent values.

    The narrowest symmetric pair (k-th smallest, k-th largest) that covers the median with at least `confidence`, the
    number of values below the median being binomial(n, 1/2) (Conover, Practical Nonparametric Statistics, 3.2).
    `None` if even the smallest and largest do not: fewer than 6 values at 95 %.
    """
    ordered = sorted(values)
    count = len(ordered)
    below, k, term = Fraction(0), 0, Fraction(1, 2**count)
    limit = (1 - Fraction(str(confidence))) / 2
    while below + term <= limit:
        below += term
        k += 1
        term = term * (count - k + 1) / k
    return None if k == 0 else (ordered[k - 1], ordered[count - k])


def bootstrap_interval(
    values: npt.NDArray[np.integer],
    q: float,
    *,
    block: int,
    seed: int,
    repeats: int = 999,
    confidence: float = 0.95,
) -> tuple[int, int]:
    """Percentile interval of percentile q *within one trial*, by the moving-block bootstrap (Kuensch 1989).

    Blocks of `block` successive samples keep the autocorrelation that a bootstrap of single samples would lose. It
    says nothing of the spread between trials. Raises ValueError if there are fewer than 2 blocks.
    """
    count = len(values)
    if not 1 <= block <= count // 2:
        raise ValueError(f"blocks of {block} do not fit twice into {count} samples")
    generator = np.random.default_rng(seed)
    blocks = -(-count // block)
    offsets = np.arange(block)
    k = rank(q, count) - 1
    found = np.empty(repeats, dtype=np.int64)
    for repeat in range(repeats):
        starts = generator.integers(0, count - block + 1, blocks)
        resample = values[(starts[:, None] + offsets).ravel()[:count]]
        found[repeat] = np.partition(resample, k)[k]
    tail = (1 - confidence) / 2
    low, high = (int(np.quantile(found, tail_q, method="inverted_cdf")) for tail_q in (tail, 1 - tail))
    return low, high


def rank_sum_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Exact two-sided p of the Mann-Whitney test (Ann. Math. Statist. 18, 1947) for small samples.

    Ties count half each way, rounded against a difference, so the p is never too small because of them.
    """
    n, m = len(first), len(second)
    doubled = sum(2 * (a > b) + (a == b) for a in first for b in second)
    u = min(math.ceil(doubled / 2), math.ceil((2 * n * m - doubled) / 2))
    if 2 * u >= n * m:
        return 1.0
    ways = _rank_sum_ways(n, m)
    return min(1.0, 2 * sum(ways[: u + 1]) / sum(ways))


def _rank_sum_ways(n: int, m: int) -> list[int]:
    """How many orders of n and m values give each U from 0 to n*m: the Gaussian binomial coefficient."""
    ways = [1]
    for i in range(1, n + 1):
        grown = [0] * (len(ways) + m + i)  # multiply by 1 - x^(m+i) ...
        for u, count in enumerate(ways):
            grown[u] += count
            grown[u + m + i] -= count
        for u in range(i, len(grown)):  # ... and divide by 1 - x^i
            grown[u] += grown[u - i]
        ways = grown[: i * m + 1]
    return ways


def block_medians(values: npt.NDArray[np.integer], blocks: int) -> list[float]:
    """Medians (lower middle) of `blocks` successive parts of nearly equal length, in order."""
    if len(values) < blocks:
        raise ValueError(f"{len(values)} values do not fill {blocks} blocks")
    return [
        float(np.partition(part, (len(part) - 1) // 2)[(len(part) - 1) // 2]) for part in np.array_split(values, blocks)
    ]


def drift(values: npt.NDArray[np.integer], *, blocks: int = 30) -> tuple[float, float] | None:
    """Change from the first third of a trial to its last: (relative change of the median, p).

    Each third is cut into `blocks / 3` blocks and the medians of the blocks are compared by their ranks: a million
    autocorrelated samples would make any difference "significant". `None` with fewer than 20 samples a block.
    """
    if len(values) < 20 * blocks:
        return None
    medians = block_medians(values, blocks)
    first, last = medians[: blocks // 3], medians[-(blocks // 3) :]
    before, after = float(np.median(first)), float(np.median(last))
    if before == 0:
        return None
    return after / before - 1, rank_sum_p(first, last)
