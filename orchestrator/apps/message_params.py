"""Parameters of the programs of the scenario `message`, rendered to argv; the C side is `dpdk_apps/message/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.params import Idle, LoadParams, Mode, port_mask

Payload = Literal["bytes", "struct", "large"]
Shape = Literal["poll", "naive"]
NEVER = -1
"""Of `drain_us`: send buffers leave only when they are full."""


@dataclass(frozen=True)
class LoopParams:
    """The shape of a program's loop."""

    loop: Shape
    sleep_us: int

    def argv(self) -> tuple[str, ...]:
        """The options that all programs here share."""
        return (f"--loop={self.loop}", f"--sleep-us={self.sleep_us}")


@dataclass(frozen=True)
class CaptureParams:
    """The first packets each way that a program keeps, in files called after the process; 0: none."""

    process: str
    packets: int

    def argv(self) -> tuple[str, ...]:
        """Nothing where nothing is kept."""
        return (f"--dump={self.packets}", f"--capture={self.process}") if self.packets else ()


@dataclass(frozen=True)
class ContentParams:
    """What a generator's messages are, over whichever transport."""

    payload: Payload
    mtu: int
    """Of the link, bytes of an IP packet. Over TCP, records are as long as they are over DPDK."""
    capture: CaptureParams
    load: LoadParams

    def argv(self) -> tuple[str, ...]:
        """The options that both generators share."""
        return (
            f"--payload={self.payload}",
            f"--mtu={self.mtu}",
            *self.capture.argv(),
            *self.load.argv(),
        )


@dataclass(frozen=True)
class MessageParams:
    """The generator over DPDK."""

    ports: int
    src_ip: str
    dst_ip: str
    loop: LoopParams
    settle_ms: int
    """At the end: how long nothing must have come."""
    content: ContentParams
    peer_mac: str = ""

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            "-p",
            port_mask(self.ports),
            "--queues=1",
            f"--src-ip={self.src_ip}",
            f"--dst-ip={self.dst_ip}",
            *((f"--peer-mac={self.peer_mac}",) if self.peer_mac else ()),
            *self.loop.argv(),
            f"--settle-ms={self.settle_ms}",
            *self.content.argv(),
        )


@dataclass(frozen=True)
class L2fwdParams:
    """The forwarder over DPDK."""

    ports: int
    idle: Idle
    mtu: int
    drain_us: int
    loop: LoopParams
    capture: CaptureParams
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's part of the command line."""
        return (
            "-p",
            port_mask(self.ports),
            f"--idle={self.idle}",
            f"--mtu={self.mtu}",
            f"--drain-us={'never' if self.drain_us == NEVER else self.drain_us}",
            *self.loop.argv(),
            *self.capture.argv(),
            f"--stats={self.stats}",
        )


@dataclass(frozen=True)
class TcpMessageParams:
    """The generator of the twin."""

    connect: str
    mode: Mode
    content: ContentParams

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (f"--connect={self.connect}", f"--mode={self.mode}", *self.content.argv())


@dataclass(frozen=True)
class TcpForwardParams:
    """The forwarder of the twin."""

    listen: str
    mode: Mode
    idle: Idle
    loop: LoopParams
    capture: CaptureParams
    stats: str

    def argv(self) -> tuple[str, ...]:
        """The program's arguments."""
        return (
            f"--listen={self.listen}",
            f"--mode={self.mode}",
            f"--idle={self.idle}",
            *self.loop.argv(),
            *self.capture.argv(),
            f"--stats={self.stats}",
        )
