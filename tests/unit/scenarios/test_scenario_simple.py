"""The scenario `simple`: its rows, what it refuses, and the processes of its trials."""

import re

import pytest

from orchestrator.apps.cores import one_host_cpus
from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named

DIGEST = "0123456789abcdef"
TWINS = {("tcp", "loopback"), ("tcp-poll", "loopback"), ("unix", "unix"), ("unix-poll", "unix")}


def plan(*assignments, inventory="local", cpus=(0, 1), trials=1):
    loaded = resolve_cores(load(INVENTORIES / f"{inventory}.yml"), cpus)
    return make_plan(loaded, Request(scenario_named("simple"), assignments, trials, 7, "simple"), DIGEST)


def measured(made):
    return [trial for trial in made.trials if not trial.row.startswith("floor")]


def only(*assignments, **given):
    (trial,) = measured(plan(*assignments, **given))
    return trial


def dpdk(*assignments, **given):
    return only("transport=dpdk", "ring=mp_mc", "placement=apart", "size=64", *assignments, **given)


def value(argv, name):
    (found,) = (word.removeprefix(f"--{name}=") for word in argv if word.startswith(f"--{name}="))
    return found


def test_the_default_run_compares_transports_sizes_ring_modes_and_placements():
    rows = [(t.transport, t.link, t.driver, t.params["size"], t.params["placement"]) for t in measured(plan())]
    twins = {(*twin, "kernel") for twin in TWINS}
    everyone = {("dpdk", "shm", "mp_mc"), *twins}
    wanted = {(*row, size, "apart") for row in everyone for size in (64, 2048)}
    wanted |= {(*row, 64, "shared") for row in everyone}
    wanted |= {("dpdk", "shm", ring, 64, "apart") for ring in ("sp_sc", "rts", "hts")}
    assert set(rows) == wanted
    assert len(rows) == len(wanted)


def test_the_default_run_of_eight_trials_takes_less_than_four_minutes():
    assert plan(trials=8).estimated_s < 240


def test_on_two_cpus_peers_apart_count_and_peers_on_one_cpu_do_not():
    for trial in measured(plan()):
        apart = trial.params["placement"] == "apart"
        assert trial.oversubscribed == (not apart)
        assert trial.params["idle"] == ("spin" if apart else "yield")
        assert {process.host for process in trial.processes} == {"beta"}
        assert len({process.cpus for process in trial.processes}) == (2 if apart else 1)


def test_the_cpus_of_hosts_that_take_no_part_are_used_last():
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1, 2, 3))
    assert one_host_cpus(inventory, inventory.host("beta")) == (1, 2, 3, 0)
    assert one_host_cpus(inventory, inventory.host("alpha")) == (0, 1, 2, 3)
    real = load(INVENTORIES / "two-hosts.yml")
    host = real.hosts[0]
    assert one_host_cpus(real, host) == host.cores


def test_with_cpus_enough_every_secondary_has_its_own():
    trial = dpdk("secondaries=3", cpus=(0, 1, 2, 3))
    assert [process.cpus for process in trial.processes] == [(1,), (2,), (3,), (0,)]
    assert not trial.oversubscribed
    assert trial.params["idle"] == "spin"


def test_with_one_cpu_all_share_it():
    trial = dpdk(cpus=(0,))
    assert trial.oversubscribed
    assert trial.params["idle"] == "yield"
    assert trial.probes == ()


def test_the_primary_comes_first_and_measures_when_its_secondaries_are_there():
    trial = only("transport=dpdk", "ring=hts", "placement=apart", "secondaries=2", "size=8", "depth=4")
    primary, *secondaries = trial.processes
    assert (primary.name, primary.stage, primary.measures) == ("primary", 0, True)
    assert [(s.name, s.stage, s.measures) for s in secondaries] == [("secondary1", 1, False), ("secondary2", 1, False)]
    assert value(primary.argv, "ring") == trial.driver == "hts"
    assert value(primary.argv, "secondaries") == "2"
    assert value(primary.argv, "size") == "8"
    assert value(primary.argv, "oneway-samples") == "primary.oneway.samples.bin"
    assert [value(s.argv, "proc-id") for s in secondaries] == ["1", "2"]
    assert [value(p.argv, "proc-type") for p in trial.processes] == ["primary", "secondary", "secondary"]
    assert len({p.file_prefix for p in trial.processes}) == 1
    lcores = [core.lcore for p in trial.processes for core in p.lcores]
    assert sorted(lcores) == [0, 1, 2]
    assert [p.hugepage_bytes > 0 for p in trial.processes] == [True, False, False]
    assert not any(word.startswith("--vdev") for p in trial.processes for word in p.argv)


@pytest.mark.parametrize(
    ("transport", "endpoint"), [("tcp", "127.0.0.1:7000"), ("unix-poll", r"unix:@dporch-[0-9a-f]{12}")]
)
def test_the_twin_is_one_connection_to_each_echo_on_the_same_cpus(transport, endpoint):
    trial = only(f"transport={transport}", "placement=apart", "secondaries=2", "size=8", "depth=2")
    *echoes, traffic = trial.processes
    assert len(echoes) == 2
    assert traffic.measures
    assert value(traffic.argv, "flows") == "2"
    assert re.fullmatch(endpoint, value(traffic.argv, "connect"))
    for number, echo in enumerate(echoes):
        assert value(echo.argv, "listen") == value(traffic.argv, "connect")
        assert value(echo.argv, "worker") == str(number)
    group = only("transport=dpdk", "ring=mp_mc", "placement=apart", "secondaries=2", "size=8", "depth=2")
    assert [traffic.cpus, *(echo.cpus for echo in echoes)] == [process.cpus for process in group.processes]
    load = re.compile(r"--(size|depth|warmup|window|idle)=")
    primary = group.processes[0]
    assert [w for w in traffic.argv if load.match(w)] == [w for w in primary.argv if load.match(w)]
    assert ("--workers=2" in traffic.argv) == (transport == "unix-poll")


def test_ring_modes_have_keys_of_their_own():
    made = plan("transport=dpdk", "placement=apart", "size=64", "ring=mp_mc,sp_sc,rts,hts")
    keys = {trial.driver: trial.key for trial in measured(made)}
    assert set(keys) == {"mp_mc", "sp_sc", "rts", "hts"}
    assert len(set(keys.values())) == 4


def test_every_transport_has_a_floor():
    floors = [trial for trial in plan().trials if trial.row.startswith("floor")]
    transports = ("dpdk", "tcp", "tcp-poll", "unix", "unix-poll")
    assert {(trial.transport, trial.params["size"]) for trial in floors} == {
        (transport, size) for transport in transports for size in (64, 2048)
    }
    for trial in floors:
        (process,) = trial.processes
        assert process.measures
        assert process.argv[-1] == "--floor"


REFUSED = "ring=sp_sc with secondaries=2: it has one producer and one consumer"


def test_sp_sc_with_more_than_one_secondary_is_refused():
    with pytest.raises(UsageError) as error:
        plan("ring=sp_sc", "secondaries=2")
    assert REFUSED in str(error.value)
    assert "set another ring mode, or secondaries=1" in str(error.value)


def test_all_ring_modes_are_compared_with_several_secondaries_as_far_as_they_can():
    made = plan("transport=dpdk", "ring=mp_mc,sp_sc,rts,hts", "secondaries=1,2")
    rows = {(trial.driver, trial.params["secondaries"]) for trial in measured(made)}
    assert rows == {*((ring, n) for ring in ("mp_mc", "rts", "hts") for n in (1, 2)), ("sp_sc", 1)}
    assert REFUSED in made.left_out


def test_where_nobody_asked_for_sp_sc_it_is_left_out_with_several_secondaries():
    made = plan("secondaries=2")
    assert {trial.driver for trial in measured(made)} == {"mp_mc", "rts", "hts", "kernel"}


def test_only_the_last_secondary_dies_and_in_the_middle_of_the_window():
    trial = dpdk("secondaries=2", "die=enqueue", "warmup_s=0.2", "window_s=1")
    first, last = (process.argv for process in trial.processes[1:])
    assert not any(word.startswith("--die") for word in (*first, *trial.processes[0].argv))
    assert value(last, "die-in") == "enqueue"
    assert value(last, "die-after") == "0.7"
    assert [process.dies for process in trial.processes] == [False, False, True]


@pytest.mark.parametrize(("where", "hang"), [("none", 0), ("idle", 0), ("holding", 0), ("enqueue", 2), ("dequeue", 2)])
def test_only_who_is_left_with_a_stuck_ring_may_hang(where, hang):
    trial = dpdk("secondaries=2", f"die={where}")
    assert [process.may_hang for process in trial.processes] == [hang > 0, hang > 0, False]
    assert [process.dies for process in trial.processes] == [False, False, where != "none"]


def test_the_twin_has_no_such_fault():
    with pytest.raises(UsageError, match="die=enqueue is a fault of a secondary, which tcp has none of"):
        plan("transport=tcp", "die=enqueue")
    assert {trial.transport for trial in measured(plan("die=idle"))} == {"dpdk"}


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("size=7", "size=7 is out of range: 8 to 2048 B"),
        ("size=2049", "out of range"),
        ("secondaries=17", "secondaries=17 is out of range: 1 to 16"),
        ("ring=spsc", "ring=spsc is not one of mp_mc, sp_sc, rts, hts"),
        ("transport=udp", "transport=udp is not one of dpdk, tcp, tcp-poll, unix, unix-poll"),
    ],
)
def test_what_is_out_of_range_is_refused(assignment, says):
    with pytest.raises(UsageError) as error:
        plan(assignment)
    assert says in str(error.value)


def test_an_open_loop_has_a_rate_and_no_depth():
    argv = dpdk("rate=10000").processes[0].argv
    assert value(argv, "rate") == "10000"
    assert not any(word.startswith("--depth") for word in argv)
    assert int(value(argv, "max-samples")) < 10000
