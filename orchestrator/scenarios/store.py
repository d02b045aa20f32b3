"""store: single operations on files that a server on one host keeps and another host mounts, stage by stage.

What an operation costs is measured four times: the request and its answer alone (transport), carried out on a file
without FUSE (store), FUSE without a network (fuse), and through the mount, by fio (all). Beside them stand the floors
of both transports as other programs measure them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.apps.process import PlannedProcess
from orchestrator.apps.store_faults import DELAY_US, KINDS, NO_FAULT, parse_faults
from orchestrator.errors import UsageError
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Rows, Scenario, TrialContext
from orchestrator.scenarios.cables import driver_label, role_host
from orchestrator.scenarios.common import DEPTH, IDLE, LINK, RATE, SIZE, TRANSPORT, WARMUP_S, WINDOW_S
from orchestrator.scenarios.load import idle_for, pollers
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import DISTRIBUTIONS, Plot
from orchestrator.scenarios.rows import LeftOutError, check_link, every
from orchestrator.scenarios.store_programs import Way, find_way
from orchestrator.scenarios.store_stages import STAGES, WITHOUT_NETWORK, stage_processes

STAGE = Parameter(
    "stage",
    str,
    STAGES,
    "what is measured: transport (request and answer), store (and the file), fuse (the mount without a network), all "
    "(through the mount), floor (sockperf, or bare frames over dpdk)",
    choices=STAGES,
)
OP = Parameter(
    "op",
    str,
    ("read", "write", "echo"),
    "read or write at random places of a file; mixed: both; echo: as many bytes back as there (transport and floor)",
    choices=("read", "write", "mixed", "echo"),
)
ECHO_BYTES = 64
STORE_SIZE = replace(
    SIZE, default=(4096,), help=f"bytes of an operation; of an echo {ECHO_BYTES} unless it is set", low=64, high=1 << 20
)
DURABILITY = Parameter(
    "durability",
    str,
    ("memory", "log", "dsync"),
    "memory: the files are in a tmpfs; log: on a disk, through the page cache; dsync: on stable storage before the "
    "answer (reads wait for no disk, and are run with it only if it is set)",
    choices=("memory", "log", "dsync"),
)
NO_DURABILITY = "none"
"""Of stages that keep nothing."""
CACHE = Parameter(
    "cache",
    str,
    ("none",),
    "whether the mount's kernel keeps data of open files; fio's direct I/O passes by what it keeps",
    choices=("none", "auto"),
)
ENGINE = Parameter(
    "engine",
    str,
    ("auto",),
    "how fio asks; auto: psync at depth 1, io_uring above",
    choices=("auto", "psync", "io_uring"),
)
WRITE_PERCENT = Parameter("write_percent", int, (30,), "writes among the operations of op=mixed", "%", low=1, high=99)
MTU = Parameter(
    "mtu", int, (1500,), "largest packet, in bytes of IP; the link has to carry it", "B", low=1280, high=9216
)
FAULT = Parameter(
    "fault",
    str,
    (NO_FAULT,),
    "what befalls the client's packets, by chance or by number; none: nothing",
    form="none, or KIND=CHANCE and KIND@N joined by +, each for both ways or out: or in: alone, as "
    f"drop=0.1+in:truncate@7; KIND is {', '.join(KINDS)}; {DELAY_US}=N says how long a delay takes at most",
)
FAULT_SEED = Parameter("fault_seed", int, (1,), "which packets the faults befall", low=1, high=1 << 30)
TIMEOUT_MS = Parameter(
    "timeout_ms", int, (2000,), "after which a request ends with an error", unit="ms", low=10, high=4000
)
FLOOR_BYTES = {"dpdk": 1400, "tcp": 65000}
"""What one frame, or one message of sockperf, has room for."""
MEANT_BY = {
    "transport": frozenset({"mtu", "timeout_ms", "fault"}),
    "store": frozenset({"mtu", "timeout_ms", "fault", "durability"}),
    "all": frozenset({"mtu", "timeout_ms", "fault", "durability", "cache", "engine"}),
    "fuse": frozenset({"engine"}),
    "floor": frozenset[str](),
}
"""Of the parameters that not every stage has, those that mean something to it."""


@dataclass(frozen=True)
class Store:
    """The scenario `store`."""

    name: str = "store"
    summary: str = "a store of files, mounted through FUSE over DPDK and over TCP: one read or write, stage by stage"
    description: str = (
        "A server on one host keeps files; another host mounts them through FUSE, and fio reads and writes there. The "
        "stages of the way are measured by themselves beside it: transport, store, fuse, and all; durability says what "
        "an answer promises. floor checks the transports against other programs (sockperf, bare frames) at the size of "
        "the echo beside it. One protocol runs over both transports. The relay of the mount shares the CPU of fio, "
        "which is the faster way: one of them waits for the other."
    )
    parameters: Sequence[Parameter] = (
        TRANSPORT,
        LINK,
        STAGE,
        OP,
        STORE_SIZE,
        DURABILITY,
        replace(DEPTH, help="operations in flight (closed loop)", high=32),
        replace(RATE, help="operations a second on a schedule (open loop; transport and store); 0: closed loop"),
        WRITE_PERCENT,
        CACHE,
        ENGINE,
        MTU,
        FAULT,
        FAULT_SEED,
        TIMEOUT_MS,
        IDLE,
        replace(WARMUP_S, default=(0.2,)),
        replace(WINDOW_S, default=(0.4,)),
    )
    plots: Sequence[Plot] = (
        Plot("stages"),
        *DISTRIBUTIONS,
        Plot("sweep", name="size", x="size"),
        Plot("sweep", name="depth", x="depth", follows=("engine",)),
        Plot("sweep", name="throughput", x="depth", y="ops_per_s", follows=("engine",)),
        Plot("sweep", name="rate", x="rate", y="p99_us"),
        Plot("sweep", name="mtu", x="mtu"),
        Plot("sweep", name="mixed", x="write_percent"),
        Plot("sweep", name="fault", x="fault", y="p99_us"),
    )
    headline: Sequence[str] = ("stage", "op", "size", "durability")
    example: str = "--set stage=store,all --set op=read --set size=64,4096,65536 --set durability=memory"

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """Transport and link first, then stage and operation, then the rest; see `Scenario.rows`.

        The stage `fuse` has no network, and so one row for all transports and links.
        """
        _check_settings(settings, explicit)
        return every(settings, lambda values: _row(inventory, values, settings, explicit), self.name, explicit)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """The server, the mount, and what measures, as far as the stage has them."""
        way = None if row.transport == WITHOUT_NETWORK else _way(inventory, row.transport, row.link, row.params)
        return stage_processes(inventory, row, context, way)


def _check_settings(settings: Settings, explicit: frozenset[str]) -> None:
    """Raise UsageError for what makes sense in no row."""
    for text in settings["fault"]:
        try:
            parse_faults(str(text))
        except ValueError as error:
            raise UsageError(f"fault: {error}", remedy="such as --set fault=drop=0.1+duplicate=0.05") from error
    if "fault_seed" in explicit and set(settings["fault"]) == {NO_FAULT}:
        raise UsageError("fault_seed without fault: there are none", remedy="set fault as well")
    if "write_percent" in explicit and "mixed" not in settings["op"]:
        raise UsageError("write_percent without op=mixed: nothing is mixed", remedy="set op=mixed as well")


def _row(inventory: Inventory, params: dict[str, Value], settings: Settings, explicit: frozenset[str]) -> Row:
    transport, link = str(params.pop("transport")), str(params.pop("link"))
    _check_stage(params, explicit)
    _settle(params, settings, explicit)
    if params["idle"] == "auto":
        params["idle"] = idle_for(pollers(inventory, 1))
    if params["stage"] == "fuse":
        return Row(WITHOUT_NETWORK, WITHOUT_NETWORK, "fuse", params)
    check_link(inventory, transport, link)
    try:
        way = _way(inventory, transport, link, params)
    except UsageError as error:
        raise LeftOutError(error.what, *({"mtu", "link"} & explicit)) from error
    if params["stage"] == "floor" and int(params["size"]) > FLOOR_BYTES[way.program]:
        reason = f"stage=floor over {transport} has at most {FLOOR_BYTES[way.program]} B, not size={params['size']}"
        raise LeftOutError(reason, "stage", "size")
    return Row(transport, link, driver_label(way.cables, dpdk=way.dpdk), params)


def _check_stage(params: dict[str, Value], explicit: frozenset[str]) -> None:
    """Raise LeftOutError for what a stage cannot do."""
    stage, op = params["stage"], params["op"]
    if op == "echo" and stage not in {"transport", "floor"}:
        raise LeftOutError(f"stage={stage} has files, and no op=echo", "stage", "op")
    if op != "echo" and stage == "floor":
        raise LeftOutError(f"stage=floor has op=echo only, not op={op}", "stage", "op")
    if params["rate"] and stage not in {"transport", "store"}:
        who = "fio does not time from the intended send" if stage in {"fuse", "all"} else "it is a ping-pong"
        raise LeftOutError(f"stage={stage} has no open loop (rate): {who}", "stage", "rate")
    if int(params["depth"]) > 1 and stage == "floor":
        raise LeftOutError("stage=floor is a ping-pong, of depth 1", "stage", "depth")
    if int(params["depth"]) > 1 and params["engine"] == "psync" and stage in {"fuse", "all"}:
        raise LeftOutError(f"engine=psync has one operation in flight, not depth={params['depth']}", "engine", "depth")
    if op == "read" and params["durability"] == "dsync" and "durability" not in explicit:
        raise LeftOutError("reads wait for no disk: they are run with durability=dsync only if it is set")


def _settle(params: dict[str, Value], settings: Settings, explicit: frozenset[str]) -> None:
    """Resolve what is `auto`, and give what means nothing to the row one value, so that its values make one row."""
    meant = MEANT_BY[str(params["stage"])]
    for name in ("mtu", "timeout_ms", "cache", "engine"):
        if name not in meant:
            params[name] = settings[name][0]
    if "durability" not in meant:
        params["durability"] = NO_DURABILITY
    if params["engine"] == "auto":
        params["engine"] = "io_uring" if int(params["depth"]) > 1 else "psync"
    if params["op"] == "echo" and "size" not in explicit:
        params["size"] = ECHO_BYTES
    if params["op"] != "mixed":
        params.pop("write_percent")
    if "fault" not in meant or params["fault"] == NO_FAULT:  # so that it is shown where there is one
        params.pop("fault")
        params.pop("fault_seed")


def _way(inventory: Inventory, transport: str, link: str, params: dict[str, Value]) -> Way:
    """The link of a row. Raises UsageError if there is none of its MTU."""
    server, client = role_host(inventory, "sut"), role_host(inventory, "generator")
    return find_way(inventory, transport, link, int(params["mtu"]), server, (client,))


SCENARIO: Scenario = Store()
