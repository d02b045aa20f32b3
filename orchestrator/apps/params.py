"""Parameters of our own programs as typed values, rendered to argv; the C side is `dpdk_apps/<app>/`.

Paths are relative: a process starts in its own folder of the run.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
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


@dataclass(frozen=True, kw_only=True)
class Options:
    """A part of a command line: each field is an option, called as the field, in the order of the fields.

    What has its default is left out. `ports` is a mask, and a field that is itself a part of a command line is put in
    as it is.

    >>> @dataclass(frozen=True, kw_only=True)
    ... class Ring(Options):
    ...     ports: int
    ...     ring_size: int
    ...     sleep_us: int = 0
    >>> Ring(ports=2, ring_size=512).argv()
    ('-p', '3', '--ring-size=512')
    """

    def argv(self) -> tuple[str, ...]:
        """The options, each one argument."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        given = ((field.name, value) for field, value in values if field.default is MISSING or value != field.default)
        return tuple(argument for name, value in given for argument in _option(name, value))


def _option(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, Options):
        return value.argv()
    if name == "ports" and isinstance(value, int):
        return ("-p", port_mask(value))
    return (f"--{name.replace('_', '-')}={value}",)


@dataclass(frozen=True, kw_only=True)
class SymmetricMpParams(Options):
    """One process of a symmetric group."""

    ports: int
    num_procs: int
    proc_id: int
    idle: Idle
    stats: str


@dataclass(frozen=True, kw_only=True)
class LoadParams(Options):
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


@dataclass(frozen=True, kw_only=True)
class AddressParams(Options):
    """Between which addresses a DPDK generator sends."""

    src_ip: str
    dst_ip: str
    peer_mac: str = ""
    """Without one it is learned from the first echo."""


@dataclass(frozen=True, kw_only=True)
class TrafficParams(Options):
    """The DPDK generator."""

    ports: int
    queues: int
    tx_queues: int = 0
    """Send queues, where they are fewer than `queues`."""
    spread: Literal["toeplitz", "driver"]
    addresses: AddressParams
    load: LoadParams


@dataclass(frozen=True, kw_only=True)
class TcpEchoParams(Options):
    """One worker of the TCP twin."""

    listen: str
    worker: int
    workers: int
    mode: Mode
    idle: Idle
    size: int
    stats: str


@dataclass(frozen=True, kw_only=True)
class TcpTrafficParams(Options):
    """The TCP generator."""

    connect: str
    mode: Mode
    load: LoadParams
