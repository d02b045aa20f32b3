"""Rows, refusals and command lines of client-server."""

import json
import re

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named

DIGEST = "0123456789abcdef"


def plan(*assignments, cpus=(0, 1), trials=1):
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), cpus)
    return make_plan(inventory, Request(scenario_named("client-server"), assignments, trials, 7, "cs"), DIGEST)


def measured(made):
    return [trial for trial in made.trials if not trial.row.startswith("floor")]


def own(process):
    """A process's words after the EAL's."""
    return process.argv[process.argv.index("--") + 1 :] if "--" in process.argv else process.argv[1:]


def test_the_default_run_has_both_ways_of_each_transport_with_one_and_two_clients():
    seen = {(t.transport, t.link, t.driver, t.params["clients"]) for t in measured(plan())}
    assert seen == {
        (transport, link, f"{driver} {way}", clients)
        for transport, link, driver, ways in (
            ("dpdk", "memif", "memif", ("round-robin", "flow")),
            ("dpdk", "veth", "tap", ("round-robin", "flow")),
            ("tcp", "veth", "kernel+bridge", ("handoff", "relay")),
            ("tcp-poll", "veth", "kernel+bridge", ("handoff", "relay")),
        )
        for clients in (1, 2)
        for way in ways
    }


@pytest.mark.parametrize(
    "assignments",
    [
        (),
        ("ring_size=64",),
        ("ring_size=64,128", "drain_us=100,0"),
        ("rate=10000", "sleep_us=5000", "drain_us=100"),
    ],
)
def test_every_way_over_every_transport_shares_the_parameters_of_a_panel(assignments):
    panels = {}
    for trial in measured(plan("clients=2", *assignments)):
        panels.setdefault(json.dumps(trial.params, sort_keys=True), set()).add((trial.transport, trial.driver))
    dpdk = {("dpdk", f"{driver} {way}") for driver in ("memif", "tap") for way in ("round-robin", "flow")}
    twin = {(t, f"kernel+bridge {way}") for t in ("tcp", "tcp-poll") for way in ("handoff", "relay")}
    *others, largest = sorted(panels.values(), key=len)
    assert largest == dpdk | twin
    assert all(other == dpdk for other in others)


def test_the_way_of_dispatching_reaches_the_programs():
    for trial in measured(plan("clients=1")):
        way = trial.driver.split()[1]
        assert f"--dispatch={way}" in own(trial.processes[0])


def test_the_default_run_takes_at_most_five_minutes():
    assert plan(trials=8).estimated_s < 310


def test_server_then_clients_then_generator_each_with_a_lcore_of_its_own():
    (trial,) = measured(plan("transport=dpdk", "link=memif", "clients=3", "dispatch=flow", cpus=(0, 1, 2, 3, 4)))
    assert [(p.name, p.app, p.stage) for p in trial.processes] == [
        ("server", "mp_server", 0),
        ("client0", "mp_client", 1),
        ("client1", "mp_client", 1),
        ("client2", "mp_client", 1),
        ("traffic", "traffic", 2),
    ]
    group = trial.processes[:-1]
    assert len({core.lcore for process in group for core in process.lcores}) == 4
    assert len({process.file_prefix for process in group}) == 1
    assert [p.cpus for p in trial.processes] == [(1,), (2,), (3,), (4,), (0,)]
    assert not trial.oversubscribed
    assert trial.params["idle"] == "spin"
    server, client = own(group[0]), own(group[2])
    assert server[:2] == ("-p", "1")
    assert {"--num-clients=3", "--dispatch=flow", "--ring-size=512"} <= set(server)
    assert {"--client-id=1", "--num-clients=3", "--drain-us=0"} <= set(client)
    assert "--proc-type=primary" in group[0].argv
    assert "--proc-type=secondary" in group[1].argv
    # Everything arrives on the one queue that the server polls, and returns on the clients' queues.
    assert {"--queues=3", "--tx-queues=1", "--spread=driver"} <= set(own(trial.processes[-1]))


def test_on_two_cores_everything_shares_one_and_yields():
    for trial in measured(plan()):
        assert trial.oversubscribed
        assert trial.params["idle"] == "yield"


def test_over_a_tap_the_generator_has_one_queue_and_clients_are_few():
    (trial,) = measured(plan("transport=dpdk", "link=veth", "clients=4", "dispatch=flow"))
    assert "--queues=1" in own(trial.processes[-1])
    assert not any(word.startswith("--tx-queues") for word in own(trial.processes[-1]))
    assert any("net_tap0" in word for word in trial.processes[1].argv)
    with pytest.raises(UsageError, match="clients=5 cannot share a tap"):
        plan("transport=dpdk", "link=veth", "clients=5")


def test_two_ports_are_paired():
    (trial,) = measured(plan("transport=dpdk", "link=memif", "clients=1", "dispatch=flow", "ports=2"))
    for process in trial.processes:
        assert sum(word.startswith("--vdev=net_memif") for word in process.argv) == 2
    assert own(trial.processes[0])[:2] == own(trial.processes[-1])[:2] == ("-p", "3")


def test_only_the_sleeping_client_sleeps_and_in_both_transports():
    made = plan("clients=3", "rate=10000", "sleep_us=5000", "sleeping_client=1", "drain_us=100")
    for trial in measured(made):
        sleepers = [p.name for p in trial.processes if "--sleep-us=5000" in p.argv]
        assert sleepers == ["client1" if trial.transport == "dpdk" else "worker1"]


@pytest.mark.parametrize(("ring", "timeout_ms"), [(512, 500 + 18 * 5), (65536, 500 + 2050 * 5)])
def test_what_waits_in_a_sleepers_ring_is_not_lost_before_it_is_its_turn(ring, timeout_ms):
    made = plan("clients=2", "rate=10000", "sleep_us=5000", f"ring_size={ring}")
    words = {word for trial in measured(made) for p in trial.processes if p.measures for word in p.argv}
    assert [word for word in words if word.startswith("--timeout-ms")] == [f"--timeout-ms={timeout_ms}"]


def test_huge_pages_are_asked_for_as_many_queues_as_there_are():
    """On both sides: a generator on two ports has 17 queues on each, the group as many and its clients' rings."""
    (trial,) = measured(plan("transport=dpdk", "link=memif", "dispatch=flow", "clients=16", "ports=2", "flows=64"))
    server, traffic = trial.processes[0], trial.processes[-1]
    assert traffic.hugepage_bytes >= (2 * 17 * 1024 + 256) * 2400
    assert server.hugepage_bytes >= (2 * 17 * 1024 + 16 * 512) * 2400
    (small,) = measured(plan("transport=dpdk", "link=memif", "dispatch=flow", "clients=1"))
    assert small.processes[-1].hugepage_bytes == 64 << 20


def test_what_means_nothing_to_tcp_makes_no_rows_of_its_own():
    made = plan("transport=tcp", "clients=1", "dispatch=relay", "ring_size=64,128", "drain_us=0,100")
    assert len(measured(made)) == 1


def test_the_twin_has_a_dispatcher_that_its_workers_join():
    (trial,) = measured(plan("transport=tcp-poll", "clients=2", "dispatch=relay", "size=256"))
    assert [(p.name, p.app, p.stage) for p in trial.processes] == [
        ("dispatcher", "tcp_dispatcher", 0),
        ("worker0", "tcp_worker", 1),
        ("worker1", "tcp_worker", 1),
        ("traffic", "tcp_traffic", 2),
    ]
    dispatcher, worker, _, traffic = (own(process) for process in trial.processes)
    assert {"--dispatch=relay", "--workers=2", "--mode=poll", "--size=256"} <= set(dispatcher)
    (socket,) = (word for word in dispatcher if word.startswith("--socket="))
    assert {socket, "--worker=0", "--mode=poll"} <= set(worker)
    (listen,) = (word.partition("=")[2] for word in dispatcher if word.startswith("--listen="))
    assert f"--connect={listen}" in traffic
    assert all(process.polls for process in trial.processes)


@pytest.mark.parametrize(
    ("assignments", "says"),
    [
        (("transport=tcp", "dispatch=flow"), "tcp has no dispatch=flow; it has handoff and relay"),
        (("transport=dpdk", "dispatch=relay"), "dpdk has no dispatch=relay; it has round-robin and flow"),
        (("transport=tcp", "link=memif"), "tcp cannot cross memif"),
        (("sleep_us=1000",), "sleep_us=1000 in a closed loop"),
        (("sleep_us=1000", "rate=100", "sleeping_client=2", "clients=2"), "there is no sleeping_client=2"),
        (("ring_size=100",), "ring_size=100 is no power of two - set ring_size=128"),
        (("clients=0",), "clients=0 is out of range: 1 to 16"),
        (("link=wire",), "the inventory has no wire link"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(assignments, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        plan(*assignments)


def test_one_process_owns_a_veth_so_a_group_without_a_tap_is_refused_with_the_reason():
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
    without = inventory.model_copy(
        update={"links": tuple(link for link in inventory.links if link.name not in {"veth1", "veth2"})}
    )
    request = Request(scenario_named("client-server"), ("link=veth", "clients=1"), 1, 7, "cs")
    with pytest.raises(
        UsageError, match=r"to a tap \(af_packet and af_xdp have one process that sends\).* for clients=1"
    ):
        make_plan(without, request, DIGEST)
