"""Parameters of the programs of the scenario client-server, rendered to argv; the C side is `dpdk_apps/client_server`
and `dpdk_apps/tcp_dispatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import Idle, Mode, port_mask

Dispatch = Literal["round-robin", "flow"]
TcpDispatch = Literal["handoff", "relay"]


@dataclass(frozen=True)
class MpServerParams:
    """The server of a DPDK group."""

    ports: int
    num_clients: int
    dispatch: Dispatch
    ring_size: int
    """Frames that the ring of a client holds, a power of two."""
    idle: Idle
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            "-p",
            port_mask(self.ports),
            f"--num-clients={self.num_clients}",
            f"--dispatch={self.dispatch}",
            f"--ring-size={self.ring_size}",
            f"--idle={self.idle}",
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class MpClientParams:
    """One client of a DPDK group."""

    client_id: int
    num_clients: int
    drain_us: int
    """How long a frame may wait in the send buffer, in us; 0: not at all."""
    sleep_us: int
    idle: Idle
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            f"--client-id={self.client_id}",
            f"--num-clients={self.num_clients}",
            f"--drain-us={self.drain_us}",
            *((f"--sleep-us={self.sleep_us}",) if self.sleep_us else ()),
            f"--idle={self.idle}",
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class TcpDispatcherParams:
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

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (
            f"--listen={self.listen}",
            f"--socket={self.socket}",
            f"--workers={self.workers}",
            f"--dispatch={self.dispatch}",
            f"--mode={self.mode}",
            f"--idle={self.idle}",
            f"--size={self.size}",
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class TcpWorkerParams:
    """One worker of the TCP twin."""

    socket: str
    worker: int
    mode: Mode
    idle: Idle
    sleep_us: int
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (
            f"--socket={self.socket}",
            f"--worker={self.worker}",
            f"--mode={self.mode}",
            f"--idle={self.idle}",
            *((f"--sleep-us={self.sleep_us}",) if self.sleep_us else ()),
            f"--stats={self.stats}",
        )
