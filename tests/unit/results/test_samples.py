import subprocess
import sys

import numpy as np
import pytest
from synthetic_experiment import LOST, SERIES, round_trips, write_recorder

from orchestrator.errors import OrchestratorError
from orchestrator.results.samples import (
    SATURATED,
    SamplesError,
    iterate_parquet,
    read_parquet,
    read_recorder,
    write_parquet,
)


def test_recorder_file_is_read_as_the_header_defines_it(tmp_path):
    samples = read_recorder(write_recorder(tmp_path / "s.bin", [0, 1000, 2500], [900, LOST, 1100], first=70))
    assert samples.send_ns.tolist() == [70, 1070, 3570]
    assert samples.rtt_ns.tolist() == [900, LOST, 1100]
    assert samples.returned.tolist() == [900, 1100]
    assert samples.lost == 1
    assert samples.ticks_per_s == 2e9
    assert not samples.saturated


def test_send_times_do_not_wrap_at_32_bits(tmp_path):
    gaps = [0] + [4_000_000_000] * 5
    samples = read_recorder(write_recorder(tmp_path / "s.bin", gaps, [1] * 6))
    assert samples.send_ns[-1] == 20_000_000_000


def test_an_empty_window_is_read_as_such(tmp_path):
    assert len(read_recorder(write_recorder(tmp_path / "s.bin", [], []))) == 0


@pytest.mark.parametrize(("gaps", "rtt"), [([0, LOST], [1, 1]), ([0, 1], [1, SATURATED])])
def test_times_that_do_not_fit_are_noticed(tmp_path, gaps, rtt):
    assert read_recorder(write_recorder(tmp_path / "s.bin", gaps, rtt)).saturated


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"magic": b"XXXXXXXX"}, "no file of a latency recorder"),
        ({"version": 2}, "version 2"),
        ({"flags": 1}, "flags 1"),
        ({"count": 3}, "promises 3 samples"),
        ({"count": 1}, "promises 1 samples"),
        ({"count": 2**60}, "promises"),
        ({"ticks_per_s": 0.0}, "ticks per second"),
        ({"ticks_per_s": float("nan")}, "ticks per second"),
        ({"first": 2**63}, "ns after the window began"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path, header, message):
    path = write_recorder(tmp_path / "s.bin", [0, 1], [5, 6], **header)
    with pytest.raises(SamplesError, match=message) as caught:
        read_recorder(path)
    assert str(path) in str(caught.value)


def test_a_gap_before_the_first_sample_is_refused(tmp_path):
    with pytest.raises(SamplesError, match="its gap is 7"):
        read_recorder(write_recorder(tmp_path / "s.bin", [7, 1], [5, 6]))


def test_short_and_missing_files_are_refused_by_name(tmp_path):
    (tmp_path / "short.bin").write_bytes(b"DPLATENC")
    with pytest.raises(SamplesError, match=r"short\.bin: 8 bytes are too few"):
        read_recorder(tmp_path / "short.bin")
    with pytest.raises(SamplesError, match=r"missing\.bin"):
        read_recorder(tmp_path / "missing.bin")


@pytest.mark.parametrize("count", [0, 1, 5, 600_000])
def test_parquet_gives_back_what_was_written(tmp_path, count):
    rng = np.random.default_rng(3)
    rtt = rng.integers(500, 10_000, count).astype(np.uint32)
    rtt[::7] = LOST
    gaps = rng.integers(100, 9000, count)
    gaps[:1] = 0
    samples = read_recorder(write_recorder(tmp_path / "s.bin", gaps, rtt, first=11))
    write_parquet(samples, tmp_path / "s.parquet")
    back = read_parquet(tmp_path / "s.parquet")
    assert np.array_equal(back.send_ns, samples.send_ns)
    assert np.array_equal(back.rtt_ns, samples.rtt_ns)
    assert back.ticks_per_s == samples.ticks_per_s
    parts = list(iterate_parquet(tmp_path / "s.parquet"))
    assert sum(len(part) for part in parts) == count
    assert max((len(part) for part in parts), default=0) <= 1 << 19
    if count:
        assert np.array_equal(np.concatenate([part.rtt_ns for part in parts]), samples.rtt_ns)


def test_parquet_marks_the_lost_as_missing_for_other_readers(tmp_path):
    import pandas as pd

    write_parquet(read_recorder(write_recorder(tmp_path / "s.bin", [0, 5], [900, LOST])), tmp_path / "s.parquet")
    frame = pd.read_parquet(tmp_path / "s.parquet")
    assert list(frame.columns) == ["send_ns", "rtt_ns"]
    assert frame["rtt_ns"].isna().tolist() == [False, True]


def test_samples_are_never_overwritten(tmp_path):
    samples = read_recorder(write_recorder(tmp_path / "s.bin", [0], [1]))
    write_parquet(samples, tmp_path / "s.parquet")
    before = (tmp_path / "s.parquet").read_bytes()
    with pytest.raises(OrchestratorError, match="already there"):
        write_parquet(samples, tmp_path / "s.parquet")
    assert (tmp_path / "s.parquet").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.bin", "s.parquet"]


def test_another_parquet_file_is_refused_by_name(tmp_path):
    import pandas as pd

    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    for name in ("other", "broken", "missing"):
        with pytest.raises(SamplesError, match=name):
            read_parquet(tmp_path / f"{name}.parquet")


_CONVERT = """
import sys, time
from pathlib import Path
from orchestrator.results.samples import read_recorder, write_parquet
def largest():  # of this program; getrusage's also counts the parent that it was forked from
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
before = largest()
begin = time.process_time()
write_parquet(read_recorder(Path(sys.argv[1])), Path(sys.argv[2]))
print(time.process_time() - begin, largest() - before)
"""


@pytest.mark.parametrize("series", [SERIES[0], SERIES[2]], ids=["1us", "55us"])
def test_three_million_samples_are_small_and_take_little_memory(tmp_path, series):
    count = 3_000_000
    rtt = round_trips(np.random.default_rng(1), count, series)
    gaps = rtt + np.uint32(80)
    gaps[0] = 0
    source, target = write_recorder(tmp_path / "s.bin", gaps, rtt), tmp_path / "s.parquet"
    # In a process of its own, whose largest size so far is that of its imports.
    done = subprocess.run(
        [sys.executable, "-c", _CONVERT, source, target], check=True, capture_output=True, text=True, timeout=60
    )
    spent, grown = (float(word) for word in done.stdout.split())
    assert target.stat().st_size < 6 * count
    assert source.stat().st_size < grown < 6 * source.stat().st_size
    assert spent < 5  # a bound for a broken algorithm, not a figure of this machine: it takes 0.15 s
