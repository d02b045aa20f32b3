"""simple_mp: a primary and N secondaries on one host exchange messages over two rings and one mempool.

The primary sends a message down a ring, one of the secondaries reads it and sends it back up another; nothing but
pointers moves. The TCP twin is the same exchange between processes over loopback TCP and over a Unix socket, which is
what one would take instead on one host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from orchestrator.apps.cores import one_host_cpus
from orchestrator.apps.process import LcoreOnCpu, PlannedProcess
from orchestrator.apps.simple_params import DieIn, RingMode, SimplePrimaryParams, SimpleSecondaryParams
from orchestrator.errors import UsageError
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import Row, Rows, Scenario, TrialContext
from orchestrator.scenarios.cables import role_host
from orchestrator.scenarios.common import DEPTH, IDLE, RATE, WARMUP_S, WINDOW_S
from orchestrator.scenarios.load import (
    idle_for,
    idle_of,
    is_dpdk,
    load_of,
)
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import DISTRIBUTIONS, Plot
from orchestrator.scenarios.processes import dpdk_process
from orchestrator.scenarios.rows import LeftOutError, every
from orchestrator.scenarios.shared_programs import tcp_echoes, tcp_traffic_process

_TRANSPORTS = ("dpdk", "tcp", "tcp-poll", "unix", "unix-poll")
TRANSPORT = Parameter(
    "transport",
    str,
    _TRANSPORTS,
    "dpdk, or its twin: loopback TCP or a Unix stream socket, each sleeping in epoll or polling",
    choices=_TRANSPORTS,
)
SECONDARIES = Parameter(
    "secondaries",
    int,
    (1,),
    "processes that take messages and send them back; whoever is first takes one",
    low=1,
    high=16,
)
SIZE = Parameter("size", int, (64, 2048), "bytes of a message", unit="B", low=8, high=2048)
RING = Parameter(
    "ring",
    str,
    ("mp_mc", "sp_sc", "rts", "hts"),
    "how both rings are synchronised; sp_sc takes one secondary. Unless set, all but mp_mc are run with the first size "
    "and peers apart",
    choices=("mp_mc", "sp_sc", "rts", "hts"),
)
PLACEMENT = Parameter(
    "placement",
    str,
    ("apart", "shared"),
    "apart: the primary has a CPU of its own; shared: all run on that CPU. Unless set, shared is run with the first "
    "size and mp_mc",
    choices=("apart", "shared"),
)
DIE = Parameter(
    "die",
    str,
    ("none",),
    "the last secondary kills itself in the middle of the window: with nothing or with messages in its hands, or "
    "within an operation on a ring",
    choices=("none", "idle", "holding", "enqueue", "dequeue"),
)
WARMUP = replace(WARMUP_S, default=(0.2,))
WINDOW = replace(WINDOW_S, default=(0.4,))
LINKS = {"dpdk": "shm", "tcp": "loopback", "tcp-poll": "loopback", "unix": "unix", "unix-poll": "unix"}
TCP_PORT = 7000
# Messages a second that the primary may have to keep samples of, at depth 1 and above. Round trip and one way are 32
# bytes a message, so the limit is the 1 GiB of other generators.
MESSAGES_PER_S, DEEP_MESSAGES_PER_S = 8e6, 16e6
MOST_SAMPLES = 1 << 25


@dataclass(frozen=True)
class Simple:
    """The scenario `simple`."""

    name: str = "simple"
    summary: str = "simple_mp: a primary and N secondaries over shared rings, against loopback TCP and Unix sockets"
    description: str = (
        "Round trip of a message from a process to another on the same host and back, and over the rings also the way "
        "there alone, since both processes read one clock. The rings carry pointers, the message is read where it "
        "lies; a socket copies it four times. The driver column says how the rings are synchronised. Rows whose "
        "processes share a CPU are marked oversubscribed and show what waiting for each other costs there."
    )
    parameters: Sequence[Parameter] = (
        TRANSPORT, SECONDARIES, SIZE, DEPTH, RATE, RING, PLACEMENT, WARMUP, WINDOW, IDLE, DIE,
    )  # fmt: skip
    plots: Sequence[Plot] = (
        *DISTRIBUTIONS,
        Plot("sweep", name="size", x="size"),
        Plot("sweep", name="ring", x="driver", title="p50 round trip of each ring mode", only=("dpdk",)),
        Plot("sweep", name="secondaries", x="secondaries", follows=("idle",)),
        Plot("sweep", name="throughput", x="secondaries", y="ops_per_s", follows=("idle",)),
        Plot(
            "sweep",
            name="placement",
            x="placement",
            title="p50 round trip, peers apart and on one CPU",
            follows=("idle",),
        ),
        Plot("sweep", name="oneway", x="size", y="oneway_p50_us", only=("dpdk",)),
        Plot("shares"),
    )
    headline: Sequence[str] = ("secondaries", "size", "placement")
    example: str = "--set ring=mp_mc,hts --set secondaries=1,2,4 --set depth=4 --set size=64"

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """See `Scenario.rows`. The ring mode is the row's driver and no parameter, so that all modes share a panel."""
        first_size = settings["size"][0]
        if "ring" in explicit and "sp_sc" in settings["ring"] and "dpdk" in settings["transport"]:
            _check_single(min(int(value) for value in settings["secondaries"]))
        return every(settings, lambda values: self._row(inventory, values, first_size, explicit), self.name, explicit)

    def _row(self, inventory: Inventory, params: dict[str, Value], first_size: Value, explicit: frozenset[str]) -> Row:
        transport, ring = str(params.pop("transport")), str(params.pop("ring"))
        dpdk = transport == "dpdk"
        plain = params["size"] == first_size
        if params["placement"] == "shared" and "placement" not in explicit and not (plain and ring == "mp_mc"):
            raise LeftOutError("shared CPUs are measured with the first size and mp_mc unless placement is set")
        if dpdk and ring != "mp_mc" and "ring" not in explicit and not (plain and params["placement"] == "apart"):
            raise LeftOutError("ring modes are compared with the first size and peers apart unless ring is set")
        if dpdk and ring == "sp_sc" and int(params["secondaries"]) > 1:
            raise LeftOutError(_not_single(int(params["secondaries"])), "secondaries")
        if not dpdk and params["die"] != "none":
            reason = f"die={params['die']} is a fault of a secondary, which {transport} has none of"
            raise LeftOutError(reason, "transport", "die")
        if params["idle"] == "auto":
            cpus = _cpus(inventory, _host(inventory), int(params["secondaries"]), str(params["placement"]))
            params["idle"] = idle_for(cpus)
        return Row(transport, LINKS[transport], ring if dpdk else "kernel", params)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """The primary, which measures once its secondaries are there; or the echoes, then the generator of the twin."""
        host = _host(inventory)
        cpus = _cpus(inventory, host, int(row.params["secondaries"]), str(row.params["placement"]))
        return _group(host, row, context, cpus) if is_dpdk(row) else _twin(host, row, context, cpus)


def _not_single(secondaries: int) -> str:
    return f"ring=sp_sc with secondaries={secondaries}: it has one producer and one consumer"


def _check_single(fewest: int) -> None:
    """Raise UsageError where `sp_sc` was asked for and no row can have it."""
    if fewest > 1:
        raise UsageError(_not_single(fewest), remedy="set another ring mode, or secondaries=1")


def _host(inventory: Inventory) -> Host:
    return role_host(inventory, "sut")


def _cpus(inventory: Inventory, host: Host, secondaries: int, placement: str) -> tuple[int, ...]:
    """The CPU of the primary, then of each secondary."""
    own, *others = one_host_cpus(inventory, host)
    where = others if others and placement == "apart" else [own]
    return (own, *(where[index % len(where)] for index in range(secondaries)))


def _max_samples(row: Row) -> int:
    seconds = float(row.params["warmup_s"]) + float(row.params["window_s"])
    most_per_s = MESSAGES_PER_S if int(row.params["depth"]) == 1 else DEEP_MESSAGES_PER_S
    if row.params["rate"]:
        most_per_s = 1.1 * float(row.params["rate"])
    return min(int(seconds * most_per_s) + 1000, MOST_SAMPLES)


def _group(host: Host, row: Row, context: TrialContext, cpus: Sequence[int]) -> tuple[PlannedProcess, ...]:
    secondaries = len(cpus) - 1
    ring = cast(RingMode, row.driver)
    die_in = cast(DieIn, row.params["die"])
    load = replace(load_of(_with_flows(row, 1), context, "primary"), max_samples=_max_samples(row))
    primary = SimplePrimaryParams(
        ring=ring,
        secondaries=secondaries,
        oneway_samples="primary.oneway.samples.bin",
        load=load,
    )

    def planned(name: str, index: int, argv: tuple[str, ...]) -> PlannedProcess:
        process = dpdk_process(
            host,
            context,
            name=name,
            app="simple_mp",
            argv=argv,
            lcore=LcoreOnCpu(lcore=index, cpu=cpus[index]),
            devices=(),
            stage=min(index, 1),
            secondary=index > 0,
            measures=index == 0,
        )
        dies = die_in != "none" and index == secondaries
        return process.model_copy(
            update={"dies": dies, "may_hang": die_in in {"enqueue", "dequeue"} and not dies},
        )

    half_way_s = float(row.params["warmup_s"]) + float(row.params["window_s"]) / 2
    members = [
        SimpleSecondaryParams(
            proc_id=index,
            idle=idle_of(row),
            stats=f"secondary{index}.stats.json",
            die_in=die_in if index == secondaries else "none",
            die_after_s=half_way_s,
        )
        for index in range(1, secondaries + 1)
    ]
    return (
        planned("primary", 0, primary.argv()),
        *(planned(f"secondary{member.proc_id}", member.proc_id, member.argv()) for member in members),
    )


def _twin(host: Host, row: Row, context: TrialContext, cpus: Sequence[int]) -> tuple[PlannedProcess, ...]:
    """One connection to each echo; messages go round them."""
    generator_cpu, *echo_cpus = cpus
    # An abstract name leaves no file behind, whatever ends a process.
    endpoint = f"127.0.0.1:{TCP_PORT}" if row.link == "loopback" else f"unix:@dporch-{context.key}"
    echoes = tcp_echoes(host, row, context, endpoint, name="echo", cpus=echo_cpus)
    traffic = tcp_traffic_process(host, _with_flows(row, len(echo_cpus)), context, endpoint, stage=1)
    workers = (f"--workers={len(echo_cpus)}",) if row.link == "unix" else ()
    return (*echoes, traffic.model_copy(update={"cpus": (generator_cpu,), "argv": (*traffic.argv, *workers)}))


def _with_flows(row: Row, flows: int) -> Row:
    """The row as the generators of all scenarios want it: connections are no parameter here."""
    return replace(row, params={**row.params, "flows": flows})


SCENARIO: Scenario = Simple()
