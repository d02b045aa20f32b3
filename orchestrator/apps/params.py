"""Parameters of our own programs as typed values, rendered to argv; the C side is `dpdk_apps/<app>/`.

Paths are relative: a process starts in its own folder of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Idle = Literal["spin", "yield"]
Mode = Literal["block", "poll"]


def number(value: float) -> str:
    """A number as it is written on a command line, without a needless fraction.

    >>> number(2.0), number(0.25)
    ('2', '0.25')
    """
    return str(int(value)) if value == int(value) else repr(value)


def port_mask(ports: int) -> str:
    """The `-p` mask of the first `ports` ports.

    >>> port_mask(2)
    '3'
    """
    return f"{(1 << ports) - 1:x}"


@dataclass(frozen=True)
class SymmetricMpParams:
    """One process of a symmetric group."""

    ports: int
    num_procs: int
    proc_id: int
    idle: Idle
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            "-p",
            port_mask(self.ports),
            f"--num-procs={self.num_procs}",
            f"--proc-id={self.proc_id}",
            f"--idle={self.idle}",
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class LoadParams:
    """What a generator sends, over whichever transport: the same fields, so that DPDK and TCP get the same schedule."""

    flows: int
    size: int
    """Bytes of a message."""
    depth: int
    """Messages in flight, closed loop; not used when `rate` is set."""
    rate: float
    """Messages per second, open loop; 0 means closed loop."""
    warmup_s: float
    window_s: float
    idle: Idle
    tag: int
    """Tells the messages of this trial from those of another."""
    timeout_ms: int
    """After which a message counts as lost."""
    max_samples: int
    """Messages that the recorder has room for, warm-up included."""
    samples: str
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The options that all generators share."""
        return (
            f"--flows={self.flows}",
            f"--size={self.size}",
            f"--rate={number(self.rate)}" if self.rate else f"--depth={self.depth}",
            f"--warmup={number(self.warmup_s)}",
            f"--window={number(self.window_s)}",
            f"--idle={self.idle}",
            f"--tag={self.tag}",
            f"--timeout-ms={self.timeout_ms}",
            f"--max-samples={self.max_samples}",
            f"--samples={self.samples}",
            f"--stats={self.stats}",
            # The runner stops the other end first.
            "--linger",
        )


@dataclass(frozen=True)
class TrafficParams:
    """The DPDK generator."""

    ports: int
    queues: int
    spread: Literal["toeplitz", "driver"]
    src_ip: str
    dst_ip: str
    load: LoadParams
    peer_mac: str = ""
    tx_queues: int = 0
    """Send queues, where they are fewer than `queues`."""

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            "-p",
            port_mask(self.ports),
            f"--queues={self.queues}",
            *((f"--tx-queues={self.tx_queues}",) if self.tx_queues else ()),
            f"--spread={self.spread}",
            f"--src-ip={self.src_ip}",
            f"--dst-ip={self.dst_ip}",
            *((f"--peer-mac={self.peer_mac}",) if self.peer_mac else ()),
            *self.load.argv(),
        )


@dataclass(frozen=True)
class TcpEchoParams:
    """One worker of the TCP twin."""

    listen: str
    worker: int
    workers: int
    mode: Mode
    idle: Idle
    size: int
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (
            f"--listen={self.listen}",
            f"--worker={self.worker}",
            f"--workers={self.workers}",
            f"--mode={self.mode}",
            f"--idle={self.idle}",
            f"--size={self.size}",
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class TcpTrafficParams:
    """The TCP generator."""

    connect: str
    mode: Mode
    load: LoadParams

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (f"--connect={self.connect}", f"--mode={self.mode}", *self.load.argv())
