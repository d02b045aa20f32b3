"""sockperf as a process of a trial: our samples and statistics from its log, over the loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support import started

from orchestrator.apps.params import Mode
from orchestrator.apps.store_params import MeasureParams, SockperfParams
from orchestrator.results.samples import read_recorder
from orchestrator.results.stats import read_stats

SOURCES = Path(__file__).parents[3] / "dpdk_apps"
DEADLINE_S = 20


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("meson", "ninja", "sockperf"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    build = tmp_path_factory.mktemp("sockperf_build")
    options = ["-Ddpdk=disabled", "-Db_sanitize=address,undefined", "-Doptimization=1"]
    name = "store/sockperf/store_sockperf"
    for command in (["meson", "setup", str(build), str(SOURCES), *options], ["ninja", "-C", str(build), name]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / name


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def argv(program: Path, folder: Path, role: str, port: int, mode: Mode = "block") -> list[str]:
    name = "pong" if role == "server" else "ping"
    measure = MeasureParams(warmup_s=0.5, window_s=0.3, samples=str(folder / f"{name}.samples.bin"))
    params = SockperfParams(
        role="server" if role == "server" else "ping-pong",
        address="127.0.0.1",
        port=port,
        mode=mode,
        size=64,
        measure=None if role == "server" else measure,
        stats=str(folder / f"{name}.stats.json"),
    )
    return [str(program), *params.argv()]


def test_both_ends_leave_what_a_trial_needs_and_no_log(program: Path, tmp_path: Path, port: int) -> None:
    server = started.start(argv(program, tmp_path, "server", port))
    ping = started.start(argv(program, tmp_path, "ping-pong", port))
    assert ping.stdout is not None
    assert "@done" in ping.stdout.readline()
    for process in (ping, server):
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0, process.communicate()[1]
    stats = read_stats(tmp_path / "ping.stats.json")
    assert stats is not None
    samples = read_recorder(tmp_path / "ping.samples.bin")
    assert stats.sent == stats.returned == len(samples) > 100
    assert (stats.loop, stats.depth, stats.role) == ("closed", 1, "generator")
    assert stats.warmup_sent > 0
    assert 0.2 < stats.window_actual_s < 0.4
    assert 1_000 < samples.returned.mean() < 10_000_000
    assert json.loads((tmp_path / "pong.stats.json").read_text())["role"] == "sut"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ping.samples.bin",
        "ping.stats.json",
        "pong.stats.json",
    ]


def test_a_stop_ends_sockperf_too(program: Path, tmp_path: Path, port: int) -> None:
    server = started.start(argv(program, tmp_path, "server", port))
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    assert len(children) == 1
    server.send_signal(signal.SIGTERM)
    assert server.wait(DEADLINE_S) == 0
    assert not Path(f"/proc/{children[0]}").exists()


@pytest.mark.parametrize("role", ["server", "ping-pong"])
def test_a_host_without_sockperf_says_what_to_install(program: Path, tmp_path: Path, port: int, role: str) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        argv(program, tmp_path, role, port),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "store_sockperf: cannot run sockperf: No such file or directory: install the package sockperf\n"
    )


def test_a_ping_without_a_server_fails_and_leaves_no_samples(program: Path, tmp_path: Path, port: int) -> None:
    done = subprocess.run(
        argv(program, tmp_path, "ping-pong", port), capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert done.returncode == 1
    assert "sockperf measured nothing" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused(program: Path, tmp_path: Path, port: int) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = subprocess.run(
            argv(program, tmp_path, "server", port), capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
    assert done.returncode == 1
    assert f"somebody listens on port {port} already" in done.stderr
