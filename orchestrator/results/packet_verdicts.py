"""Verdicts about the packets of a trial: what became of each, whether everybody counted the same, and its buffers."""

from __future__ import annotations

from orchestrator.results.books import imbalances
from orchestrator.results.evidence import Evidence, invalid, mark
from orchestrator.results.model import Verdict

NOT_OF_THE_LOAD = frozenset(
    {
        *("runt", "group_address", "not_ipv4", "not_udp", "foreign", "late_probe", "stopped", "peer_closed"),
        *("stale", "old"),
    }
)
"""Drops that no measured message suffers: other people's frames, what is under way when programs end, and, of the
store's protocol, what came for a session or request that had ended.
"""

LEAKS = frozenset({"killed", "ring_stuck", "cut_off"})
"""Why buffers are out for good; other explanations are of a kind that a driver keeps."""


def corrupt(evidence: Evidence) -> Verdict | None:
    """Packets returned, or came to somebody who reads them, with another content than they were sent with."""
    stats = evidence.generator
    wrong = []
    if stats is not None and stats.corrupt:
        wrong.append(f"{stats.corrupt} of {stats.sent} returned with another content")
    wrong += [
        f"{name} read {entry.corrupt} with another content"
        for name, entry in evidence.stats.items()
        if entry is not stats and entry.corrupt
    ]
    return invalid("corrupt packets", "; ".join(wrong)) if wrong else None


def contents_differ(evidence: Evidence) -> Verdict | None:
    """What came is not what was sent: by the digests of everything, or by the fields of captured packets."""
    stats = evidence.generator
    wrong = list(evidence.proof.problems) if evidence.proof else []
    if stats is not None and stats.digest is not None and not stats.digest.agree:
        told = stats.digest
        wrong.append(f"digests: {told.sent} sent is not {told.received} received and {told.lost} lost")
    return invalid("contents differ", "; ".join(wrong)) if wrong else None


def accounting(evidence: Evidence) -> Verdict | None:
    """A process cannot say where each packet went, or a group not where each of its buffers is.

    What the generator must be able to say is in `books`.
    """
    wrong = [
        f"{entry.process}: {entry.packets_in} in, {entry.packets_out} out, {entry.drops} dropped"
        for entry in evidence.accounting
        if not entry.balanced
    ]
    if evidence.measuring is not None and evidence.generator is not None:
        wrong += imbalances(evidence.measuring.name, evidence.generator)
    wrong += [
        f"{pool.process}: {pool.in_use} of {pool.size} buffers not given back, {sum(pool.explained.values())} explained"
        for pool in evidence.pools
        if not pool.balanced
    ]
    return invalid("accounting", "; ".join(wrong)) if wrong else None


def leaked(evidence: Evidence) -> Verdict | None:
    """Buffers that nobody can give back: they were with a process that was killed, or on a ring that is stuck."""
    lost = [
        f"{pool.process}: {number} of {pool.size} ({reason.replace('_', ' ')})"
        for pool in evidence.pools
        for reason, number in pool.explained.items()
        if reason in LEAKS
    ]
    return mark("buffers leaked", "; ".join(lost)) if lost else None


def counts_disagree(evidence: Evidence) -> Verdict | None:
    """A program and its driver, or the two ends of a link, did not count the same packets."""
    wrong = evidence.counts.disagreements
    return invalid("counts disagree", "; ".join(wrong)) if wrong else None


def losses(evidence: Evidence) -> Verdict | None:
    """Packets did not return. They count as slower than all others in the percentiles."""
    stats = evidence.generator
    if stats is None or stats.lost == 0:
        return None
    return mark("losses", f"{stats.lost} of {stats.sent} packets lost, {stats.late} of them returned too late")


def duplicates(evidence: Evidence) -> Verdict | None:
    """Packets returned more than once, or were never sent."""
    stats = evidence.generator
    if stats is None or stats.duplicates + stats.unknown == 0:
        return None
    return mark("duplicates", f"{stats.duplicates} duplicates, {stats.unknown} never sent")


def refused(evidence: Evidence) -> Verdict | None:
    """The generator received what is no message of its run: cut off, of others, of another run or another flow."""
    stats = evidence.generator
    if stats is None:
        return None
    dropped = stats.drops_by_reason
    found = {
        "short": stats.short,
        "foreign": stats.foreign,
        "of other addresses": dropped.get("foreign", 0),
        "of another flow": dropped.get("wrong_flow", 0),
    }
    unexplained = dropped.get("refused_message", 0) - stats.short - stats.foreign - stats.corrupt
    found["refused otherwise"] = max(unexplained, 0)
    told = ", ".join(f"{number} {name}" for name, number in found.items() if number)
    return mark("refused", told) if told else None


def reordered(evidence: Evidence) -> Verdict | None:
    """Packets of one flow overtook one another."""
    stats = evidence.generator
    if stats is None or stats.reordered == 0:
        return None
    return mark("reordered", f"{stats.reordered} packets overtaken within their flow")


def retransmissions(evidence: Evidence) -> Verdict | None:
    """TCP sent segments again, so that a loss on the link hides in the tail."""
    again = {name: stats.retransmits for name, stats in evidence.stats.items() if stats.retransmits}
    if not again:
        return None
    return mark("retransmissions", f"segments sent again: {', '.join(f'{name} {n}' for name, n in again.items())}")


def drops(evidence: Evidence) -> Verdict | None:
    """Full rings: a driver had no room for packets that came, or a process could not pass on what it had received.

    Frames that are none of the generator's (group addresses) and what was under way when a process stopped are
    dropped too; they are in the accounting and not here.
    """
    found = []
    speaking = {counts.process for counts in evidence.protocol}
    entries = list(evidence.accounting)
    if evidence.generator_accounting is not None and evidence.generator_accounting.process in speaking:
        entries.append(evidence.generator_accounting)
    if evidence.faults_asked:  # told as such
        entries = [entry for entry in entries if entry.process not in speaking]
    found += [
        f"{counts.process}: " + ", ".join(f"{name} {number}" for name, number in counts.broken.items())
        for counts in evidence.protocol
        if counts.broken
    ]
    for entry in entries:
        reasons = {name: number for name, number in entry.reasons.items() if number and name not in NOT_OF_THE_LOAD}
        if reasons:
            found.append(f"{entry.process}: " + ", ".join(f"{name} {number}" for name, number in reasons.items()))
    generator = evidence.generator
    if generator is not None and evidence.measuring is not None:
        unsent = {reason: generator.drops_by_reason.get(reason, 0) for reason in ("ring_full", "unflushed")}
        found += [f"{evidence.measuring.name}: {reason} {number}" for reason, number in unsent.items() if number]
    for name, stats in evidence.stats.items():
        missed = sum(driver.missed for driver in stats.driver_stats)
        if missed:
            found.append(f"{name}: {missed} missed by the driver")
    return mark("drops", "; ".join(found)) if found else None
