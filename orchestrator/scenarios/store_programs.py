"""The store's programs as processes: the links over which they talk, the CPUs and folders that they take.

The scenario `store` and a mounted store (`invoke store-mount`) have them in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.params import Idle, Mode
from orchestrator.apps.process import PlannedProcess
from orchestrator.apps.store_params import (
    BackingParams,
    ClientEnd,
    DpdkClientEnd,
    DpdkServerEnd,
    Durability,
    Serve,
    ServerEnd,
    StoreServerParams,
    TcpClientEnd,
    TcpServerEnd,
)
from orchestrator.errors import UsageError
from orchestrator.hosts.scratch import memory_folder
from orchestrator.inventory.addresses import dpdk_address, kernel_address
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import TrialContext
from orchestrator.scenarios.cables import Cable, End, cables_between, dpdk_device, suitable
from orchestrator.scenarios.processes import dpdk_process, kernel_process, packet_memory

TCP_PORT = 7100
SLOTS = 32
"""Requests of one client that may be out (`--slots` of the programs)."""


@dataclass(frozen=True)
class Way:
    """How clients reach the server: over DPDK each by a cable of its own, over TCP all by one."""

    inventory: Inventory
    transport: str
    cables: tuple[Cable, ...]
    mtu: int

    @property
    def dpdk(self) -> bool:
        """Whether it is not TCP."""
        return self.transport == "dpdk"

    @property
    def program(self) -> str:
        """What the names of programs that go this way end with."""
        return "dpdk" if self.dpdk else "tcp"

    @property
    def mode(self) -> Mode:
        """How programs over TCP learn that something came."""
        return "poll" if self.transport.endswith("-poll") else "block"

    @property
    def polls(self) -> bool:
        """Whether the server keeps its CPU busy."""
        return self.dpdk or self.mode == "poll"

    @property
    def server(self) -> Host:
        """The server's host."""
        return self.cables[0].sut.host

    @property
    def endpoint(self) -> str:
        """The server's address and port over TCP."""
        return f"{kernel_address(self.inventory, self.cables[0].sut.ref).ip}:{TCP_PORT}"

    def cable(self, client: int) -> Cable:
        """The cable of client number `client`."""
        return self.cables[client if self.dpdk else 0]

    def server_end(self) -> ServerEnd:
        """The server's part of the command line."""
        if not self.dpdk:
            return TcpServerEnd(listen=self.endpoint, mode=self.mode)
        address = dpdk_address(self.inventory, self.cables[0].sut.ref)
        return DpdkServerEnd(ports=len(self.cables), ip=str(address), mtu=self.mtu)

    def client_end(self, client: int = 0) -> ClientEnd:
        """A client's part of the command line."""
        if not self.dpdk:
            return TcpClientEnd(connect=self.endpoint, mode=self.mode)
        return DpdkClientEnd(
            ports=1,
            ip=str(dpdk_address(self.inventory, self.cable(client).generator.ref)),
            peer_ip=str(dpdk_address(self.inventory, self.cables[0].sut.ref)),
            mtu=self.mtu,
        )


def find_way(inventory: Inventory, transport: str, link: str, mtu: int, server: Host, clients: Sequence[Host]) -> Way:
    """The way from `clients` (a host may be named several times) to `server` over links of a kind.

    Raises UsageError where there are too few such links, or none that carries packets of `mtu` bytes.
    """
    dpdk = transport == "dpdk"
    chosen: list[Cable] = []
    for host in clients if dpdk else {client.name: client for client in clients}.values():
        found, what = suitable(cables_between(inventory, link, host, server), link, dpdk=dpdk, shared=False)
        free = [cable for cable in found if cable not in chosen]
        if not free:
            raise UsageError(
                f"too few {what} between {host.name} and {server.name}: {len(found)} in the inventory",
                remedy="add links to the inventory or ask for less",
            )
        fitting = [cable for cable in free if _carries(cable, mtu, dpdk=dpdk)]
        if not fitting:
            raise UsageError(_too_small(free, mtu, transport), remedy="set another mtu, or that of the link")
        chosen.append(fitting[0])
    if not dpdk and len(chosen) > 1:
        raise UsageError(
            f"{transport}: the server listens on one link; {', '.join(host.name for host in clients)} have one each",
            remedy="name clients of one host",
        )
    return Way(inventory, transport, tuple(chosen), mtu)


def _carries(cable: Cable, mtu: int, *, dpdk: bool) -> bool:
    """Whether packets on the cable are of at most `mtu` bytes: those of TCP are as large as the link allows."""
    return cable.link.mtu >= mtu if dpdk else cable.link.mtu == mtu


def _too_small(found: Sequence[Cable], mtu: int, transport: str) -> str:
    links = ", ".join(f"{cable.link.name} has {cable.link.mtu}" for cable in found)
    return f"mtu={mtu}: {links}" + ("" if transport == "dpdk" else f", and {transport} sends what its link carries")


def network_process(
    way: Way,
    context: TrialContext,
    *,
    name: str,
    program: str,
    folder: str,
    argv: tuple[str, ...],
    stage: int,
    client: int | None = None,
    measures: bool = False,
) -> PlannedProcess:
    """A program that speaks over the network: client number `client`, or the server where it is None.

    `program` and `folder` as in `binary`, the first without the transport's part.
    """
    cables = way.cables if client is None else (way.cable(client),)
    ends: list[End] = [cable.sut if client is None else cable.generator for cable in cables]
    host = ends[0].host
    if not way.dpdk:
        return kernel_process(
            host,
            context,
            name=name,
            app=f"{program}_{way.program}",
            argv=argv,
            cpu=cpu_of(host, client or 0),
            stage=stage,
            polls=way.polls,
            measures=measures,
            folder=folder,
        )
    return dpdk_process(
        host,
        context,
        name=name,
        app=f"{program}_{way.program}",
        argv=argv,
        lcore=lcore_for(host, client or 0),
        devices=[dpdk_device(cable, end, port) for port, (cable, end) in enumerate(zip(cables, ends, strict=True))],
        stage=stage,
        group=name,
        hugepage_bytes=packet_memory(2 * len(cables)),
        measures=measures,
        folder=folder,
    )


def server_process(
    way: Way, context: TrialContext, *, serve: Serve, files: BackingParams | None, idle: Idle, folders: tuple[str, ...]
) -> PlannedProcess:
    """The server, with the folders that are made for it."""
    app = StoreServerParams(end=way.server_end(), serve=serve, files=files, idle=idle, stats="server.stats.json")
    process = network_process(
        way, context, name="server", program="store_server", folder="store/server", argv=app.argv(), stage=0
    )
    return process.model_copy(update={"folders": folders})


def fresh_backing(context: TrialContext, durability: Durability) -> str:
    """A folder for the files of one server, to be made for it: on the host's tmpfs, or beside its own files."""
    return memory_folder(f"{context.key}-store") if durability == "memory" else "backing"
