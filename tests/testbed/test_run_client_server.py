"""Whole runs of client-server over SSH: every form of it, a sleeper among two clients, and a server that is killed."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from support.run_bed import Bed, Result

pytestmark = pytest.mark.timeout(300)

SCENARIO = "client-server"


def run(bed: Bed, *settings: str, within_s: float = 180) -> Result:
    """Do a run to its end; its result."""
    with bed.start(*settings, scenario=SCENARIO) as tool:
        ended = tool.wait(within_s)
        run_id = tool.run_id
    assert ended.code == 0, ended.stderr
    return bed.result(run_id)


def fates(result: Result, **wanted: object) -> dict[str, dict[str, Any]]:
    """What became of the packets of each process, of the row with these values."""
    found = {}
    for line in result.fates:
        values = {**line, **json.loads(line["params"])}
        if all(values[key] == value for key, value in wanted.items()):
            counts = {key: int(line[key]) for key in ("in", "out", "dropped")}
            assert counts["in"] == counts["out"] + counts["dropped"]
            found[line["process"]] = {**counts, **json.loads(line["reasons"])}
    return found


def test_every_form_runs_and_every_packet_is_accounted_for(bed: Bed) -> None:
    result = run(bed, "clients=2", "depth=4", "window_s=0.3")
    rows = {(row["transport"], row["link"], row["driver"].split()[1]): row for row in result.rows}
    assert set(rows) == {
        ("dpdk", "memif", "round-robin"),
        ("dpdk", "memif", "flow"),
        ("dpdk", "veth", "round-robin"),
        ("dpdk", "veth", "flow"),
        ("tcp", "veth", "handoff"),
        ("tcp", "veth", "relay"),
        ("tcp-poll", "veth", "handoff"),
        ("tcp-poll", "veth", "relay"),
    }
    for (transport, link, dispatch), row in rows.items():
        assert int(row["n"]) > 20
        assert int(row["lost"]) == 0
        assert "accounting" not in row["verdict"]
        of = fates(result, transport=transport, link=link, driver=row["driver"])
        first, second = ("client0", "client1") if transport == "dpdk" else ("worker0", "worker1")
        centre = "server" if transport == "dpdk" else "dispatcher"
        assert set(of) == {f"{centre}/{first}", f"{centre}/{second}", centre, first, second}
        if dispatch == "handoff":
            assert of[centre]["in"] == 64  # connections: it never sees a message
        else:
            assert of[centre]["out"] == of[first]["in"] + of[second]["in"]
        if dispatch in {"round-robin", "relay"}:
            assert abs(of[first]["in"] - of[second]["in"]) <= 1
    assert len({row["params"] for row in result.rows}) == 1, "all share one panel"
    for trial in result.trials:
        assert trial["record"]["fault"] == ""
        assert not [v for v in trial["result"]["verdicts"] if v["name"] == "invalid: accounting"]
        for pool in trial["result"]["pools"]:
            assert (pool["in_use"], pool["explained"]) == (0, {})
    for plot in ("ecdf", "fates"):
        assert (result.root / "plots" / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
    bed.settled()


def test_a_sleeping_client_loses_its_packets_for_reasons_and_the_other_keeps_its_rate(bed: Bed) -> None:
    """Half of 10,000 a second is what each client carries; the sleeper takes 32 in 20 ms."""
    result = run(
        bed,
        *("transport=dpdk", "link=memif", "dispatch=round-robin", "clients=2", "rate=10000", "window_s=0.8"),
        *("sleep_us=0,20000", "sleeping_client=1", "drain_us=100", "ring_size=1024"),
    )
    awake = fates(result, sleep_us=0)
    assert (awake["client0"]["dropped"], awake["client1"]["dropped"], awake["server"]["dropped"]) == (0, 0, 0)
    of = fates(result, sleep_us=20000)
    # The other one carries all of its half, as it did before.
    assert of["client0"] == {"in": of["server/client0"]["in"], "out": of["server/client0"]["in"], "dropped": 0}
    assert of["client0"]["out"] == pytest.approx(awake["client0"]["out"], rel=0.05)
    sleeper = of["server/client1"]
    assert sleeper["in"] == pytest.approx(of["server/client0"]["in"], abs=1)
    assert sleeper.get("ring_full", 0) + sleeper.get("bulk_refused", 0) > sleeper["in"] / 4
    assert of["server"]["dropped"] == sleeper["dropped"]
    assert of["client1"]["in"] == sleeper["out"]
    slept = next(row for row in result.rows if json.loads(row["params"])["sleep_us"])
    for mark in ("losses", "drops"):
        assert mark in slept["verdict"]
    assert int(slept["lost"]) > 0
    bed.settled()


def test_a_server_that_is_killed_ends_its_clients_and_the_trial_says_so(bed: Bed) -> None:
    settings = ("transport=dpdk", "link=memif", "dispatch=flow", "clients=2", "window_s=2")
    with bed.start(*settings, scenario=SCENARIO, trials=2) as tool:
        bed.wait_for_window(tool)
        os.kill(bed.wait_for_process(tool, "mp_server").pid, signal.SIGKILL)
        ended = tool.wait()
        run_id = tool.run_id
    assert ended.code == 9, ended.stderr
    result = bed.result(run_id)
    first, second = result.trials[:2]
    assert "server: ended while it was measured: it was killed by signal 9" in first["record"]["fault"]
    assert "invalid: app died" in {verdict["name"] for verdict in first["result"]["verdicts"]}
    outcomes = {process["name"]: process for process in first["record"]["processes"]}
    for client in ("client0", "client1"):
        assert (outcomes[client]["reason"], outcomes[client]["exit_code"]) == ("exit", 3)
        # They ended by themselves, long before they were asked to, and within a second of their server.
        assert outcomes[client]["seconds"] < outcomes["server"]["seconds"] + 1.0
        key = first["record"]["trial"]["key"]
        said = (result.root / "trials" / key / "beta" / f"{client}.stderr").read_text()
        assert "the server is gone: ending" in said
    assert second["record"]["fault"] == ""
    bed.settled()


def test_a_client_that_is_killed_is_named_and_its_buffers_are_explained(bed: Bed) -> None:
    settings = ("transport=dpdk", "link=memif", "dispatch=round-robin", "clients=2", "depth=64", "window_s=1")
    with bed.start(*settings, scenario=SCENARIO, trials=2) as tool:
        bed.wait_for_window(tool)
        os.kill(bed.wait_for_process(tool, "mp_client").pid, signal.SIGKILL)
        ended = tool.wait()
        run_id = tool.run_id
    assert ended.code == 9, ended.stderr
    result = bed.result(run_id)
    first, second = result.trials[:2]
    assert "ended while it was measured: it was killed by signal 9" in first["record"]["fault"]
    assert "beta: client" in first["record"]["fault"]
    # What the killed one held is out for good, and said so: the books balance all the same.
    verdicts = {verdict["name"] for verdict in first["result"]["verdicts"]}
    assert "invalid: app died" in verdicts
    assert "invalid: accounting" not in verdicts
    pools = {pool["process"]: pool for pool in first["result"]["pools"]}
    pool = pools.pop("server")
    assert pool["in_use"] == pool["explained"]["killed"] > 0
    assert all(other["in_use"] == 0 for other in pools.values()), "the generator has nothing left"
    # The server and the other client went on.
    assert {o["exit_code"] for o in first["record"]["processes"] if o["name"] == "server"} == {0}
    assert first["result"]["n"] > 0
    assert second["record"]["fault"] == ""
    bed.settled()
