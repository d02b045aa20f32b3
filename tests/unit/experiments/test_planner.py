import random
import re
from collections import Counter

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.plan import DEFAULT_TRIALS
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named

DIGEST = "0123456789abcdef"


def plan(*assignments, inventory="local", cpus=(0, 1), trials=2, seed=7):
    loaded = resolve_cores(load(INVENTORIES / f"{inventory}.yml"), cpus)
    return make_plan(loaded, Request(scenario_named("smp"), assignments, trials, seed, "smp"), DIGEST)


def measured(made):
    return [trial for trial in made.trials if not trial.row.startswith("floor")]


def rows(made):
    return {(t.transport, t.link, t.driver, t.params["processes"]): t for t in measured(made)}


def test_the_default_run_has_the_promised_rows():
    assert set(rows(plan())) == {
        ("dpdk", "memif", "memif", 1),
        ("dpdk", "memif", "memif", 2),
        ("dpdk", "veth", "af_packet", 1),
        ("dpdk", "veth", "tap", 2),
        ("tcp", "veth", "kernel", 1),
        ("tcp", "veth", "kernel+bridge", 2),
        ("tcp-poll", "veth", "kernel", 1),
        ("tcp-poll", "veth", "kernel+bridge", 2),
    }


def test_on_two_cores_only_rows_with_two_processes_are_oversubscribed():
    for (_, _, _, processes), trial in rows(plan()).items():
        assert trial.oversubscribed == (processes == 2)
        assert trial.params["idle"] == ("yield" if processes == 2 else "spin")


def test_with_three_cores_nothing_is_oversubscribed():
    made = plan(cpus=(0, 1, 2))
    assert not any(trial.oversubscribed for trial in made.trials)
    group = rows(made)["dpdk", "memif", "memif", 2].processes
    assert [process.cpus for process in group] == [(1,), (2,), (0,)]


def test_with_one_core_everything_is_oversubscribed_and_yields():
    made = plan(cpus=(0,))
    assert all(trial.oversubscribed and trial.params["idle"] == "yield" for trial in measured(made))
    assert all(trial.probes == () for trial in made.trials)


def test_each_block_holds_each_row_once_in_an_order_from_the_seed():
    made = plan(trials=6)
    for block in range(6):
        assert Counter(t.row for t in made.trials if t.block == block) == Counter({f"{n:03d}": 1 for n in range(8)})
    orders = {tuple(t.row for t in made.trials if t.block == block) for block in range(6)}
    assert len(orders) > 1
    assert made == plan(trials=6)
    assert [t.row for t in made.trials] != [t.row for t in plan(trials=6, seed=8).trials]


def test_each_transport_gets_the_floor_of_its_generator():
    floors = [trial for trial in plan(trials=3).trials if trial.row.startswith("floor")]
    assert sorted(trial.transport for trial in floors) == ["dpdk", "tcp", "tcp-poll"]
    for trial in floors:
        (generator,) = trial.processes
        assert generator.measures
        assert generator.argv[-4:] == ("--warmup=0.05", "--window=0.05", "--max-samples=6000000", "--floor")


def test_keys_are_unique_and_follow_from_what_is_measured():
    made = plan(trials=3)
    assert len({trial.key for trial in made.trials}) == len(made.trials)
    assert {t.key for t in plan("window_s=1").trials}.isdisjoint(t.key for t in plan("window_s=2").trials)


def test_four_processes_on_two_ports_as_in_the_notes():
    made = plan("transport=dpdk", "link=memif", "processes=4", "ports=2")
    group = made.trials[0].processes[:-1]
    for proc_id, process in enumerate(group):
        assert process.argv[process.argv.index("-p") : process.argv.index("-p") + 2] == ("-p", "3")
        assert "--num-procs=4" in process.argv
        assert f"--proc-id={proc_id}" in process.argv
        assert sum(word.startswith("--vdev=net_memif") for word in process.argv) == 2
    assert len({core.lcore for process in group for core in process.lcores}) == 4
    assert "--queues=4" in made.trials[0].processes[-1].argv


def test_dpdk_and_tcp_of_a_row_get_the_same_schedule_and_cross_the_same_link():
    by_row = rows(plan("processes=2", "size=256", "depth=4"))
    dpdk, tcp = by_row["dpdk", "veth", "tap", 2], by_row["tcp-poll", "veth", "kernel+bridge", 2]
    load = re.compile(r"--(flows|size|depth|warmup|window)=")
    assert [w for w in dpdk.processes[-1].argv if load.match(w)] == [w for w in tcp.processes[-1].argv if load.match(w)]
    assert [p.cpus for p in dpdk.processes] == [p.cpus for p in tcp.processes]
    assert "--listen=198.19.1.2:7000" in tcp.processes[0].argv
    assert "--src-ip=198.19.1.101" in dpdk.processes[-1].argv


def test_an_open_loop_has_a_rate_and_no_depth():
    argv = plan("rate=10000", "processes=1").trials[0].processes[-1].argv
    assert "--rate=10000" in argv
    assert not any(word.startswith("--depth") for word in argv)


@pytest.mark.parametrize(
    ("assignments", "says"),
    [
        (("transport=tcp", "link=memif"), "tcp cannot cross memif"),
        (("link=wire",), "the inventory has no wire link"),
        (("ports=2", "processes=1", "link=veth", "transport=dpdk"), "veth links without a tap"),
        (("flows=1", "processes=2"), "flows=1 cannot reach processes=2"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(assignments, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        plan(*assignments)


def test_trials_out_of_range_are_refused():
    with pytest.raises(UsageError, match="--trials 0"):
        plan(trials=0)


def test_planning_leaves_the_global_random_state_alone():
    random.seed(1)
    before = random.getstate()
    plan()
    assert random.getstate() == before


def test_in_an_open_loop_depths_make_no_rows_of_their_own():
    made = plan("rate=1000", "depth=1,4", "processes=1", "link=memif", "transport=dpdk")
    assert [(trial.row, trial.params["depth"]) for trial in measured(made)] == [("000", 0)] * 2


def test_tcp_has_no_rows_with_two_ports():
    made = plan("ports=1,2", "processes=2")
    assert {(t.transport, t.params["ports"]) for t in measured(made)} == {
        ("dpdk", 1),
        ("dpdk", 2),
        ("tcp", 1),
        ("tcp-poll", 1),
    }


@pytest.mark.parametrize("name", ["../x", "a b", "", "a/b", "-x", "a;b"])
def test_a_name_that_is_no_folder_is_refused(name):
    request = Request(scenario_named("smp"), (), 1, 1, name)
    with pytest.raises(UsageError, match="is no plain name"):
        make_plan(resolve_cores(load(INVENTORIES / "local.yml"), (0, 1)), request, "0" * 16)


def test_the_default_run_has_trials_enough_and_is_short_enough():
    made = plan(trials=DEFAULT_TRIALS)
    assert min(Counter(trial.row for trial in measured(made)).values()) >= 6
    assert made.estimated_s <= 360
