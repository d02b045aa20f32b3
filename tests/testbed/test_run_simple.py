"""Runs of the scenario `simple` over SSH: DPDK and its twins, and trials in which a secondary dies."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas
import pytest
from support.run_bed import Bed, Result
from support.tool import Ended

pytestmark = pytest.mark.timeout(300)


def run(bed: Bed, *settings: str, trials: int = 1) -> tuple[Ended, Result]:
    """Do a run of `simple`; the folder that it left."""
    words = [word for setting in settings for word in ("--set", setting)]
    ended = bed.tool("run-experiment", "--once", "--scenario", "simple", "--trials", str(trials), *words, within_s=120)
    run_id = ended.stderr.split("run ", 1)[1][:8]
    (root,) = bed.results.glob(f"simple/*-{run_id}")
    return ended, Result(root)


def measured(result: Result) -> list[dict[str, Any]]:
    return [trial for trial in result.trials if not trial["result"]["floor"]]


def stats_of(result: Result, trial: dict[str, Any], process: str) -> dict[str, Any]:
    path = result.root / "trials" / trial["record"]["trial"]["key"] / "beta" / f"{process}.stats.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_rings_tcp_and_unix_sockets_are_measured_by_the_same_program(bed: Bed) -> None:
    ended, result = run(bed, "transport=dpdk,tcp,unix-poll", "ring=mp_mc,hts", "placement=apart", "size=8,2048",
                        "window_s=0.3")  # fmt: skip
    assert ended.code == 0, ended.stderr
    rows = {(row["transport"], row["link"], row["driver"], json.loads(row["params"])["size"]) for row in result.rows}
    series = {("dpdk", "shm", "mp_mc"), ("dpdk", "shm", "hts"), ("tcp", "loopback", "kernel"),
              ("unix-poll", "unix", "kernel")}  # fmt: skip
    assert rows == {(*each, size) for each in series for size in (8, 2048)}
    for trial in measured(result):
        told, record = trial["result"], trial["record"]["trial"]
        assert told["n"] + told["lost"] == told["sent"]
        assert told["n"] > 0
        wrong = [verdict["name"] for verdict in told["verdicts"]]
        assert not {"invalid: accounting", "reordered", "duplicates", "invalid: wrong cpu"} & set(wrong), wrong
        folder = result.root / "trials" / record["key"]
        samples = pandas.read_parquet(folder / "samples.parquet")
        assert not list(folder.rglob("*.bin"))
        if record["transport"] != "dpdk":
            assert told["oneway"] is None
            continue
        there = pandas.read_parquet(folder / "oneway.parquet")
        assert len(there) == len(samples)
        assert (there["rtt_ns"].isna() == samples["rtt_ns"].isna()).all()
        assert (there["rtt_ns"] <= samples["rtt_ns"])[samples["rtt_ns"].notna()].all()
        assert 0 < told["oneway"]["p50_ns"] < told["latency"]["p50_ns"]
        assert told["pools"] == [{"process": "primary", "size": 2047, "in_use": 0, "explained": {}}]
    with (result.root / "oneway.csv").open(newline="") as file:
        oneway = list(csv.DictReader(file))
    assert {row["driver"] for row in oneway} == {"mp_mc", "hts"}
    assert all(0 < float(row["oneway_p50_us"]) < float(row["p50_us"]) for row in oneway)
    assert "oneway" not in (result.root / "summary.csv").read_text().splitlines()[0]
    assert "of which the way there alone" in ended.stdout
    for name in ("ecdf", "ccdf", "size", "ring", "oneway", "shares"):
        assert (result.root / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "floor of the dpdk generator" in ended.stdout
    assert "not resolvable" not in next(line for line in ended.stdout.splitlines() if "floor of the dpdk" in line)
    bed.settled()


def test_the_default_run_has_rows_that_count_on_two_cpus(bed: Bed) -> None:
    ended, result = run(bed, "size=64", "window_s=0.05", "ring=mp_mc", "transport=dpdk,unix")
    assert ended.code == 0, ended.stderr
    by_placement = {
        (trial["record"]["trial"]["transport"], trial["record"]["trial"]["params"]["placement"]): {
            verdict["name"] for verdict in trial["result"]["verdicts"]
        }
        for trial in measured(result)
    }
    assert set(by_placement) == {(t, p) for t in ("dpdk", "unix") for p in ("apart", "shared")}
    for (_, placement), verdicts in by_placement.items():
        assert ("oversubscribed" in verdicts) == (placement == "shared")


def left_on_host(bed: Bed) -> list[Path]:
    """Files in huge pages, which outlive whoever leaves them."""
    listed = bed.on_host("beta", "sh", "-c", "ls /dev/hugepages")
    return [Path(name) for name in listed.split()]


DYING = ("transport=dpdk", "ring=mp_mc", "placement=apart", "size=8", "depth=4", "secondaries=2", "window_s=1")


def test_a_secondary_that_is_killed_is_named_and_what_it_leaked_is_counted(bed: Bed) -> None:
    ended, result = run(bed, *DYING, "die=holding")
    assert ended.code == 0, ended.stderr
    (trial,) = measured(result)
    assert trial["record"]["fault"] == ""
    names = [verdict["name"] for verdict in trial["result"]["verdicts"]]
    # Three processes on two CPUs: that alone keeps the trial from counting.
    assert {name for name in names if name.startswith("invalid")} <= {"invalid: placement changed"}
    assert {"killed as asked", "buffers leaked"} <= set(names)
    (row,) = result.rows
    assert "killed as asked" in row["verdict"]
    assert "buffers leaked" in row["verdict"]
    primary = stats_of(result, trial, "primary")
    leaked = primary["pool"]["explained"]["killed"]
    assert 1 <= leaked == primary["pool"]["in_use_at_end"] <= 4
    assert f"{leaked} of 2047 (killed)" in str(trial["result"]["verdicts"])
    served = {entry["proc_id"]: entry for entry in primary["secondaries"]}
    assert served[2]["killed"]
    assert primary["ended"] == "done", "the other secondary was served to the end of the window"
    assert stats_of(result, trial, "secondary1")["accounting"]["out"] == served[1]["returned"] > 0
    assert trial["result"]["window_actual_s"] == pytest.approx(1, rel=0.01)
    bed.settled()
    assert left_on_host(bed) == []


def test_rows_in_which_somebody_dies_run_all_their_trials_beside_the_others(bed: Bed) -> None:
    ended, result = run(bed, "transport=dpdk,unix", "ring=mp_mc", "placement=apart", "size=8", "depth=4",
                        "secondaries=1,2", "window_s=0.1", "die=none,holding", trials=4)  # fmt: skip
    assert ended.code == 0, ended.stderr
    assert "left out: die=holding is a fault of a secondary, which unix has none of\n" in ended.stderr
    assert len(result.rows) == 6
    for row in result.rows:
        assert row["trials"] == "4"
        assert "planned trials ran" not in row["verdict"]
        dies = json.loads(row["params"])["die"] == "holding"
        assert ("killed as asked" in row["verdict"]) == dies
    bed.settled()


@pytest.mark.parametrize("where", ["enqueue", "dequeue"])
def test_a_trial_with_a_ring_that_is_stuck_ends_with_that_verdict(bed: Bed, where: str) -> None:
    ended, result = run(bed, *DYING, f"die={where}")
    assert ended.code == 0, ended.stderr
    (trial,) = measured(result)
    names = [verdict["name"] for verdict in trial["result"]["verdicts"]]
    assert "invalid: ring stuck" in names
    assert "killed as asked" in names
    assert "invalid: app died" not in names
    assert "invalid: ring stuck" in ended.stdout
    primary = stats_of(result, trial, "primary")
    assert primary["ended"] == "ring stuck"
    # It died half a second into the window, and that was noticed within a second.
    assert trial["result"]["window_actual_s"] < 1.0
    assert trial["record"]["phases"]["window"] < 0.2 + 1 + 0.5
    bed.settled()
    assert left_on_host(bed) == []
