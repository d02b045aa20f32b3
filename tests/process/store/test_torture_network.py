"""The model checker on stores that are mounted over a network that loses, repeats and breaks packets, and on ones whose
server is killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.store_mount import Join, serve_files
from support.store_server import Serve
from torture.__main__ import SHARE_LEAST
from torture.checker import KINDS
from torture.runs import How, run_all

OPERATIONS = int(os.environ.get("STORE_TORTURE", "6000"))
"""More by the environment: docs/store-tests.md."""
JOBS = 16
KILLS_LEAST = 5
TESTS = Path(__file__).parents[2]
DEADLINE_S = 90 + OPERATIONS / 200
FAULTS = "drop=0.1,duplicate=0.05,reorder=0.05,corrupt=0.01"


@pytest.mark.timeout(DEADLINE_S + 60)
def test_all_is_there_once_though_a_tenth_of_the_packets_is_lost(serve: Serve, join: Join, backing: Path) -> None:
    mounted = join(serve_files(serve, backing), "--fault-out", FAULTS, "--fault-in", FAULTS, "--fault-seed", "5")
    report = run_all(str(mounted.at), 5, OPERATIONS, JOBS, How(deadline_s=DEADLINE_S))
    assert report.unknown == 0
    assert all(report.share(kind) >= SHARE_LEAST for kind in KINDS)
    assert mounted.end() == (0, "")
    counts = mounted.counts()
    for faults in counts["faults"].values():
        assert all(faults[kind] > faults["packets"] / 200 for kind in ("drop", "duplicate", "reorder", "corrupt"))
    assert counts["rpc"]["retransmitted"] > OPERATIONS / 20
    assert counts["rpc"]["deadlines"] == 0


@pytest.mark.timeout(DEADLINE_S + 60)
def test_all_is_there_once_though_the_server_is_killed_again_and_again(serve: Serve, join: Join, backing: Path) -> None:
    server = serve_files(serve, backing, "--durability", "log")
    mounted = join(server)
    # A process of its own: whoever forks with files of the mount open waits for the server when the child closes them.
    words = ("--seed", "6", "--operations", str(OPERATIONS), "--jobs", "4", "--compare-every", "500", "--restarts")
    command = [sys.executable, "-m", "torture", "--folder", str(mounted.at), *words, "--deadline-s", str(DEADLINE_S)]
    checker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=TESTS)
    kills, rng = 0, random.Random(6)  # noqa: S311 (no secret)
    while checker.poll() is None:
        time.sleep(rng.uniform(0.05, 0.5))
        server.kill()
        server = serve_files(serve, backing, "--durability", "log", address=server.address)
        kills += 1
    assert checker.returncode == 0, checker.communicate()[0]
    assert kills >= KILLS_LEAST
