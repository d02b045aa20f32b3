"""What the scenario `store` runs: its rows by stage, and the processes and options of each."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.records import Plan, PlannedTrial
from orchestrator.experiments.runner import again
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named

SERIES = (("dpdk", "memif"), ("dpdk", "veth"), ("tcp", "veth"), ("tcp-poll", "veth"))
WITHOUT_NETWORK = ("none", "none")


def plan(*assignments: str, cpus: tuple[int, ...] = (0, 1), trials: int = 1, mtu: int = 0) -> Plan:
    loaded = resolve_cores(load(INVENTORIES / "local.yml"), cpus)
    if mtu:
        links = tuple(link.model_copy(update={"mtu": mtu}) for link in loaded.links)
        loaded = loaded.model_copy(update={"links": links})
    request = Request(scenario_named("store"), assignments, trials, 7, "store")
    return make_plan(loaded, request, "0123456789abcdef")


def measured(made: Plan) -> list[PlannedTrial]:
    return [trial for trial in made.trials if not trial.row.startswith("floor-")]


def only(*assignments: str, mtu: int = 0) -> PlannedTrial:
    (trial,) = measured(plan(*assignments, mtu=mtu))
    return trial


def options(trial: PlannedTrial, name: str) -> tuple[str, ...]:
    return next(process.argv for process in trial.processes if process.name == name)


def test_the_default_run_is_the_main_figure_and_takes_a_quarter_of_an_hour() -> None:
    made = plan(trials=8)
    found = Counter(
        (t.transport, t.link, *(t.params[name] for name in ("stage", "op", "size", "durability")))
        for t in measured(made)
    )
    wanted = Counter({(*WITHOUT_NETWORK, "fuse", op, 4096, "none"): 8 for op in ("read", "write")})
    for series in SERIES:
        for op in ("read", "write"):
            wanted[(*series, "transport", op, 4096, "none")] = 8
            for stage in ("store", "all"):
                for durability in ("memory", "log", *(("dsync",) if op == "write" else ())):
                    wanted[(*series, stage, op, 4096, durability)] = 8
        wanted[(*series, "transport", "echo", 64, "none")] = 8
        wanted[(*series, "floor", "echo", 64, "none")] = 8
    assert found == wanted
    assert {(t.params["depth"], t.params["rate"], t.params["cache"]) for t in measured(made)} == {(1, 0.0, "none")}
    assert made.estimated_s < 15 * 60
    assert not any(trial.oversubscribed for trial in made.trials)
    assert not any("fault" in trial.params or "write_percent" in trial.params for trial in made.trials)


def test_reads_are_run_with_dsync_where_it_is_set() -> None:
    made = plan("durability=dsync", "op=read", "stage=store", "transport=tcp")
    assert [t.params["durability"] for t in measured(made)] == ["dsync"]


@pytest.mark.parametrize(
    ("stage", "op", "processes"),
    [
        ("transport", "write", [("server", "beta", 0), ("load", "alpha", 1)]),
        ("store", "read", [("server", "beta", 0), ("load", "alpha", 1)]),
        ("fuse", "read", [("mount", "alpha", 0), ("fio", "alpha", 1)]),
        ("all", "write", [("server", "beta", 0), ("mount", "alpha", 1), ("fio", "alpha", 2)]),
        ("floor", "echo", [("pong", "beta", 0), ("ping", "alpha", 1)]),
    ],
)
@pytest.mark.parametrize("transport", ["dpdk", "tcp", "tcp-poll"])
def test_each_stage_has_its_processes_and_the_last_one_measures(
    transport: str, stage: str, op: str, processes: list[tuple[str, str, int]]
) -> None:
    trial = only(f"transport={transport}", "link=veth", f"stage={stage}", f"op={op}", "durability=memory")
    assert [(p.name, p.host, p.stage) for p in trial.processes] == processes
    assert [p.name for p in trial.processes if p.measures] == [processes[-1][0]]
    over = "dpdk" if transport == "dpdk" else "tcp"
    network = {p.app for p in trial.processes} - {"store_fio", "store_mount_self", "store_sockperf"}
    assert all(app.endswith(f"_{over}") for app in network)


def test_the_relay_runs_beside_fio_and_gives_way_where_fio_has_more_to_ask() -> None:
    for depth, idle in ((1, "spin"), (8, "yield")):
        trial = only("transport=dpdk", "link=memif", "stage=all", "op=read", "durability=memory", f"depth={depth}")
        server, mount, fio = trial.processes
        assert (mount.cpus, mount.beside, mount.polls) == (fio.cpus, "fio", False)
        assert server.cpus != fio.cpus
        assert f"--idle={idle}" in mount.argv
        assert "--idle=spin" in server.argv
        assert f"--engine={'psync' if depth == 1 else 'io_uring'}" in fio.argv
        assert not trial.oversubscribed


def test_pollers_that_share_a_cpu_are_oversubscribed_all_the_same() -> None:
    made = plan("transport=dpdk", "link=memif", "stage=all", "op=read", cpus=(0,))
    assert all(t.oversubscribed for t in measured(made))
    assert {t.params["idle"] for t in measured(made)} == {"yield"}


def test_files_are_in_memory_or_on_the_disk_and_are_never_fetched() -> None:
    memory, disk = (only("transport=tcp", "stage=store", "op=read", f"durability={each}") for each in ("memory", "log"))
    place = f"/dev/shm/dporch-{memory.key}-store"
    assert memory.processes[0].folders == (place,)
    assert {f"--backing={place}", "--durability=memory", "--serve=store"} <= set(options(memory, "server"))
    assert disk.processes[0].folders == ("backing",)
    assert "--backing=backing" in options(disk, "server")
    repeated = again(memory)
    assert repeated.processes[0].folders == (f"/dev/shm/dporch-{repeated.key}-store",)
    (mount,) = (p for p in only("stage=fuse", "op=read").processes if p.name == "mount")
    assert mount.folders == ("mnt",)
    assert "--mount=mnt" in mount.argv


def test_an_echo_keeps_no_files() -> None:
    trial = only("transport=tcp", "stage=transport", "op=read")
    assert "--serve=echo" in options(trial, "server")
    assert not any(word.startswith(("--backing", "--durability")) for word in options(trial, "server"))
    assert trial.processes[0].folders == ()
    assert "--what=echo" in options(trial, "load")


def test_both_transports_are_asked_for_the_same_by_the_same_client() -> None:
    wanted = ("link=veth", "stage=store", "op=mixed", "write_percent=20", "durability=log", "depth=4")
    told = []
    for transport in ("dpdk", "tcp-poll"):
        words = options(only(f"transport={transport}", *wanted), "load")
        names = ("--what", "--op", "--write-percent", "--size", "--depth", "--timeout-ms", "--window", "--file-mb")
        told.append([word for word in words if word.startswith(names)])
    assert told[0] == told[1]
    assert {"--op=mixed", "--write-percent=20", "--depth=4"} <= set(told[0])


def test_faults_are_the_clients_and_are_shown_where_there_are_any() -> None:
    trial = only(
        "transport=tcp", "stage=all", "op=write", "durability=log", "fault=drop=0.1+in:truncate@7", "fault_seed=9"
    )
    told = {"--fault-seed=9", "--fault-out=drop=0.1", "--fault-in=drop=0.1,truncate@7"}
    assert told <= set(options(trial, "mount"))
    assert not any("--fault" in word for name in ("server", "fio") for word in options(trial, name))
    assert (trial.params["fault"], trial.params["fault_seed"]) == ("drop=0.1+in:truncate@7", 9)
    assert "fault" not in only("stage=fuse", "op=read", "fault=drop=0.1").params


def test_one_row_of_fuse_stands_beside_all_transports() -> None:
    made = measured(plan("op=read", "durability=memory,log", "mtu=1500,1400"))
    assert len([t for t in made if t.params["stage"] == "fuse"]) == 1
    assert {(t.transport, t.link) for t in made if t.params["stage"] == "fuse"} == {WITHOUT_NETWORK}


def test_a_jumbo_mtu_needs_a_link_that_has_it() -> None:
    dpdk = only("transport=dpdk", "link=veth", "stage=transport", "op=read", "mtu=9000", mtu=9000)
    assert "--mtu=9000" in options(dpdk, "server")
    assert "framesz=10240" in " ".join(options(dpdk, "load"))
    assert only("transport=dpdk", "link=veth", "stage=transport", "op=read", "mtu=1500", mtu=9000)
    with pytest.raises(UsageError, match=r"mtu=9000: veth0 has 1500"):
        plan("transport=dpdk", "link=veth", "stage=transport", "mtu=9000")
    with pytest.raises(UsageError, match="and tcp sends what its link carries"):
        plan("transport=tcp", "stage=transport", "mtu=1500", mtu=9000)


def test_generators_of_others_have_no_floor() -> None:
    made = plan()
    assert {t.row for t in made.trials} - {t.row for t in measured(made)} == {
        f"floor-{transport}-{size}" for transport in ("dpdk", "tcp", "tcp-poll") for size in (64, 4096)
    }
    assert all(t.processes[0].name == "load" for t in made.trials if t.row.startswith("floor-"))
    assert len(plan("stage=all", "op=read", "durability=log").trials) == len(SERIES)


@pytest.mark.parametrize(
    ("assignments", "reason"),
    [
        (("stage=all", "op=echo"), "stage=all has files, and no op=echo"),
        (("stage=floor", "op=write"), "stage=floor has op=echo only, not op=write"),
        (("stage=all", "rate=1000"), "fio does not time from the intended send"),
        (("stage=floor", "op=echo", "depth=4"), "stage=floor is a ping-pong, of depth 1"),
        (("stage=fuse", "engine=psync", "depth=4"), "engine=psync has one operation in flight, not depth=4"),
        (("stage=floor", "op=echo", "size=4096", "transport=dpdk"), "stage=floor over dpdk has at most 1400 B"),
        (("fault=drop=2",), "a chance is from 0 to 1"),
        (("fault_seed=3",), "fault_seed without fault"),
        (("write_percent=3",), "write_percent without op=mixed"),
    ],
)
def test_what_makes_no_sense_is_said(assignments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        plan(*assignments)


def test_what_was_asked_for_and_is_left_out_is_said() -> None:
    made = plan("stage=store,all", "rate=0,1000", "op=write", "durability=log")
    assert made.left_out == ("stage=all has no open loop (rate): fio does not time from the intended send",)
    assert {(t.params["stage"], t.params["rate"], t.params["depth"]) for t in measured(made)} == {
        ("store", 0.0, 1),
        ("store", 1000.0, 0),
        ("all", 0.0, 1),
    }
