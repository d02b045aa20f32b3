"""Parameters of the programs of the scenario client-server, rendered to argv; the C side is `dpdk_apps/client_server`
and `dpdk_apps/tcp_dispatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import Idle, Mode, Options

Dispatch = Literal["round-robin", "flow"]
TcpDispatch = Literal["handoff", "relay"]


@dataclass(frozen=True, kw_only=True)
class MpServerParams(Options):
    """The server of a DPDK group."""

    ports: int
    num_clients: int
    dispatch: Dispatch
    ring_size: int
    """Frames that the ring of a client holds, a power of two."""
    idle: Idle
    stats: str


@dataclass(frozen=True, kw_only=True)
class MpClientParams(Options):
    """One client of a DPDK group."""

    client_id: int
    num_clients: int
    drain_us: int
    """How long a frame may wait in the send buffer, in us; 0: not at all."""
    sleep_us: int = 0
    idle: Idle
    stats: str


@dataclass(frozen=True, kw_only=True)
class TcpDispatcherParams(Options):
    """The dispatcher of the TCP twin."""

    listen: str
    socket: str
    """Path of the Unix socket that the workers join by."""
    workers: int
    dispatch: TcpDispatch
    mode: Mode
    idle: Idle
    size: int
    stats: str


@dataclass(frozen=True, kw_only=True)
class TcpWorkerParams(Options):
    """One worker of the TCP twin."""

    socket: str
    worker: int
    mode: Mode
    idle: Idle
    sleep_us: int = 0
    stats: str
