"""Why a trial is not what it should be: one small function per verdict, each on the evidence of one trial.

A verdict with `invalid` takes the trial out of its row's numbers; the others are marks that travel with it. The
functions stand with what they are about: processes, the measurement, packets. Here is their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.results import measurement_verdicts, packet_verdicts, process_verdicts, protocol_verdicts
from orchestrator.results.evidence import Evidence
from orchestrator.results.model import Verdict
from orchestrator.results.packet_verdicts import NOT_OF_THE_LOAD
from orchestrator.results.process_verdicts import placement_shifted, probe_shifts

__all__ = ["NOT_OF_THE_LOAD", "Evidence", "all_verdicts", "judge", "placement_shifted", "probe_shifts"]


def all_verdicts() -> tuple[Callable[[Evidence], Verdict | None], ...]:
    """Every verdict, in the order in which they are shown: what explains others comes first."""
    return (
        process_verdicts.oversubscribed,
        process_verdicts.ring_stuck,
        process_verdicts.killed_as_asked,
        process_verdicts.fault,
        measurement_verdicts.no_samples,
        measurement_verdicts.unreadable,
        process_verdicts.placement_changed,
        process_verdicts.placement_unknown,
        measurement_verdicts.load_not_reached,
        measurement_verdicts.recorder_full,
        measurement_verdicts.miscounted,
        measurement_verdicts.saturated,
        measurement_verdicts.clocks_differ,
        protocol_verdicts.operations_failed,
        packet_verdicts.corrupt,
        packet_verdicts.contents_differ,
        packet_verdicts.accounting,
        packet_verdicts.leaked,
        packet_verdicts.counts_disagree,
        process_verdicts.wrong_cpu,
        packet_verdicts.losses,
        packet_verdicts.duplicates,
        packet_verdicts.refused,
        packet_verdicts.reordered,
        packet_verdicts.retransmissions,
        protocol_verdicts.faults_as_asked,
        protocol_verdicts.requests_repeated,
        protocol_verdicts.requests_unanswered,
        packet_verdicts.drops,
        measurement_verdicts.drifting,
    )


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """All verdicts of a trial. After a fault, or with a stuck ring, what follows from it (no samples, missing
    files) is not listed again.
    """
    return tuple(_judge(evidence))


def _judge(evidence: Evidence) -> Iterator[Verdict]:
    consequences = (
        measurement_verdicts.no_samples,
        measurement_verdicts.unreadable,
        process_verdicts.placement_unknown,
        packet_verdicts.contents_differ,
        packet_verdicts.counts_disagree,
    )
    failed = process_verdicts.fault(evidence) is not None or process_verdicts.ring_stuck(evidence) is not None
    for verdict_of in all_verdicts():
        if failed and verdict_of in consequences:
            continue
        verdict = verdict_of(evidence)
        if verdict is not None:
            yield verdict
