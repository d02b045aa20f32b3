"""What the ends of the store's protocol counted: what they had to repeat, and what became of each packet that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from orchestrator.results.model import Accounting, ProtocolCounts
from orchestrator.results.stats import ProcessStats

SENDING = frozenset({"tx_full", "unflushed", "ring_full"})
"""Drops of what was to be sent over DPDK."""
STREAM = "tcp"
"""The driver of a queue that is a stream: its drops are connections that were closed, and what was cut off by that."""
NO_KIND = "packets"
"""Beside the kinds of faults: how many packets came to the shim."""


def protocol_counts(stats: Mapping[str, ProcessStats]) -> tuple[ProtocolCounts, ...]:
    """Of each process that speaks the protocol."""
    return tuple(_counts(name, entry) for name, entry in stats.items() if entry.rpc is not None)


def packet_accounting(name: str, entry: ProcessStats) -> Accounting | None:
    """What became of the packets that came to a process which speaks the protocol; None for others.

    The transport counts what comes, and drops what is no packet of the protocol's; the protocol counts what the
    transport hands it, and refuses what makes no sense. What comes is what was taken and what either dropped. Where
    faults were done to packets that came, only what was left of them can be told of.
    """
    if entry.rpc is None:
        return None
    refused = entry.rpc.refused
    hurt = entry.faults is not None and bool(_kinds(entry.faults.into))
    dropped = {} if hurt else _drops(entry, broken=False)
    reasons = {reason: dropped.get(reason, 0) + refused.get(reason, 0) for reason in {**dropped, **refused}}
    return Accounting(
        process=name,
        packets_in=entry.rpc.rx if hurt else entry.rx_packets,
        packets_out=entry.rpc.rx - sum(refused.values()),
        drops=sum(reasons.values()),
        reasons=reasons,
    )


def _counts(name: str, entry: ProcessStats) -> ProtocolCounts:
    assert entry.rpc is not None  # noqa: S101 - who calls has looked
    rpc, faults = entry.rpc, entry.faults
    return ProtocolCounts(
        process=name,
        tx=rpc.tx,
        rx=rpc.rx,
        retransmitted=rpc.retransmitted,
        timeouts=rpc.timeouts,
        deadlines=rpc.deadlines,
        restarts=rpc.restarts,
        busy=rpc.busy,
        duplicates=rpc.duplicates,
        refused=rpc.refused,
        broken=_drops(entry, broken=True),
        faults_out=_kinds(faults.out) if faults else {},
        faults_in=_kinds(faults.into) if faults else {},
    )


def _drops(entry: ProcessStats, *, broken: bool) -> dict[str, int]:
    """What the transport dropped, by reason: of packets that came whole, or all else."""
    found: Counter[str] = Counter()
    for queue in entry.queues:
        for reason, number in queue.drops.items():
            if number and (queue.driver == STREAM or reason in SENDING) == broken:
                found[reason] += number
    return dict(found)


def _kinds(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in counts.items() if number and kind != NO_KIND}
