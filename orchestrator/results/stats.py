"""What a program counted: its stats file (`<process>.stats.json`, written as `dpdk_apps/common/stats.h` says).

Only the fields that results are made of are named here; a program may write more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from orchestrator.errors import OrchestratorError
from orchestrator.results.layout import read_json


class StatsError(OrchestratorError):
    """A stats file that cannot be used; the message names the file."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class QueueStats(_Part):
    """One queue of one port; for TCP, one worker's connections."""

    port: int = 0
    queue: int = 0
    driver: str = ""
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    drops: dict[str, int] = Field(default_factory=dict)


class ThreadStats(_Part):
    """One thread as the kernel saw it when the program ended. `allowed` is a cpulist such as `0-2,4`."""

    tid: int
    name: str
    allowed: str
    last_cpu: int
    voluntary_switches: int
    involuntary_switches: int

    @field_validator("allowed")
    @classmethod
    def _is_cpulist(cls, value: str) -> str:
        cpus_of_list(value)
        return value


class DriverStats(_Part):
    """What the driver of one port counted: in and out, and what never reached the program or never left."""

    port: int = 0
    error: str = ""
    """Why it did not say; the counts mean nothing then."""
    ipackets: int = 0
    opackets: int = 0
    imissed: int = 0
    ierrors: int = 0
    oerrors: int = 0
    rx_nombuf: int = 0

    @property
    def missed(self) -> int:
        """All that never reached the program, or never left."""
        return self.imissed + self.ierrors + self.oerrors + self.rx_nombuf


class TcpStats(_Part):
    """Of a process's connections, summed."""

    retransmits: int = 0
    mss: int = 0
    congestion: str = ""


class AccountingStats(_Part):
    """Packets in, out and dropped, of which in = out + drops; `reasons` where the queues do not tell them."""

    packets_in: int = Field(alias="in")
    packets_out: int = Field(alias="out")
    drops: int
    reasons: dict[str, int] = Field(default_factory=dict)


class StreamStats(_Part):
    """Bytes that a generator received over its connections: of whole messages, and what was left over at the end."""

    whole: int
    unfinished: int


class SendingStats(_Part):
    """Messages of a generator, warm-up included: sent = returned + lost + out, the last still under way at the end."""

    sent: int
    returned: int
    lost: int
    out: int


class MemberStats(_Part):
    """A part of a process that answers for its own packets, such as the ring of one client."""

    name: str
    packets_in: int = Field(alias="in")
    packets_out: int = Field(alias="out")
    drops: dict[str, int] = Field(default_factory=dict)


class PoolStats(_Part):
    """Packet buffers of a group when its process ended. `explained`: how many of those in use are known to be where."""

    size: int
    in_use_at_end: int
    explained: dict[str, int] = Field(default_factory=dict)


class DigestStats(_Part):
    """Sums of 64 bits over the contents of messages, in hexadecimal: sent = received + lost, modulo 2^64."""

    sent: str = "0"
    received: str = "0"
    lost: str = "0"

    @field_validator("sent", "received", "lost")
    @classmethod
    def _is_number(cls, value: str) -> str:
        int(value, 16)
        return value

    @property
    def agree(self) -> bool:
        """Whether what was sent is what came and what was lost."""
        return (int(self.sent, 16) - int(self.received, 16) - int(self.lost, 16)) % (1 << 64) == 0


class RpcStats(_Part):
    """One end of the store's protocol: packets, and what it took to have every request answered."""

    tx: int = 0
    rx: int = 0
    retransmitted: int = 0
    """Fragments that were sent before."""
    timeouts: int = 0
    """Waits that ended without news."""
    asks: int = 0
    busy: int = 0
    restarts: int = 0
    """Other servers, or other sessions, that a client met."""
    deadlines: int = 0
    """Requests that ended without an answer."""
    duplicates: int = 0
    old: int = 0
    stale: int = 0
    unexpected: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    """Bytes that are no packet, by reason."""

    @property
    def refused(self) -> dict[str, int]:
        """What came and was not taken, by reason."""
        told = {**self.dropped, "old": self.old, "stale": self.stale, "unexpected": self.unexpected}
        return {reason: number for reason, number in told.items() if number}


class FaultStats(_Part):
    """What the fault shim did to the packets of one process, by kind; and `packets`, how many came to it."""

    out: dict[str, int] = Field(default_factory=dict)
    into: dict[str, int] = Field(default_factory=dict, alias="in")


class ProcessStats(_Part):
    """The stats file of one process. The second half is the generator's; counts are of packets."""

    schema_version: Literal[1] = Field(alias="schema")
    app: str
    role: str
    ticks_per_s: float = 0.0
    queues: tuple[QueueStats, ...] = ()
    threads: tuple[ThreadStats, ...] = ()
    accounting: AccountingStats | None = None
    driver_stats: tuple[DriverStats, ...] = ()
    members: tuple[MemberStats, ...] = ()
    pool: PoolStats | None = None
    rpc: RpcStats | None = None
    faults: FaultStats | None = None
    proc_type: str = ""
    ended: str = ""
    oneway_backwards: int = 0
    """Messages that reached another CPU before they left theirs, by the two CPUs' counters."""
    ring_stuck: str = ""
    """Which ring, where it ended because of one."""

    loop: str = ""
    depth: int = 0
    rate_asked: float = 0.0
    rate_achieved: float = 0.0
    warmup_s: float = 0.0
    window_s: float = 0.0
    window_actual_s: float = 0.0
    sent: int = 0
    returned: int = 0
    lost: int = 0
    warmup_sent: int = 0
    duplicates: int = 0
    late: int = 0
    unknown: int = 0
    reordered: int = 0
    corrupt: int = 0
    foreign: int = 0
    short: int = 0
    recorder_full: bool = False
    floor: bool = False
    tcp: TcpStats | None = None
    stream: StreamStats | None = None
    sending: SendingStats | None = None
    asked: int = 0
    """Requests of a generator before and behind its measurement, which are no messages of it."""
    errors: dict[str, int] = Field(default_factory=dict)
    """Operations that were answered by an error, by its name."""
    digest: DigestStats | None = None
    settled: bool = False
    """The generator waited at the end until nothing was under way any more."""

    @property
    def retransmits(self) -> int:
        """TCP segments that this process sent again."""
        return self.tcp.retransmits if self.tcp else 0

    @property
    def drops_by_reason(self) -> dict[str, int]:
        """What was dropped on all queues, reasons without a drop left out."""
        reasons: dict[str, int] = {}
        for queue in self.queues:
            for reason, number in queue.drops.items():
                if number:
                    reasons[reason] = reasons.get(reason, 0) + number
        return reasons

    @property
    def rx_packets(self) -> int:
        """Packets (for TCP: messages) received on all queues."""
        return sum(queue.rx_packets for queue in self.queues)

    @property
    def rx_bytes(self) -> int:
        """Bytes received on all queues: for TCP, also those of messages that never became whole."""
        return sum(queue.rx_bytes for queue in self.queues)


def read_stats(path: Path) -> ProcessStats | None:
    """Read a stats file; None if there is none. Raises StatsError naming the file and the first wrong field."""
    if not path.exists():
        return None
    try:
        return ProcessStats.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StatsError(f"{path}: {where}: {first['msg']}") from error


def cpus_of_list(cpulist: str) -> frozenset[int]:
    """CPUs of a kernel cpulist: `0-2,4` is {0, 1, 2, 4}. Raises ValueError for anything else."""
    cpus: set[int] = set()
    for part in filter(None, cpulist.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)
