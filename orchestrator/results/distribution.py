"""A distribution of round trips, whole but without their order: each value once, with its count.

It is what percentiles and plots of several trials are made from: distributions are merged, percentiles never averaged.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.results.layout import publish, temporary_beside
from orchestrator.results.samples import Samples, SamplesError
from orchestrator.results.statistics import rank, resolvable

_SCHEMA = b"1"
_COUNTED = 1 << 20
"""Round trips below this, in ns, are counted one by one in a table of this size; longer ones are few and are sorted."""


@dataclass(frozen=True)
class Distribution:
    """Round trips in ns: `values` (shape (k,), uint32, rising, each once) and how often each came (int64).

    `lost` packets were slower than all of them.
    """

    values: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    lost: int = 0

    @property
    def returned(self) -> int:
        """How many packets returned."""
        return int(self.counts.sum())

    @property
    def sent(self) -> int:
        """How many packets were sent."""
        return self.returned + self.lost

    def percentile(self, q: float) -> int | None:
        """As `statistics.percentiles`: nearest rank among all sent; None if not resolvable or among the lost."""
        if not self.sent or not resolvable(q, self.sent):
            return None
        position = rank(q, self.sent)
        if position > self.returned:
            return None
        return int(self.values[np.searchsorted(np.cumsum(self.counts), position)])

    def ecdf(self, limit: int = 2000) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Points (round trip in ns, fraction of the sent packets that took at most that) of the eCDF, thinned.

        At most about `limit` points. The largest `limit / 4` distinct values are all kept, and the rest are chosen
        evenly on the scale of -log10(1 - fraction) and evenly in fraction, so neither body nor tail loses its shape.
        Every point returned lies exactly on the whole eCDF.
        """
        if not len(self.values):
            return np.empty(0, np.int64), np.empty(0)
        fraction = np.cumsum(self.counts) / self.sent
        count = len(fraction)
        if count > limit:
            tail = limit // 4
            even = np.linspace(fraction[0], fraction[-1], limit // 4)
            scale = -np.log10(np.maximum(1 - fraction, 0.5 / self.sent))
            nines = np.linspace(scale[0], scale[-1], limit // 2)
            kept = np.unique(
                np.concatenate(
                    [
                        np.searchsorted(fraction, even),
                        np.searchsorted(scale, nines),
                        np.arange(count - tail, count),
                        [0],
                    ]
                )
            )
            kept = kept[kept < count]
        else:
            kept = np.arange(count)
        return self.values[kept].astype(np.int64), fraction[kept]

    def ccdf(self, limit: int = 2000) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Points (round trip in ns, fraction of the sent packets that took longer); thinned as `ecdf`.

        The last fraction is that of the lost: 0 if all returned.
        """
        values, fraction = self.ecdf(limit)
        longer = 1 - fraction
        if len(longer):
            longer[-1] = self.lost / self.sent
        return values, longer


def of_samples(samples: Samples) -> Distribution:
    """The distribution of one trial's samples."""
    returned = samples.returned
    short = returned < _COUNTED
    counted = np.bincount(returned[short])  # several times as fast as sorting millions of values
    values = np.flatnonzero(counted)
    long_values, long_counts = np.unique(returned[~short], return_counts=True)
    return Distribution(
        np.concatenate([values.astype(np.uint32), long_values]),
        np.concatenate([counted[values], long_counts]).astype(np.int64),
        len(samples) - len(returned),
    )


def merge(distributions: Iterable[Distribution]) -> Distribution:
    """One distribution of all packets, as if they had been measured in one trial."""
    parts = list(distributions)
    if not parts:
        return Distribution(np.empty(0, np.uint32), np.empty(0, np.int64))
    values, place = np.unique(np.concatenate([part.values for part in parts]), return_inverse=True)
    counts = np.zeros(len(values), dtype=np.int64)
    np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
    return Distribution(values, counts, sum(part.lost for part in parts))


def write_distribution(distribution: Distribution, path: Path) -> None:
    """Write to a new Parquet file (columns rtt_ns, count). Raises SamplesError if it cannot be written."""
    table = pa.table(
        {"rtt_ns": pa.array(distribution.values), "count": pa.array(distribution.counts)},
        metadata={"schema": _SCHEMA.decode(), "lost": str(distribution.lost)},
    )
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            column_encoding={"rtt_ns": "DELTA_BINARY_PACKED", "count": "DELTA_BINARY_PACKED"},
        )
        publish(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise SamplesError(f"cannot write {path}: {error.strerror or error}") from error


def read_distribution(path: Path) -> Distribution:
    """Read what `write_distribution` wrote. Raises SamplesError naming the file."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SamplesError(f"{path}: {error}") from error
    metadata = table.schema.metadata or {}
    if table.schema.names != ["rtt_ns", "count"] or metadata.get(b"schema") != _SCHEMA:
        raise SamplesError(f"{path}: no distribution of round trips")
    return Distribution(table["rtt_ns"].to_numpy(), table["count"].to_numpy(), int(metadata[b"lost"]))
