"""The model checker on stores that are mounted over a network that loses, repeats and breaks packets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.store_mount import Join, serve_files
from support.store_server import Serve
from torture.__main__ import SHARE_LEAST
from torture.checker import KINDS
from torture.runs import run_all

OPERATIONS = int(os.environ.get("STORE_TORTURE", "6000"))
"""More by the environment: docs/store-tests.md."""
JOBS = 16
DEADLINE_S = 90 + OPERATIONS / 200
FAULTS = "drop=0.1,duplicate=0.05,reorder=0.05,corrupt=0.01"


@pytest.mark.timeout(DEADLINE_S + 60)
def test_all_is_there_once_though_a_tenth_of_the_packets_is_lost(serve: Serve, join: Join, backing: Path) -> None:
    mounted = join(serve_files(serve, backing), "--fault-out", FAULTS, "--fault-in", FAULTS, "--fault-seed", "5")
    report = run_all(str(mounted.at), 5, OPERATIONS, JOBS, deadline_s=DEADLINE_S)
    assert report.unknown == 0
    assert all(report.share(kind) >= SHARE_LEAST for kind in KINDS)
    assert mounted.end() == (0, "")
    counts = mounted.counts()
    for faults in counts["faults"].values():
        assert all(faults[kind] > faults["packets"] / 200 for kind in ("drop", "duplicate", "reorder", "corrupt"))
    assert counts["rpc"]["retransmitted"] > OPERATIONS / 20
    assert counts["rpc"]["deadlines"] == 0
