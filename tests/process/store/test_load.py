"""The store's load client against a server on the loopback: what it measures, checks and accounts for."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import started
from support.store_server import Serve, Server

from orchestrator.apps.params import LoadParams
from orchestrator.apps.store_params import FaultParams, Op, StoreLoadParams, TcpClientEnd
from orchestrator.apps.store_params import Serve as What
from orchestrator.results.books import imbalances
from orchestrator.results.samples import Samples, read_recorder
from orchestrator.results.stats import ProcessStats, read_stats

DEADLINE_S = 40


@pytest.fixture(scope="session")
def store_load(built: Callable[[str], Path]) -> Path:
    return built("store/load/store_load_tcp")


def argv(
    program: Path,
    server: Server,
    folder: Path,
    what: What,
    op: Op,
    *,
    size: int = 4096,
    depth: int = 1,
    rate: float = 0.0,
    write_percent: int = 0,
    window_s: float = 0.3,
    faults: FaultParams | None = None,
) -> list[str]:
    params = StoreLoadParams(
        end=TcpClientEnd(connect=f"{server.address[0]}:{server.address[1]}", mode="poll"),
        what=what,
        op=op,
        write_percent=write_percent,
        file_mb=2,
        faults=faults or FaultParams(),
        load=LoadParams(
            flows=1,
            size=size,
            depth=depth,
            rate=rate,
            warmup_s=0.1,
            window_s=window_s,
            idle="yield",
            tag=7,
            timeout_ms=2000,
            max_samples=1_000_000,
            samples=str(folder / "load.samples.bin"),
            stats=str(folder / "load.stats.json"),
        ),
    )
    return [str(program), *(word for word in params.argv() if word != "--linger")]


def results(folder: Path) -> tuple[Samples, ProcessStats]:
    stats = read_stats(folder / "load.stats.json")
    assert stats is not None
    return read_recorder(folder / "load.samples.bin"), stats


def measured(command: list[str], folder: Path) -> tuple[Samples, ProcessStats]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "@ready" in done.stdout
    samples, stats = results(folder)
    assert imbalances("load", stats) == []
    assert (stats.lost, stats.corrupt, stats.ended) == (0, 0, "done")
    assert len(samples) == stats.sent > 20
    return samples, stats


def files(serve: Serve, tmp_path: Path, *options: str) -> Server:
    backing = tmp_path / "backing"
    backing.mkdir()
    return serve(
        "--serve", "store", "--backing", str(backing), "--durability", "log", "--mode", "poll", "--idle", "yield",
        *options,
    )  # fmt: skip


@pytest.mark.parametrize(("op", "size"), [("read", 4096), ("write", 4096), ("mixed", 65536), ("echo", 64)])
def test_echoes_of_each_shape_are_checked_and_accounted_for(
    store_load: Path, serve: Serve, tmp_path: Path, op: Op, size: int
) -> None:
    server = serve("--serve", "echo", "--mode", "poll", "--idle", "yield")
    measured(argv(store_load, server, tmp_path, "echo", op, size=size, write_percent=50), tmp_path)


@pytest.mark.parametrize(("op", "size", "depth"), [("read", 4096, 1), ("write", 64, 1), ("mixed", 4096, 8)])
def test_a_file_is_read_and_written_and_goes_again(
    store_load: Path, serve: Serve, tmp_path: Path, op: Op, size: int, depth: int
) -> None:
    server = files(serve, tmp_path)
    _, stats = measured(
        argv(store_load, server, tmp_path, "store", op, size=size, depth=depth, write_percent=50), tmp_path
    )
    told = json.loads((tmp_path / "load.stats.json").read_text())
    assert (told["reads"] > 0, told["writes"] > 0) == (op != "write", op != "read")
    assert told["reads"] + told["writes"] == stats.sent + stats.warmup_sent
    assert told["errors"] == {}
    assert list(server.backing.iterdir()) == []


def test_a_delay_of_the_server_is_in_every_sample(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    medians = []
    for delay in ("0", "1000"):
        server = serve("--serve", "echo", "--mode", "poll", "--idle", "yield", "--delay-us", delay)
        samples, _ = measured(argv(store_load, server, tmp_path, "echo", "echo", size=64), tmp_path)
        assert samples.returned.min() >= int(delay) * 1000
        medians.append(float(np.median(samples.returned)))
        server.end()
    assert medians[1] - medians[0] >= 0.9e6


def test_an_open_loop_keeps_its_schedule_or_says_that_it_does_not(
    store_load: Path, serve: Serve, tmp_path: Path
) -> None:
    server = serve("--serve", "echo", "--mode", "poll", "--idle", "yield", "--delay-us", "1000")
    _, stats = measured(argv(store_load, server, tmp_path, "echo", "echo", size=64, rate=200), tmp_path)
    assert stats.loop == "open"
    assert stats.rate_achieved == pytest.approx(200, rel=0.1)
    command = argv(store_load, server, tmp_path, "echo", "echo", size=64, rate=5000)
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    samples, stats = results(tmp_path)
    assert stats.rate_achieved < 1100
    # The wait for a server that is behind counts: it grows with every request.
    assert int(samples.returned[-1]) - int(samples.returned[0]) > 0.15e9


def test_what_the_network_loses_is_sent_again(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = serve("--serve", "echo", "--mode", "poll", "--idle", "yield")
    faults = FaultParams(fault_seed=3, fault_out="drop=0.02", fault_in="drop=0.02")
    command = argv(store_load, server, tmp_path, "echo", "echo", size=64, depth=8, faults=faults, window_s=0.5)
    _, stats = measured(command, tmp_path)
    assert stats.rpc is not None
    assert stats.rpc.retransmitted > 0


def test_a_server_that_dies_ends_the_measurement(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = files(serve, tmp_path)
    command = argv(store_load, server, tmp_path, "store", "write", window_s=30)
    process = started.start(command)
    server.kill()
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "no word from the server" in complaint
    assert read_stats(tmp_path / "load.stats.json") is not None


def test_a_server_that_is_started_anew_ends_the_measurement(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = serve("--serve", "echo")
    process = started.start(argv(store_load, server, tmp_path, "echo", "read", window_s=30))
    server.kill()
    serve("--serve", "echo", address=server.address)
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert complaint.splitlines() == [
        "store_load: the server was started anew, or forgot this client: the measurement ends"
    ]
    _, stats = results(tmp_path)
    assert (stats.ended, stats.sent) == ("server restarted", stats.returned + stats.lost)


def test_blocks_that_change_behind_its_back_are_corrupt(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = files(serve, tmp_path)
    process = started.start(argv(store_load, server, tmp_path, "store", "read", window_s=0.5))
    with (tmp_path / "backing" / "store_load").open("r+b") as file:
        for offset in range(0, 2 << 20, 8192):
            file.seek(offset + 4000)
            file.write(b"?")
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert "answers were wrong" in complaint
    samples, stats = results(tmp_path)
    assert imbalances("load", stats) == []
    assert stats.corrupt >= stats.lost > 0.3 * stats.sent
    assert len(samples.returned) == stats.returned > 0


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_signal_ends_it_early_and_nothing_is_left(store_load: Path, serve: Serve, tmp_path: Path, mode: str) -> None:
    server = files(serve, tmp_path)
    command = argv(store_load, server, tmp_path, "store", "mixed", depth=4, write_percent=50, window_s=30)
    process = started.start([*command, "--mode", mode])
    time.sleep(0.3)
    process.terminate()
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, complaint) == (0, "")
    _, stats = results(tmp_path)
    assert (stats.ended, stats.lost) == ("signal", 0)
    assert stats.returned > 0
    assert list((tmp_path / "backing").iterdir()) == []


def test_a_signal_before_the_file_is_written_leaves_nothing(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = files(serve, tmp_path, "--delay-us", "20000")
    command = argv(store_load, server, tmp_path, "store", "read")
    process = subprocess.Popen([*command, "--file-mb", "500"], stderr=subprocess.PIPE, text=True)
    made = tmp_path / "backing" / "store_load"
    end = time.monotonic() + DEADLINE_S
    while not (made.exists() and made.stat().st_size > 0) and time.monotonic() < end:
        time.sleep(0.01)
    process.terminate()
    _, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "a signal came" in complaint
    assert not made.exists()


@pytest.mark.parametrize("what", ["echo", "store"])
def test_alone_it_measures_itself(store_load: Path, serve: Serve, tmp_path: Path, what: What) -> None:
    server = serve("--serve", "echo")
    command = argv(store_load, server, tmp_path, what, "mixed", depth=4, write_percent=50, window_s=0.1)
    _, stats = measured([*command, "--floor"], tmp_path)
    assert stats.floor


def test_more_than_the_server_takes_is_refused(store_load: Path, serve: Serve, tmp_path: Path) -> None:
    server = serve("--serve", "echo", "--slots", "4")
    done = subprocess.run(
        argv(store_load, server, tmp_path, "echo", "echo", size=64, depth=16),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--slots" in done.stderr
