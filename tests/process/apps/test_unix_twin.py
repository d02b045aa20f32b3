"""The TCP programs over Unix sockets, and with messages that are too short for a header."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tcp_programs import DEADLINE_S, echoes, generator, left, run, start

WRONG = ("lost", "duplicates", "late", "unknown", "reordered", "corrupt", "foreign", "short")


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize("size", ["8", "31", "32", "2048"])
@pytest.mark.parametrize("unix", [True, False], ids=["unix", "tcp"])
def test_every_message_is_accounted_for(out: Path, tmp_path: Path, mode: str, size: str, unix: bool) -> None:
    where = f"unix:{tmp_path}/echo"
    listen, connect = (("--listen", where), ("--connect", where, "--workers", "2")) if unix else ((), ())
    with echoes(out, tmp_path, mode, "--size", size, *listen) as echo:
        more = ("--mode", mode, "--flows", "4", "--depth", "5", "--size", size, *connect)
        done = run(out, "tcp_traffic", *generator(tmp_path, echo.port, *more))
    assert (done.returncode, done.stderr) == (0, "")
    stats = left(tmp_path).stats
    assert stats["sent"] > 20
    assert {name: stats[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    driver = "unix" if unix else "tcp"
    assert stats["queues"][0]["driver"] == driver
    workers = echo.stats(tmp_path)
    assert [worker["queues"][0]["driver"] for worker in workers] == [driver] * 2
    assert [worker["connections"] for worker in workers] == [2, 2]
    assert sum(worker["accounting"]["in"] for worker in workers) == stats["queues"][0]["tx_packets"]
    assert all(worker["queues"][0]["rx_packets"] > 0 for worker in workers)
    assert list(tmp_path.glob("echo.*")) == [], "a socket's file goes with its worker"


def test_nobody_at_a_path_is_one_clear_line(out: Path, tmp_path: Path) -> None:
    more = ("--mode", "block", "--flows", "1", "--depth", "1", "--connect", f"unix:{tmp_path}/none")
    done = run(out, "tcp_traffic", *generator(tmp_path, 1, *more))
    assert done.returncode == 1
    assert done.stderr == f"tcp_traffic: connection 0 to unix:{tmp_path}/none.0: No such file or directory\n"


def test_a_path_that_is_taken_is_one_clear_line(out: Path, tmp_path: Path) -> None:
    name = f"unix:@dpdk-apps-{tmp_path.name}"
    options = ("--listen", name, "--worker", "0", "--workers", "1", "--mode", "block", "--size", "8", "--stats")
    first = start(out, "tcp_echo", *options, str(tmp_path / "first.json"))
    second = run(out, "tcp_echo", *options, str(tmp_path / "second.json"))
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=DEADLINE_S)
    assert second.returncode == 1
    assert second.stderr == f"tcp_echo: cannot listen on {name}.0: Address already in use\n"
