"""Parameters of the store's programs, rendered to argv; the C side is `dpdk_apps/store/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import Idle, LoadParams, Mode, Options, number

Serve = Literal["echo", "store"]
Op = Literal["read", "write", "mixed", "echo"]
Durability = Literal["memory", "log", "dsync"]
Cache = Literal["none", "auto"]
Engine = Literal["psync", "io_uring"]


@dataclass(frozen=True, kw_only=True)
class TcpServerEnd(Options):
    """Where a server listens, `IP:PORT`: only there, and only over the interface that has the address."""

    listen: str
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class TcpClientEnd(Options):
    """The server that a client connects to, `IP:PORT`."""

    connect: str
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class DpdkServerEnd(Options):
    """A server's ports, one for each link to a client; its frames carry the same address on all of them."""

    ports: int
    ip: str
    mtu: int


@dataclass(frozen=True, kw_only=True)
class DpdkClientEnd(Options):
    """A client's port, and the server's address."""

    ports: int
    ip: str
    peer_ip: str
    mtu: int


ServerEnd = TcpServerEnd | DpdkServerEnd
ClientEnd = TcpClientEnd | DpdkClientEnd


@dataclass(frozen=True, kw_only=True)
class FaultParams(Options):
    """Faults between the protocol and the driver of one program; lists as `store_faults` makes them."""

    fault_seed: int = 0
    fault_out: str = ""
    fault_in: str = ""


@dataclass(frozen=True, kw_only=True)
class BackingParams(Options):
    """What a server keeps its files in, and what its answers promise."""

    backing: str
    durability: Durability
    cache: Cache
    state: str = ""
    """The file by which a server that is started again knows the ids that clients hold."""


@dataclass(frozen=True, kw_only=True)
class StoreServerParams(Options):
    """The server: of echoes, or of files where it has a folder for them."""

    end: ServerEnd
    serve: Serve
    files: BackingParams | None = None
    idle: Idle
    stats: str


@dataclass(frozen=True, kw_only=True)
class StoreLoadParams(Options):
    """Our own client, which measures without FUSE."""

    end: ClientEnd
    what: Serve
    op: Op
    write_percent: int = 0
    file_mb: int
    faults: FaultParams
    load: LoadParams


@dataclass(frozen=True, kw_only=True)
class StoreMountParams(Options):
    """The relay between a mounted folder and a server."""

    end: ClientEnd
    mount: str
    deadline_ms: int
    idle: Idle
    faults: FaultParams
    stats: str


@dataclass(frozen=True, kw_only=True)
class StoreMountSelfParams(Options):
    """The relay that answers by itself: FUSE alone."""

    mount: str
    file_mb: int
    stats: str


@dataclass(frozen=True, kw_only=True)
class MeasureParams(Options):
    """What a program does that measures and is no generator of ours."""

    warmup_s: float
    window_s: float
    samples: str

    def argv(self) -> tuple[str, ...]:
        """The options; it stays until it is stopped, as generators do."""
        return (
            f"--warmup={number(self.warmup_s)}",
            f"--window={number(self.window_s)}",
            f"--samples={self.samples}",
            "--linger",
        )


@dataclass(frozen=True, kw_only=True)
class StoreFioParams(Options):
    """fio on a file of the mounted folder."""

    file: str
    size: int
    file_mb: int
    op: Op
    write_percent: int = 0
    depth: int
    engine: Engine
    measure: MeasureParams
    stats: str
    json: str


@dataclass(frozen=True, kw_only=True)
class PingPongParams(Options):
    """Bare frames to and fro between two ports, with nothing checked; who pings measures."""

    role: Literal["ping", "pong"]
    ports: int
    size: int
    measure: MeasureParams | None = None
    stats: str


@dataclass(frozen=True, kw_only=True)
class SockperfParams(Options):
    """sockperf over TCP: its server, or its ping-pong, which measures."""

    role: Literal["server", "ping-pong"]
    address: str
    port: int
    mode: Mode
    size: int
    measure: MeasureParams | None = None
    stats: str
