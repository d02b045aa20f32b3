"""Verdicts about the store's protocol: what had to be repeated hides a loss in the tail, and what had no answer is one.

Where faults were asked for, what came of them is what the trial is about, and is told in one mark.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.results.evidence import Evidence, invalid, mark
from orchestrator.results.model import ProtocolCounts, Verdict


def faults_as_asked(evidence: Evidence) -> Verdict | None:
    """Faults were asked for: which befell how many packets, and what it took to mend them."""
    if not evidence.faults_asked:
        return None
    told = [line for counts in evidence.protocol for line in (_faults(counts), _trouble(counts)) if line]
    return mark("faults as asked", "; ".join((str(evidence.record.trial.params["fault"]), *told)))


def requests_repeated(evidence: Evidence) -> Verdict | None:
    """Packets had to be sent again, or an answer was waited for in vain: the tail is that of the repeats."""
    if evidence.faults_asked:
        return None
    told = [line for counts in evidence.protocol if (line := _repeats(counts))]
    return mark("requests repeated", "; ".join(told)) if told else None


def requests_unanswered(evidence: Evidence) -> Verdict | None:
    """Requests ended by their deadline, or with the server that had them: nobody knows what became of them."""
    if evidence.faults_asked:
        return None
    told = [line for counts in evidence.protocol if (line := _unanswered(counts))]
    return mark("requests unanswered", "; ".join(told)) if told else None


def operations_failed(evidence: Evidence) -> Verdict | None:
    """Operations were answered by an error: how fast that came says nothing of what they take."""
    stats = evidence.generator
    failed = {name: number for name, number in stats.errors.items() if number} if stats else {}
    if not failed or evidence.faults_asked:
        return None
    return invalid("operations failed", ", ".join(f"{name} {number}" for name, number in failed.items()))


def _repeats(counts: ProtocolCounts) -> str:
    return _line(counts, ("retransmitted", counts.retransmitted), ("timeouts", counts.timeouts))


def _unanswered(counts: ProtocolCounts) -> str:
    return _line(counts, ("deadlines", counts.deadlines), ("restarts", counts.restarts))


def _trouble(counts: ProtocolCounts) -> str:
    return _line(
        counts,
        ("retransmitted", counts.retransmitted),
        ("timeouts", counts.timeouts),
        ("deadlines", counts.deadlines),
        ("restarts", counts.restarts),
        *counts.refused.items(),
    )


def _faults(counts: ProtocolCounts) -> str:
    return _line(counts, *_directed("out", counts.faults_out), *_directed("in", counts.faults_in))


def _directed(way: str, kinds: dict[str, int]) -> Iterator[tuple[str, int]]:
    return ((f"{way} {kind}", number) for kind, number in kinds.items())


def _line(counts: ProtocolCounts, *numbers: tuple[str, int]) -> str:
    """What of these numbers is not 0, behind the process; empty where all are."""
    told = ", ".join(f"{name} {number}" for name, number in numbers if number)
    return f"{counts.process}: {told}" if told else ""
