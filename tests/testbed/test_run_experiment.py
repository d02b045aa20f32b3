"""Whole runs that go their way: what they leave in their folder, what they leave on hosts, and quiet windows."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pandas
import pytest
from namespace_hosts import left_of
from support.run_bed import SMALL, Bed, alone, cpu_ticks, pool_pages
from support.tool import eventually, run_tool

from orchestrator.testbeds import namespaces
from orchestrator.testbeds.topology import interface_prefix

pytestmark = pytest.mark.timeout(300)

COLUMNS = (
    "scenario,transport,link,driver,params,n,trials,valid_trials,p50_us,p90_us,p99_us,p999_us,max_us,ops_per_s,lost,"
    "verdict"
)
DEFAULT_ROWS = {
    ("dpdk", "memif", 1, "memif"),
    ("dpdk", "memif", 2, "memif"),
    ("dpdk", "veth", 1, "af_packet"),
    ("dpdk", "veth", 2, "tap"),
    ("tcp", "veth", 1, "kernel"),
    ("tcp", "veth", 2, "kernel+bridge"),
    ("tcp-poll", "veth", 1, "kernel"),
    ("tcp-poll", "veth", 2, "kernel+bridge"),
}


def test_a_default_run_leaves_everything_and_takes_everything_back(bed: Bed) -> None:
    namespaces.down(bed.name)
    pages = pool_pages()

    ended = bed.run("processes=1,2", "window_s=0.3", within_s=180)

    assert ended.code == 0, ended.stderr
    run_id = ended.stderr.split("run ", 1)[1][:8]
    result = bed.result(run_id)
    assert Path(ended.stdout.splitlines()[-1]).resolve() == result.root
    for word in ("dpdk over memif", "tcp-poll over veth", "p99.9", "floor of the dpdk generator"):
        assert word in ended.stdout

    assert (result.root / "summary.csv").read_text().splitlines()[0] == COLUMNS
    rows = {
        (row["transport"], row["link"], json.loads(row["params"])["processes"], row["driver"]): row
        for row in result.rows
    }
    assert set(rows) == DEFAULT_ROWS
    for row in rows.values():
        assert row["scenario"] == "smp"
        assert row["trials"] == "1"
        assert int(row["n"]) > 100
        p50, p90, p99 = (float(row[name]) for name in ("p50_us", "p90_us", "p99_us"))
        assert 0 < p50 <= p90 <= p99 <= float(row["max_us"])

    for name in ("ecdf", "ccdf", "shares"):
        assert (result.root / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (result.root / "plots" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    picture = result.root / "plots" / "ecdf.png"
    picture.unlink()
    again = run_tool("plot", str(result.root), results=bed.results)
    assert again.code == 0, again.stderr
    assert str(picture) in again.stdout.splitlines()
    assert picture.read_bytes().startswith(b"\x89PNG")
    for when in ("before", "after"):
        for host in ("alpha", "beta"):
            assert json.loads((result.root / "environment" / when / f"{host}.json").read_text())
    for name in ("plan.json", "inventory.json", "environment/builds.json", "environment/controller.json"):
        assert json.loads((result.root / name).read_text())

    planned = {event["key"] for event in result.events("planned")}
    for kind in ("started", "finished", "verdicts"):
        assert sorted(str(event["key"]) for event in result.events(kind)) == sorted(map(str, planned)), kind
    assert len(result.trials) == len(planned)
    for trial in result.trials:
        record = trial["record"]
        assert record["fault"] == ""
        folder = result.root / "trials" / record["trial"]["key"]
        samples = pandas.read_parquet(folder / "samples.parquet")
        assert list(samples.columns) == ["send_ns", "rtt_ns"]
        assert len(samples) == trial["result"]["sent"] > 0
        assert samples["send_ns"].is_monotonic_increasing
        assert not list(folder.rglob("*.bin"))
        for process in record["trial"]["processes"]:
            argv = (folder / process["host"] / f"{process['name']}.argv").read_text()
            assert argv.startswith(process["argv"][0])
            status = json.loads((folder / process["host"] / f"{process['name']}.status").read_text())
            assert (status["state"], status["exit_code"]) == ("ended", 0)
            assert process["name"] in {outcome["name"] for outcome in record["processes"]}

    journal = [json.loads(line) for line in (result.root / "journal.jsonl").read_text().splitlines()]
    begun, done = ({event["id"] for event in journal if event["event"] == kind} for kind in ("begin", "done"))
    assert begun == done
    assert bed.open_changes() == []
    assert left_of(bed.name) == []
    if alone():
        assert pool_pages() == pages


def test_a_testbed_that_is_to_be_kept_stays_and_one_that_was_there_stays_too(bed: Bed) -> None:
    namespaces.down(bed.name)
    with bed.start(*SMALL[:-1], "window_s=0.05", options=("--keep",)) as tool:
        assert tool.wait().code == 0
    inits = bed.inits()
    assert set(inits) == {"alpha", "beta"}
    status = bed.tool("testbed-status")
    assert status.code == 0, status.stderr
    assert f"testbed {bed.name}" in status.stdout
    assert f"init {inits['alpha']}, sshd answers" in status.stdout
    assert "link mem0 (memif): ok" in status.stdout
    bed.settled()

    assert bed.run(*SMALL[:-1], "window_s=0.05").code == 0
    assert bed.inits() == inits
    bed.settled()


def counters(bed: Bed) -> dict[str, int]:
    """Packets both ways at the machine's ends of the management links."""
    prefix = interface_prefix(bed.name)
    found = {}
    for interface in Path("/sys/class/net").glob(f"{prefix}*"):
        counted = [int((interface / "statistics" / name).read_text()) for name in ("rx_packets", "tx_packets")]
        found[interface.name] = sum(counted)
    assert len(found) == 2
    return found


def test_nothing_is_sent_to_hosts_in_a_window_and_the_controller_sleeps(bed: Bed) -> None:
    before = counters(bed)
    with bed.start("transport=dpdk", "link=memif", "processes=1", "warmup_s=0.5", "window_s=2") as tool:
        trial = bed.wait_for_window(tool)
        ready = time.monotonic()
        threading.Event().wait(0.7)  # the window begins 0.5 s after the ready line: a moment of it, not a sign of it
        begin, ticks = counters(bed), cpu_ticks(tool.process.pid)
        threading.Event().wait(max(0.0, ready + 2.2 - time.monotonic()))
        end, ticks_after = counters(bed), cpu_ticks(tool.process.pid)
        late = time.monotonic() - ready
        status = json.loads((trial / "traffic.status").read_text())
        if late < 2.45:  # the machine let us look in time
            assert status["state"] == "running"
        ended = tool.wait()
    assert ended.code == 0, ended.stderr
    assert end == begin
    assert ticks_after - ticks <= os.sysconf("SC_CLK_TCK") // 50
    after = counters(bed)
    for interface, packets in before.items():
        assert begin[interface] > packets  # the same counters do see what is said before the window
        assert after[interface] > end[interface]  # and after it
    eventually(lambda: not bed.strangers(), 5.0, "nothing of ours on the hosts")


def test_one_process_owns_a_veth_through_af_xdp_where_the_inventory_says_so(bed: Bed) -> None:
    text = bed.inventory.read_text()
    changed = text.replace("{name: data0, interface: data0}", "{name: data0, interface: data0, vdev: af_xdp}")
    assert changed.count("af_xdp") == 2
    other = bed.folder / "af_xdp.yml"
    other.write_text(changed)
    ended = bed.run("transport=dpdk", "link=veth", "processes=1", "window_s=0.3", inventory=other)
    assert ended.code == 0, ended.stderr
    assert "dpdk over veth (af_xdp)" in ended.stdout
    (row,) = bed.result(ended.stderr.split("run ", 1)[1][:8]).rows
    assert row["driver"] == "af_xdp"
    assert int(row["n"]) > 100
    assert row["lost"] == "0"
    assert "accounting" not in row["verdict"]  # the driver keeps buffers of its own, which is known
    bed.settled()
