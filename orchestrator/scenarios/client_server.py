"""client-server: one server receives and hands bursts to the rings of N clients, each of which sends by its own queue.

The TCP twin is a dispatcher that hands connections to N workers (SCM_RIGHTS), or that relays each message to a worker
and its answer back, as the DPDK server does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator.apps.client_server_params import (
    Dispatch,
    MpClientParams,
    MpServerParams,
    TcpDispatch,
    TcpDispatcherParams,
    TcpWorkerParams,
)
from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.process import LcoreOnCpu, PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import kernel_address
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import Row, Rows, Scenario, TrialContext
from orchestrator.scenarios.cables import Cable, choose, dpdk_devices, driver_label, role_host
from orchestrator.scenarios.common import DEPTH, FLOWS, IDLE, LINK, RATE, SIZE, TRANSPORT, WARMUP_S, WINDOW_S
from orchestrator.scenarios.load import (
    idle_for,
    idle_of,
    is_dpdk,
    mode_of,
    pollers,
)
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import DISTRIBUTIONS, Plot
from orchestrator.scenarios.processes import dpdk_process, kernel_process, packet_memory
from orchestrator.scenarios.rows import LeftOutError, check_flows, check_link, every
from orchestrator.scenarios.shared_programs import tcp_traffic_process, traffic_process

DPDK_WAYS = ("round-robin", "flow")
TCP_WAYS = ("handoff", "relay")
CLIENTS = Parameter("clients", int, (1, 2), "clients of the server, workers of the dispatcher", low=1, high=16)
DISPATCH = Parameter(
    "dispatch",
    str,
    (*DPDK_WAYS, *TCP_WAYS),
    "who gets a packet: each client in turn, or by flow (dpdk); who gets a connection, or a message (tcp)",
    choices=(*DPDK_WAYS, *TCP_WAYS),
)
PORTS = Parameter(
    "ports", int, (1,), "ports of the server (dpdk): pairs 0-1, 2-3; one without a pair sends to itself", low=1, high=2
)
SLEEP_US = Parameter("sleep_us", int, (0,), "sleep in each turn of the sleeping client's loop", unit="us", high=1e6)
SLEEPING_CLIENT = Parameter("sleeping_client", int, (0,), "the client that sleeps, where sleep_us is set", high=15)
DRAIN_US = Parameter(
    "drain_us",
    int,
    (0,),
    "how long a packet may wait in a client's send buffer for others; 0: not at all. TCP has none, and one row beside "
    "the first value",
    unit="us",
    high=1e6,
)
RING_SIZE = Parameter(
    "ring_size",
    int,
    (512,),
    "packets in a client's ring, a power of two. TCP has none, and one row beside the first value",
    low=32,
    high=65536,
)
# Shorter than elsewhere: there are twice as many rows.
WINDOW = Parameter(WINDOW_S.name, float, (1.0,), WINDOW_S.help, unit="s", low=WINDOW_S.low, high=WINDOW_S.high)
TCP_PORT = 7000
WORKER_SOCKET = "workers.sock"
# net_tap passes the descriptors of its queues to each other process in one message, which holds eight.
MOST_CLIENTS_OF_A_TAP = 4


@dataclass(frozen=True)
class ClientServer:
    """The scenario `client-server`."""

    name: str = "client-server"
    summary: str = "mp_server, mp_client: one receives and deals packets out to N that send, against a TCP dispatcher"
    description: str = (
        "A server alone receives from the ports and hands packets to the rings of N clients, in turn or by flow; each "
        "client swaps the MAC addresses and sends by its own queue of the paired port. A burst goes into a ring as a "
        "whole or not at all, so a client that sleeps (sleep_us, sleeping_client, in an open loop) loses whole bursts, "
        "and the others none. Over veth the group shares a tap, since no second process can send by af_packet or "
        "af_xdp. The TCP twin hands whole connections to workers (handoff) or relays each message (relay). The way of "
        "dealing out is a part of the driver column, so that all ways over all transports are compared."
    )
    parameters: Sequence[Parameter] = (
        TRANSPORT,
        LINK,
        CLIENTS,
        DISPATCH,
        SIZE,
        FLOWS,
        DEPTH,
        RATE,
        WARMUP_S,
        WINDOW,
        IDLE,
        PORTS,
        SLEEP_US,
        SLEEPING_CLIENT,
        DRAIN_US,
        RING_SIZE,
    )
    plots: Sequence[Plot] = (
        *DISTRIBUTIONS,
        Plot("fates"),
        Plot("sweep", name="clients", x="clients", y="ops_per_s"),
        Plot("sweep", name="sleep", x="sleep_us", y="lost_percent"),
    )
    headline: Sequence[str] = ("clients",)
    example: str = "--set clients=2 --set rate=20000 --set sleep_us=0,5000 --set sleeping_client=1"

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """Transport and link first, then clients and dispatch, then the rest; see `Scenario.rows`.

        The way of dispatching is a part of the row's driver and no parameter, so that all ways share a panel.
        """
        # TCP has no such things: its rows are those of the first values, beside which they stand.
        twin = {name: settings[name][0] for name in ("drain_us", "ring_size")}
        return every(settings, lambda values: self._row(inventory, values, twin, explicit), self.name, explicit)

    def _row(
        self, inventory: Inventory, params: dict[str, Value], twin: dict[str, Value], explicit: frozenset[str]
    ) -> Row:
        transport, link = str(params.pop("transport")), str(params.pop("link"))
        check_link(inventory, transport, link)
        dpdk = transport == "dpdk"
        dispatch = str(params.pop("dispatch"))
        _check_dispatch(transport, dispatch)
        _check_sleep(params, explicit)
        _check_ring(params)
        clients = int(params["clients"])
        if not dpdk:
            params.update({**twin, "ports": 1})
        try:
            used = _cables(inventory, link, params, dpdk=dpdk)
        except UsageError as error:
            raise LeftOutError(error.what, *({"clients", "ports", "link"} & explicit)) from error
        check_flows(params, "ports")
        driver = driver_label(used, dpdk=dpdk)
        if driver == "tap" and clients > MOST_CLIENTS_OF_A_TAP:
            raise LeftOutError(
                f"clients={clients} cannot share a tap: its driver hands its queues to at most {MOST_CLIENTS_OF_A_TAP}",
                "clients",
            )
        if params["idle"] == "auto":
            params["idle"] = idle_for(pollers(inventory, 1 + clients))
        return Row(transport, link, f"{driver} {dispatch}", params)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """Server, then its clients, then the generator; or dispatcher, workers, TCP generator."""
        used = _cables(inventory, row.link, row.params, dpdk=is_dpdk(row))
        if not is_dpdk(row):
            return self._tcp(inventory, row, context, used[0])
        memif = row.link == "memif"  # what a client sends by queue K arrives on queue K
        traffic = traffic_process(
            inventory,
            row,
            context,
            used,
            queues=int(row.params["clients"]) if memif else 1,
            tx_queues=1 if memif else 0,
            spread=False,
        )
        return (*self._group(row, context, used), traffic)

    def _group(self, row: Row, context: TrialContext, used: list[Cable]) -> tuple[PlannedProcess, ...]:
        host = used[0].sut.host
        count = int(row.params["clients"])
        server = MpServerParams(
            ports=len(used),
            num_clients=count,
            dispatch=cast(Dispatch, _dispatch_of(row)),
            ring_size=int(row.params["ring_size"]),
            idle=idle_of(row),
            stats="server.stats.json",
        )
        clients = [
            MpClientParams(
                client_id=number,
                num_clients=count,
                drain_us=int(row.params["drain_us"]),
                sleep_us=_sleep_of(row, number),
                idle=idle_of(row),
                stats=f"client{number}.stats.json",
            )
            for number in range(count)
        ]
        return (
            _member(host, context, used, lcore_for(host, 0), "server", server.argv(), _hugepage_bytes(row, len(used))),
            *(
                _member(host, context, used, lcore_for(host, 1 + number), f"client{number}", client.argv())
                for number, client in enumerate(clients)
            ),
        )

    def _tcp(self, inventory: Inventory, row: Row, context: TrialContext, cable: Cable) -> tuple[PlannedProcess, ...]:
        sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
        mode = mode_of(row)
        count = int(row.params["clients"])
        endpoint = f"{kernel_address(inventory, cable.sut.ref).ip}:{TCP_PORT}"
        dispatcher = TcpDispatcherParams(
            listen=endpoint,
            socket=WORKER_SOCKET,
            workers=count,
            dispatch=cast(TcpDispatch, _dispatch_of(row)),
            mode=mode,
            idle=idle_of(row),
            size=int(row.params["size"]),
            stats="dispatcher.stats.json",
        )
        workers = [
            TcpWorkerParams(
                socket=WORKER_SOCKET,
                worker=number,
                mode=mode,
                idle=idle_of(row),
                sleep_us=_sleep_of(row, number),
                stats=f"worker{number}.stats.json",
            )
            for number in range(count)
        ]
        named = [("dispatcher", "tcp_dispatcher", dispatcher.argv())]
        named += [(f"worker{number}", "tcp_worker", worker.argv()) for number, worker in enumerate(workers)]
        processes = [
            kernel_process(
                sut,
                context,
                name=name,
                app=app,
                argv=argv,
                cpu=cpu_of(sut, index),
                stage=min(index, 1),
                polls=mode == "poll",
                folder="tcp_dispatch",
            )
            for index, (name, app, argv) in enumerate(named)
        ]
        return (*processes, tcp_traffic_process(generator, row, context, endpoint, stage=2))


def _member(
    host: Host,
    context: TrialContext,
    used: Sequence[Cable],
    lcore: LcoreOnCpu,
    name: str,
    argv: tuple[str, ...],
    hugepage_bytes: int = 0,
) -> PlannedProcess:
    """A process of the DPDK group: the server if it takes hugepages, else a client."""
    server = hugepage_bytes > 0
    return dpdk_process(
        host,
        context,
        name=name,
        app="mp_server" if server else "mp_client",
        argv=argv,
        lcore=lcore,
        devices=dpdk_devices(used, "sut"),
        stage=0 if server else 1,
        secondary=not server,
        hugepage_bytes=hugepage_bytes,
        folder="client_server",
    )


def _cables(inventory: Inventory, link: str, params: dict[str, Value], *, dpdk: bool) -> list[Cable]:
    """The links of a row. The server receives and every client sends, so even one client makes a shared port."""
    clients = int(params["clients"])
    return choose(
        inventory, link, dpdk=dpdk, ports=int(params["ports"]), processes=clients + 1, asked=f"clients={clients}"
    )


def _check_dispatch(transport: str, dispatch: str) -> None:
    ways = DPDK_WAYS if transport == "dpdk" else TCP_WAYS
    if dispatch not in ways:
        raise LeftOutError(
            f"{transport} has no dispatch={dispatch}; it has {' and '.join(ways)}", "transport", "dispatch"
        )


def _check_sleep(params: dict[str, Value], explicit: frozenset[str]) -> None:
    """A sleeper is only shown in an open loop: in a closed one it would slow the generator, and so all others, down."""
    if "sleeping_client" in explicit and "sleep_us" not in explicit:
        raise UsageError(
            f"sleeping_client={params['sleeping_client']} without sleep_us: nobody sleeps",
            remedy="set how long it sleeps, such as --set sleep_us=5000, and a rate",
        )
    if not params["sleep_us"]:
        return
    if not params["rate"]:
        raise UsageError(
            f"sleep_us={params['sleep_us']} in a closed loop: the generator would wait for the sleeper, and all others "
            "with it",
            remedy="set a rate that all clients carry without the sleeper, such as --set rate=20000",
        )
    if int(params["sleeping_client"]) >= int(params["clients"]):
        raise LeftOutError(
            f"there is no sleeping_client={params['sleeping_client']} among clients={params['clients']}, which are "
            "numbered from 0",
            "sleeping_client",
        )


def _check_ring(params: dict[str, Value]) -> None:
    size = int(params["ring_size"])
    if size & (size - 1):
        raise UsageError(f"ring_size={size} is no power of two", remedy=f"set ring_size={1 << size.bit_length()}")


def _dispatch_of(row: Row) -> str:
    """The way in which the row's packets, connections or messages are dealt out."""
    return row.driver.rpartition(" ")[2]


def _sleep_of(row: Row, client: int) -> int:
    """How long client number `client` sleeps in each turn, in us."""
    return int(row.params["sleep_us"]) if client == int(row.params["sleeping_client"]) else 0


def _hugepage_bytes(row: Row, ports: int) -> int:
    """What the group takes (as `mbufs_needed()` of server_main.c)."""
    clients = int(row.params["clients"])
    queues = ports * (clients + (clients if row.driver.startswith("tap ") else 1))
    held = clients * (int(row.params["ring_size"]) + 2 * 32 * ports)
    return packet_memory(queues, 1 + 2 * clients, more=held)


SCENARIO: Scenario = ClientServer()
