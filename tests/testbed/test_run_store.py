"""Whole runs of the scenario `store`: every stage over every transport, faults, durability, what is left behind."""

from __future__ import annotations

import csv
import json

import pytest
from support.run_bed import Bed, Result

pytestmark = pytest.mark.timeout(400)

SERIES = {
    ("dpdk", "memif", "memif"),
    ("dpdk", "veth", "af_packet"),
    ("tcp", "veth", "kernel"),
    ("tcp-poll", "veth", "kernel"),
}
QUICK = ("window_s=0.2", "warmup_s=0.2")


def run(bed: Bed, *settings: str) -> Result:
    with bed.start(*settings, scenario="store") as tool:
        ended = tool.wait(300)
    assert ended.code == 0, ended.stderr
    return bed.result(ended.stderr.split("run ", 1)[1][:8])


def protocol(result: Result) -> list[dict[str, str]]:
    with (result.root / "protocol.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def verdicts(trial: dict) -> set[str]:
    """But for those that this machine's other work makes: who waits long for its CPU seems to have lost something, to
    the kernel's timers over TCP and to the protocol's over DPDK."""
    names = {verdict["name"] for verdict in trial["result"]["verdicts"]}
    waited = {"retransmissions", "requests repeated"}
    return names - waited - {"drift", "invalid: placement changed", "placements differ", "oversubscribed"}


def test_every_stage_over_every_transport_is_measured_and_its_books_balance(bed: Bed) -> None:
    result = run(bed, *QUICK, "durability=memory", "op=write,echo")
    found = {
        ((row["transport"], row["link"], row["driver"]), json.loads(row["params"])["stage"]) for row in result.rows
    }
    assert found == {
        *((series, stage) for series in SERIES for stage in ("transport", "store", "all", "floor")),
        (("none", "none", "fuse"), "fuse"),
    }
    for trial in result.trials:
        planned = trial["record"]["trial"]
        assert verdicts(trial) == set(), (planned["transport"], planned["params"], trial["result"]["verdicts"])
        assert trial["result"]["n"] > 10
    for row in protocol(result):
        assert row["deadlines"] == "0", row
        assert int(row["retransmitted"]) * 100 <= int(row["tx"]), row
    for name in ("stages", "ecdf", "ccdf"):
        assert (result.root / "plots" / f"{name}.png").exists(), name
    for path in result.root.glob("trials/*/*/*"):
        assert path.is_file()  # neither what the store kept nor a mount point was fetched
    bed.settled()
    for host in ("alpha", "beta"):
        assert "dporch-" not in bed.on_host(host, "ls", "/dev/shm")
        assert "fuse.store" not in bed.on_host(host, "cat", "/proc/self/mounts")


def test_stable_storage_is_slower_than_memory_through_the_mount(bed: Bed) -> None:
    result = run(bed, *QUICK, "transport=tcp-poll", "stage=all", "op=write")
    p50 = {json.loads(row["params"])["durability"]: float(row["p50_us"]) for row in result.rows}
    assert p50["dsync"] > p50["memory"]


@pytest.mark.parametrize("transport", ["dpdk", "tcp"])
def test_faults_are_told_and_not_flagged_and_nothing_is_lost(bed: Bed, transport: str) -> None:
    fault = "drop=0.02+duplicate=0.01"
    settings = (f"transport={transport}", "link=veth", "stage=store,all", "op=write", "durability=memory")
    result = run(bed, *QUICK, *settings, f"fault={fault}")
    for trial in result.trials:
        if not trial["result"]["floor"]:
            assert verdicts(trial) == {"faults as asked"}, trial["result"]["verdicts"]
    assert all(row["lost"] == "0" for row in result.rows)
    clients = [row for row in protocol(result) if row["process"] in {"load", "mount"}]
    assert clients
    for row in clients:
        assert json.loads(row["faults_out"])["drop"] > 0
        assert int(row["retransmitted"]) > 0


def test_mixed_operations_at_depth_and_at_a_rate(bed: Bed) -> None:
    settings = ("transport=tcp-poll", "stage=store,all", "op=mixed", "write_percent=20", "durability=log", "depth=4")
    result = run(bed, *QUICK, *settings, "rate=0,500")
    loops = {(json.loads(row["params"])["stage"], json.loads(row["params"])["rate"]) for row in result.rows}
    assert loops == {("store", 0.0), ("store", 500.0), ("all", 0.0)}
    for trial in result.trials:
        assert verdicts(trial) <= {"invalid: load not reached"}, trial["result"]["verdicts"]


def test_large_packets_where_the_link_carries_them(bed: Bed) -> None:
    """A value of 64 KiB takes eight packets of 9000 bytes, where it takes 47 of 1500."""
    text = bed.inventory.read_text()
    assert text.count("{name: veth0, kind: veth,") == 1
    bed.inventory.write_text(text.replace("{name: veth0, kind: veth,", "{name: veth0, kind: veth, mtu: 9000,"))
    try:
        result = run(
            bed, *QUICK, "transport=dpdk,tcp-poll", "link=veth", "mtu=9000", "stage=store", "op=read", "size=65536",
            "durability=memory",
        )  # fmt: skip
    finally:
        bed.inventory.write_text(text)
    assert {row["transport"] for row in result.rows} == {"dpdk", "tcp-poll"}
    for trial in result.trials:
        assert verdicts(trial) == set(), trial["result"]["verdicts"]
    (client,) = (row for row in protocol(result) if row["process"] == "load" and row["transport"] == "dpdk")
    (measured,) = (row for row in result.rows if row["transport"] == "dpdk")
    # The window is half of what was read; of packets of 1500 there would be 90 and more.
    assert 8 < int(client["rx"]) / int(measured["n"]) < 30
