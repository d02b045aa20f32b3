"""The samples of one trial: from the recorder's file to Parquet and back.

The recorder's format is in `dpdk_apps/common/recorder.h`. In Parquet a sample is a row in send order:

    send_ns  int64            ns after the measurement window began (open loop: when it was meant to be sent)
    rtt_ns   uint32, or null  round trip in ns; null: lost

Send times grow by small steps, which DELTA_BINARY_PACKED turns into about a byte each; the bytes of round trips are
split into streams (BYTE_STREAM_SPLIT), of which zstd drops the nearly constant upper ones. Together 2.4 bytes a sample
at 1 us and 4.2 at 60 us, 0.1 s for three million: the smallest and among the fastest of the combinations tried.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestrator.errors import OrchestratorError
from orchestrator.results.layout import publish, temporary_beside

MAGIC = b"DPLATENC"
VERSION = 1
LOST = 2**32 - 1
"""The recorder's round trip of a packet that did not return."""
SATURATED = 2**32 - 2
"""The longest round trip that the recorder can write; what took longer has this value too."""
ROWS_PER_GROUP = 1 << 19
SCHEMA = 1

_HEADER = struct.Struct("<8sIIQQdQ")
_COLUMNS = pa.schema([pa.field("send_ns", pa.int64(), nullable=False), pa.field("rtt_ns", pa.uint32())])

SendTimes = npt.NDArray[np.int64]
RoundTrips = npt.NDArray[np.uint32]


class SamplesError(OrchestratorError):
    """A file of samples that cannot be used; the message names the file."""


@dataclass(frozen=True)
class Samples:
    """Samples in send order, both arrays of shape (count,). `rtt_ns` holds `LOST` for packets that did not return."""

    send_ns: SendTimes
    rtt_ns: RoundTrips
    ticks_per_s: float = 0.0
    """Clock that they were taken with; 0 if not known."""
    saturated: bool = False
    """Whether a time was too long for the recorder's format, so that it stands for 'at least 4.29 s'."""

    def __len__(self) -> int:
        return len(self.rtt_ns)

    @property
    def returned(self) -> RoundTrips:
        """The round trips of the packets that returned, in send order, shape (returned,)."""
        arrived: RoundTrips = self.rtt_ns[self.rtt_ns != LOST]
        return arrived

    @property
    def lost(self) -> int:
        """How many packets did not return."""
        return int(np.count_nonzero(self.rtt_ns == LOST))


def read_recorder(path: Path) -> Samples:
    """Read a recorder's file. 8 bytes a sample on disk become 12 in memory, and 4 more while they are read.

    Raises SamplesError if the file is missing, is not a recorder's, has another version or another length than its
    header says, or its send times run backwards past the window's beginning.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                raise SamplesError(f"{path}: {size} bytes are too few for a header of {_HEADER.size}")
            magic, version, flags, count, first, ticks_per_s, _reserved = _HEADER.unpack(header)
            if magic != MAGIC:
                raise SamplesError(f"{path}: no file of a latency recorder (begins with {magic!r})")
            if version != VERSION or flags != 0:
                raise SamplesError(f"{path}: version {version}, flags {flags}; this program reads {VERSION}, 0")
            if size != _HEADER.size + 8 * count:
                raise SamplesError(f"{path}: {size} bytes, but its header promises {count} samples")
            gaps = np.fromfile(file, dtype="<u4", count=count)
            rtt = np.fromfile(file, dtype="<u4", count=count)
    except OSError as error:
        raise SamplesError(f"{path}: {error.strerror}") from error
    if not (np.isfinite(ticks_per_s) and ticks_per_s > 0):
        raise SamplesError(f"{path}: a clock of {ticks_per_s} ticks per second")
    if first >= 2**62:
        raise SamplesError(f"{path}: the first send is {first} ns after the window began")
    saturated = bool(count) and (bool((gaps == LOST).any()) or bool((rtt == SATURATED).any()))
    send = np.cumsum(gaps, dtype=np.int64)
    if count:
        if gaps[0] != 0:
            raise SamplesError(f"{path}: the first sample follows no other, but its gap is {gaps[0]} ns")
        send += first
    return Samples(send, rtt, float(ticks_per_s), saturated)


def write_parquet(samples: Samples, path: Path) -> None:
    """Write samples to a new Parquet file, through a temporary name, fsync and rename.

    Raises SamplesError if it cannot be written, OrchestratorError if `path` is there already.
    """
    lost = samples.rtt_ns == LOST
    table = pa.table(
        [pa.array(samples.send_ns), pa.array(samples.rtt_ns, mask=lost if lost.any() else None)],
        schema=_COLUMNS.with_metadata(
            {
                "schema": str(SCHEMA),
                "ticks_per_s": repr(samples.ticks_per_s),
                "saturated": str(int(samples.saturated)),
            }
        ),
    )
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table,
            temporary,
            row_group_size=ROWS_PER_GROUP,
            compression="zstd",
            compression_level=3,
            use_dictionary=False,
            column_encoding={"send_ns": "DELTA_BINARY_PACKED", "rtt_ns": "BYTE_STREAM_SPLIT"},
        )
        publish(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise SamplesError(f"cannot write {path}: {error.strerror or error}") from error


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except OSError as error:
        raise SamplesError(f"{path}: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise SamplesError(f"{path}: {error}") from error
    if not file.schema_arrow.equals(_COLUMNS):
        file.close()
        raise SamplesError(f"{path}: its columns are {file.schema_arrow.names}, not samples of a trial")
    return file


def _samples(table: pa.Table, path: Path) -> Samples:
    metadata = table.schema.metadata or {}
    if metadata.get(b"schema") != str(SCHEMA).encode():
        raise SamplesError(f"{path}: schema {metadata.get(b'schema')!r}; this program reads {SCHEMA}")
    rtt = table.column("rtt_ns").combine_chunks()
    if rtt.null_count:
        rtt = pc.fill_null(rtt, pa.scalar(LOST, pa.uint32()))
    return Samples(
        table.column("send_ns").to_numpy(),
        rtt.to_numpy(zero_copy_only=False),
        float(metadata[b"ticks_per_s"]),
        metadata[b"saturated"] == b"1",
    )


def read_parquet(path: Path) -> Samples:
    """Read all samples of a trial. Raises SamplesError naming the file if it is missing or holds something else."""
    with _open(path) as file:
        try:
            return _samples(file.read(), path)
        except pa.ArrowException as error:
            raise SamplesError(f"{path}: {error}") from error


def iterate_parquet(path: Path) -> Iterator[Samples]:
    """Yield the samples of a trial a row group (about half a million samples) at a time. Raises as `read_parquet`."""
    with _open(path) as file:
        for group in range(file.num_row_groups):
            try:
                yield _samples(file.read_row_group(group), path)
            except pa.ArrowException as error:
                raise SamplesError(f"{path}: {error}") from error
