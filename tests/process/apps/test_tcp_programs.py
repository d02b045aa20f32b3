"""The TCP programs end to end on loopback, built with sanitizers: every process here is the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tcp_programs import DEADLINE_S, echoes, generator, left, run, start


def test_unit_tests_of_the_c_code_pass(out: Path) -> None:
    done = subprocess.run(
        ["meson", "test", "-C", str(out), "--print-errorlogs"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize(("loop", "value", "flows"), [("--depth", "1", 1), ("--depth", "9", 24), ("--rate", "2000", 4)])
def test_every_message_is_accounted_for_at_both_ends(
    out: Path, tmp_path: Path, mode: str, loop: str, value: str, flows: int
) -> None:
    with echoes(out, tmp_path, mode) as echo:
        done = run(
            out, "tcp_traffic", *generator(tmp_path, echo.port, "--mode", mode, "--flows", str(flows), loop, value)
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("@ready hz=")
    it = left(tmp_path)
    stats = it.stats
    assert stats["sent"] > 20
    assert min(it.trips) > 0
    assert {
        k: stats[k] for k in ("lost", "duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short")
    } == (dict.fromkeys(("lost", "duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short"), 0))
    assert (stats["app"], stats["role"], stats["loop"]) == (
        "tcp_traffic",
        "generator",
        "open" if loop == "--rate" else "closed",
    )
    assert stats["window_actual_s"] == pytest.approx(0.2, abs=0.1)
    assert stats["rate_achieved"] == pytest.approx(stats["returned"] / stats["window_actual_s"])
    assert stats["tcp"]["mss"] > 0
    assert stats["threads"][0]["name"] == "tcp_traffic"
    if loop == "--rate":
        # 2,000 a second for 0.05 + 0.2 s, whichever of them a busy machine let go before the window began.
        assert stats["warmup_sent"] + stats["sent"] + stats["unsent"] == pytest.approx(500, abs=1)
    workers = echo.stats(tmp_path)
    queue = stats["queues"][0]
    assert sum(w["queues"][0]["rx_packets"] for w in workers) == queue["tx_packets"] == queue["rx_packets"]
    assert queue["tx_packets"] == stats["sent"] + stats["warmup_sent"]
    assert sorted(w["connections"] for w in workers) == ([0, 1] if flows == 1 else [flows / 2] * 2)
    for worker in workers:
        assert worker["spread"] == "source port"
        assert worker["accounting"] == {
            "in": worker["queues"][0]["rx_packets"], "out": worker["queues"][0]["tx_packets"], "drops": 0,
        }  # fmt: skip


def test_a_delay_of_the_server_shows_in_every_sample(out: Path, tmp_path: Path) -> None:
    with echoes(out, tmp_path, "block", "--delay-us", "2000", workers=1) as echo:
        done = run(
            out, "tcp_traffic", *generator(tmp_path, echo.port, "--mode", "block", "--flows", "1", "--depth", "1")
        )
    assert done.returncode == 0, done.stderr
    it = left(tmp_path)
    # 0.5 %: the server measures its clock in 20 ms.
    assert min(it.returned) >= 2_000_000 * 0.995
    assert sorted(it.returned)[len(it.returned) // 2] < 10_000_000


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize("loop", [("--depth", "4"), ("--rate", "5000")])
@pytest.mark.parametrize("connect", [(), ("--connect", "127.0.0.1:1")], ids=["alone", "with an address"])
def test_the_floor_needs_no_server(
    out: Path, tmp_path: Path, mode: str, loop: tuple[str, str], connect: tuple[str, ...]
) -> None:
    done = run(out, "tcp_traffic", *generator(tmp_path, None, "--mode", mode, "--flows", "3", *loop, *connect))
    assert done.returncode == 0, done.stderr
    it = left(tmp_path)
    assert it.stats["floor"] is True
    assert it.stats["lost"] == 0
    assert it.stats["sent"] > 100


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_signal_ends_the_window_cleanly(out: Path, tmp_path: Path, mode: str) -> None:
    with echoes(out, tmp_path, mode, workers=1) as echo:
        arguments = generator(tmp_path, echo.port, "--mode", mode, "--flows", "1", "--rate", "100", window=10)
        traffic = start(out, "tcp_traffic", *arguments)
        with pytest.raises(subprocess.TimeoutExpired):
            traffic.communicate(timeout=0.3)
        traffic.send_signal(signal.SIGTERM)
        _, complaint = traffic.communicate(timeout=DEADLINE_S)
    assert (traffic.returncode, complaint) == (0, "")
    it = left(tmp_path)
    assert it.stats["ended"] == "signal"
    assert it.stats["lost"] == 0
    assert 0.1 < it.stats["window_actual_s"] < 9


def test_a_full_recorder_cuts_the_window(out: Path, tmp_path: Path) -> None:
    arguments = generator(tmp_path, None, "--mode", "poll", "--flows", "1", "--depth", "1", "--max-samples", "100")
    done = run(out, "tcp_traffic", *arguments, "--warmup", "0")
    assert done.returncode == 0, done.stderr
    stats = left(tmp_path).stats
    assert (stats["sent"], stats["recorder_full"], stats["ended"]) == (100, True, "recorder full")
    assert stats["window_actual_s"] < 0.2


@pytest.mark.parametrize(
    ("program", "arguments", "complaint"),
    [
        ("tcp_traffic", [], "--connect is missing"),
        ("tcp_traffic", ["--nonsense"], "--nonsense is no option of this program"),
        ("tcp_traffic", ["--flows"], "--flows needs a value"),
        ("tcp_traffic", ["--size", "7"], "--size '7': write a whole number from 8 to 65536"),
        ("tcp_traffic", ["--floor", "--mode", "sleep"], "--mode 'sleep': write block or poll"),
        ("tcp_echo", [], "--listen is missing"),
        ("tcp_echo", ["--listen", "localhost:7"], "--listen 'localhost:7': write an IPv4 address and a port"),
        ("tcp_echo", ["--listen", "127.0.0.1:7", "--worker", "2", "--workers", "2"], "--worker 2: there are 2 workers"),
        ("cacheline_probe", [], "--cpus is missing"),
        ("cacheline_probe", ["--cpus", "1,1"], "--cpus '1,1': a line does not travel within one CPU"),
        ("cacheline_probe", ["--cpus", "1"], "--cpus '1': write two CPUs"),
    ],
)
def test_wrong_use_is_one_clear_line(out: Path, program: str, arguments: list[str], complaint: str) -> None:
    done = run(out, program, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{program}: {complaint}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", ["tcp_traffic", "tcp_echo", "cacheline_probe"])
def test_help_names_every_option_on_stdout(out: Path, program: str) -> None:
    done = run(out, program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{program}: ")


def test_the_probe_times_a_cache_line(out: Path) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("this machine lets us use one CPU only")
    done = run(out, "cacheline_probe", "--cpus", f"{cpus[0]},{cpus[-1]}", "--ms", "20")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["cpus"] == [cpus[0], cpus[-1]]
    # Light needs a nanosecond for a chip and back; 20 us would be a switch between threads.
    assert 5 < figures["round_trip_ns_p10"] <= figures["round_trip_ns_p50"] < 20_000
    assert figures["rounds"] > 100
