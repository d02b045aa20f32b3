"""Parameters of the programs of the scenario `message`, rendered to argv; the C side is `dpdk_apps/message/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import AddressParams, Idle, LoadParams, Mode, Options

Payload = Literal["bytes", "struct", "large"]
Shape = Literal["poll", "naive"]


@dataclass(frozen=True, kw_only=True)
class LoopParams(Options):
    """The shape of a program's loop."""

    loop: Shape
    sleep_us: int


@dataclass(frozen=True, kw_only=True)
class CaptureParams(Options):
    """The first packets each way that a program keeps, in files called after the process; 0: none."""

    process: str
    packets: int

    def argv(self) -> tuple[str, ...]:
        """Nothing where nothing is kept."""
        return (f"--dump={self.packets}", f"--capture={self.process}") if self.packets else ()


@dataclass(frozen=True, kw_only=True)
class ContentParams(Options):
    """What a generator's messages are, over whichever transport."""

    payload: Payload
    mtu: int
    """Of the link, bytes of an IP packet. Over TCP, records are as long as they are over DPDK."""
    capture: CaptureParams
    load: LoadParams


@dataclass(frozen=True, kw_only=True)
class MessageParams(Options):
    """The generator over DPDK."""

    ports: int
    queues: int
    addresses: AddressParams
    loop: LoopParams
    settle_ms: int
    """At the end: how long nothing must have come."""
    content: ContentParams


@dataclass(frozen=True, kw_only=True)
class L2fwdParams(Options):
    """The forwarder over DPDK."""

    ports: int
    idle: Idle
    mtu: int
    drain_us: int | Literal["never"]
    """How often send buffers are drained; `never`: they leave only when they are full."""
    loop: LoopParams
    capture: CaptureParams
    stats: str


@dataclass(frozen=True, kw_only=True)
class TcpMessageParams(Options):
    """The generator of the twin."""

    connect: str
    mode: Mode
    content: ContentParams


@dataclass(frozen=True, kw_only=True)
class TcpForwardParams(Options):
    """The forwarder of the twin."""

    listen: str
    mode: Mode
    idle: Idle
    loop: LoopParams
    capture: CaptureParams
    stats: str
