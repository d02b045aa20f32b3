"""What the ends of the store's protocol counted: what they had to repeat, and what became of each packet that came."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.results.model import Accounting, ProtocolCounts
from orchestrator.results.stats import FaultStats, ProcessStats, RpcStats


def protocol_counts(stats: Mapping[str, ProcessStats]) -> tuple[ProtocolCounts, ...]:
    """Of each process that speaks the protocol."""
    return tuple(_counts(name, entry.rpc, entry.faults) for name, entry in stats.items() if entry.rpc is not None)


def _counts(name: str, rpc: RpcStats, faults: FaultStats | None) -> ProtocolCounts:
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
        faults_out=_some(faults.out) if faults else {},
        faults_in=_some(faults.into) if faults else {},
    )


def packet_accounting(name: str, entry: ProcessStats) -> Accounting | None:
    """What became of the packets that came to a process which speaks the protocol; None for others.

    The transport counts what comes, and drops what is no packet of the protocol's; the protocol counts what the
    transport hands it, and refuses what makes no sense. What comes is what was taken and what either dropped. Where
    faults were done to packets that came, only what was left of them can be told of.
    """
    if entry.rpc is None:
        return None
    refused = entry.rpc.refused
    hurt = entry.faults is not None and any(entry.faults.into.values())
    dropped = {} if hurt else _some(received_drops(entry))
    reasons = {reason: dropped.get(reason, 0) + refused.get(reason, 0) for reason in {**dropped, **refused}}
    return Accounting(
        process=name,
        packets_in=entry.rpc.rx if hurt else entry.rx_packets,
        packets_out=entry.rpc.rx - sum(refused.values()),
        drops=sum(reasons.values()),
        reasons=reasons,
    )


def received_drops(entry: ProcessStats) -> dict[str, int]:
    """What the transport dropped of what came, by reason; what it could not send is no part of that."""
    return {reason: number for reason, number in entry.drops_by_reason.items() if reason not in SENDING}


SENDING = frozenset({"tx_full", "unflushed", "ring_full"})
"""Drops of what was to be sent."""


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}
