"""Why a trial is not what it should be: one small function per verdict, each on the evidence of one trial.

A verdict with `invalid` takes the trial out of its row's numbers; the others are marks that travel with it. `drift` is
a mark and no exclusion: leaving out trials for what was measured in them would bend the distribution that is reported.
The placement probe may exclude, because it is measured outside the window and knows nothing of the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from orchestrator.apps.process import PlannedProcess
from orchestrator.experiments.records import ProcessOutcome, TrialRecord
from orchestrator.results.books import imbalances
from orchestrator.results.content_proof import Proof
from orchestrator.results.model import Accounting, PoolBalance, ProbeShift, ThreadReading, Verdict
from orchestrator.results.packet_counts import Comparison
from orchestrator.results.stats import ProcessStats, cpus_of_list

PROBE_SHIFT = 0.25
"""A placement counts as changed when the cache-line round trip shifts by more than this fraction."""
LOAD_TOLERANCE = 0.99
"""In an open loop, the fraction of the asked rate that must have been reached."""
DRIFT_CHANGE = 0.10
"""A change of the median from the first to the last third that is worth a mark ..."""
DRIFT_P = 0.01
"""... if the blocks of the two thirds differ this clearly."""

NOT_OF_THE_LOAD = frozenset(
    {"runt", "group_address", "not_ipv4", "not_udp", "foreign", "late_probe", "stopped", "peer_closed"}
)
"""Drops that no measured message suffers: other people's frames, and what is under way when programs end."""

LEAKS = frozenset({"killed", "ring_stuck"})
"""Why buffers are out for good; other explanations are of a kind that a driver keeps."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of a trial when it is judged."""

    record: TrialRecord
    measuring: PlannedProcess | None
    """The generator of the trial."""
    stats: dict[str, ProcessStats]
    """By process; a process that left no stats is missing."""
    problems: tuple[str, ...] = ()
    """What could not be read, one line each."""
    samples: int = 0
    saturated: bool = False
    drift: tuple[float, float] | None = None
    threads: tuple[ThreadReading, ...] = ()
    accounting: tuple[Accounting, ...] = ()
    generator_accounting: Accounting | None = None
    pools: tuple[PoolBalance, ...] = ()
    probes: tuple[ProbeShift, ...] = ()
    counts: Comparison = field(default_factory=Comparison)
    """What came of the comparison of everybody's counts."""
    proof: Proof | None = None
    """What came of the comparison of captured packets, where the trial was to keep some."""

    @property
    def generator(self) -> ProcessStats | None:
        """The generator's stats, if it left any."""
        return self.stats.get(self.measuring.name) if self.measuring else None


def _invalid(reason: str, detail: str) -> Verdict:
    return Verdict(name=f"invalid: {reason}", detail=detail, invalid=True)


def _mark(name: str, detail: str) -> Verdict:
    return Verdict(name=name, detail=detail, invalid=False)


def oversubscribed(evidence: Evidence) -> Verdict | None:
    """Processes share a CPU, known from the plan. The numbers are shown, but never count as valid."""
    if not evidence.record.trial.oversubscribed:
        return None
    processes = evidence.record.trial.processes
    cpus = {cpu for process in processes for cpu in process.cpus}
    return Verdict(
        name="oversubscribed",
        detail=f"{len(processes)} processes, generator included, on {len(cpus)} CPUs",
        invalid=True,
    )


def ring_stuck(evidence: Evidence) -> Verdict | None:
    """A process was killed within an operation on a ring that others use too: its tail stands still for ever."""
    stuck = [name for name, stats in evidence.stats.items() if stats.ended == "ring stuck"]
    if not stuck:
        return None
    told = ", ".join(f"{name}: the ring {evidence.stats[name].ring_stuck}".rstrip() for name in stuck)
    return _invalid("ring stuck", f"{told}: its tail stands still, a process died within an operation on it")


def killed_as_asked(evidence: Evidence) -> Verdict | None:
    """A process that was to kill itself in the window did so: what became of the others is what the trial is about."""
    planned = {process.name: process for process in evidence.record.trial.processes}
    ended = [process for process in evidence.record.processes if planned[process.name].dies]
    missed = [process for process in ended if not _as_asked(evidence, process)]
    if missed and not evidence.record.fault:
        told = ", ".join(f"{process.host}: {process.name}: exit code {process.exit_code}" for process in missed)
        return _invalid("not killed", f"{told}, though it was to kill itself")
    killed = [f"{process.host}: {process.name} after {process.seconds:.2f} s" for process in ended]
    return _mark("killed as asked", ", ".join(killed)) if killed and not missed else None


def _as_asked(evidence: Evidence, outcome: ProcessOutcome) -> bool:
    """Whether a process ended as the trial wanted it to, which is not the usual way.

    One that a stuck ring may hold up has that excuse only where a ring is stuck.
    """
    planned = next(process for process in evidence.record.trial.processes if process.name == outcome.name)
    if planned.may_hang and ring_stuck(evidence) is None:
        return False
    return planned.ended_as_asked(outcome.exit_code, outcome.reason)


def fault(evidence: Evidence) -> Verdict | None:
    """Something went wrong while the trial ran: it was interrupted, or a process died or did not end as it should."""
    line = evidence.record.fault
    if line.startswith("interrupted"):
        return _invalid("interrupted", line)
    for process in evidence.record.processes:
        if _as_asked(evidence, process):
            continue
        where = f"{process.host}: {process.name}"
        by_itself = process.reason == "exit" or (process.reason == "stopped" and not line)
        if by_itself and process.exit_code != 0:
            return _invalid("app died", line or f"{where}: exit code {process.exit_code}")
        if process.reason == "deadline":
            return _invalid("deadline passed", line or f"{where}: did not end in time")
        if process.reason in {"eof", "heartbeat", "lost"}:
            return _invalid("connection lost", line or f"{where}: {process.reason}")
    return _invalid("fault", line) if line else None


def placement_shifted(record: TrialRecord) -> bool:
    """Whether the probes around a trial say that it was measured on more than one placement."""
    return any(abs(probe.shift) > PROBE_SHIFT for probe in probe_shifts(record))


def probe_shifts(record: TrialRecord) -> tuple[ProbeShift, ...]:
    """Each probe that was read on both sides of the trial, with its shift relative to the reading before."""
    after = {(reading.host, reading.cpus): reading.round_trip_ns for reading in record.probes_after}
    return tuple(
        ProbeShift(
            host=reading.host,
            cpus=reading.cpus,
            before_ns=reading.round_trip_ns,
            after_ns=after[reading.host, reading.cpus],
            shift=after[reading.host, reading.cpus] / reading.round_trip_ns - 1,
        )
        for reading in record.probes_before
        if (reading.host, reading.cpus) in after and reading.round_trip_ns > 0
    )


def placement_changed(evidence: Evidence) -> Verdict | None:
    """The cache-line round trip between the CPUs of the trial shifted: a virtual machine was moved between cores."""
    worst = max(evidence.probes, key=lambda probe: abs(probe.shift), default=None)
    if worst is None or abs(worst.shift) <= PROBE_SHIFT:
        return None
    first, second = worst.cpus
    return _invalid(
        "placement changed",
        f"{worst.host}: cache line between CPU {first} and {second}: {worst.before_ns:.0f} ns before, "
        f"{worst.after_ns:.0f} ns after ({worst.shift:+.0%})",
    )


def placement_unknown(evidence: Evidence) -> Verdict | None:
    """A probe was planned and has no reading on both sides of the trial."""
    read = {(probe.host, probe.cpus) for probe in evidence.probes}
    missing = [pair for pair in evidence.record.trial.probes if (pair.host, pair.cpus) not in read]
    if not missing:
        return None
    pairs = (f"{pair.host}: no probe of CPUs {pair.cpus[0]},{pair.cpus[1]}" for pair in missing)
    return _invalid("placement unknown", "; ".join(pairs))


def load_not_reached(evidence: Evidence) -> Verdict | None:
    """An open loop that did not carry the load it was asked for says nothing about that load (Lancet, ATC'19)."""
    stats = evidence.generator
    if stats is None or stats.loop != "open" or stats.rate_achieved >= LOAD_TOLERANCE * stats.rate_asked:
        return None
    return _invalid("load not reached", f"asked {stats.rate_asked:.0f}/s, achieved {stats.rate_achieved:.0f}/s")


def no_samples(evidence: Evidence) -> Verdict | None:
    """Nothing returned in the window, or no samples were stored."""
    return _invalid("no samples", "no packet of the window returned") if evidence.samples == 0 else None


def unreadable(evidence: Evidence) -> Verdict | None:
    """A file that a process should have left is missing or is not what it should be."""
    return _invalid("incomplete files", "; ".join(evidence.problems)) if evidence.problems else None


def miscounted(evidence: Evidence) -> Verdict | None:
    """The generator's counters and the stored samples tell different stories."""
    stats = evidence.generator
    if stats is None or evidence.samples in {0, stats.returned}:
        return None
    return _invalid("samples miscounted", f"{stats.returned} returned, but {evidence.samples} samples stored")


def saturated(evidence: Evidence) -> Verdict | None:
    """A time did not fit into the recorder's 32 bits."""
    return _invalid("time overflow", "a gap or round trip of 4.29 s or more") if evidence.saturated else None


def recorder_full(evidence: Evidence) -> Verdict | None:
    """The recorder ran out of room: the end of the window is missing."""
    stats = evidence.generator
    if stats is None or not stats.recorder_full:
        return None
    return _invalid("recorder full", f"{stats.sent} packets recorded; raise --max-samples or shorten the window")


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
    return _invalid("corrupt packets", "; ".join(wrong)) if wrong else None


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
    return _invalid("accounting", "; ".join(wrong)) if wrong else None


def leaked(evidence: Evidence) -> Verdict | None:
    """Buffers that nobody can give back: they were with a process that was killed, or on a ring that is stuck."""
    lost = [
        f"{pool.process}: {number} of {pool.size} ({reason.replace('_', ' ')})"
        for pool in evidence.pools
        for reason, number in pool.explained.items()
        if reason in LEAKS
    ]
    return _mark("buffers leaked", "; ".join(lost)) if lost else None


def counts_disagree(evidence: Evidence) -> Verdict | None:
    """A program and its driver, or the two ends of a link, did not count the same packets."""
    wrong = evidence.counts.disagreements
    return _invalid("counts disagree", "; ".join(wrong)) if wrong else None


def contents_differ(evidence: Evidence) -> Verdict | None:
    """What came is not what was sent: by the digests of everything, or by the fields of captured packets."""
    stats = evidence.generator
    wrong = list(evidence.proof.problems) if evidence.proof else []
    if stats is not None and stats.digest is not None and not stats.digest.agree:
        told = stats.digest
        wrong.append(f"digests: {told.sent} sent is not {told.received} received and {told.lost} lost")
    return _invalid("contents differ", "; ".join(wrong)) if wrong else None


def wrong_cpu(evidence: Evidence) -> Verdict | None:
    """A thread was allowed to run, or ran, on a CPU that the plan does not give its process."""
    wrong = [
        f"{thread.host}: {thread.process}/{thread.name}: allowed {thread.allowed}, last on {thread.last_cpu}, "
        f"planned {','.join(map(str, thread.planned_cpus))}"
        for thread in evidence.threads
        if thread.planned_cpus
        and not (cpus_of_list(thread.allowed) | {thread.last_cpu}) <= frozenset(thread.planned_cpus)
    ]
    return _invalid("wrong cpu", "; ".join(wrong)) if wrong else None


def losses(evidence: Evidence) -> Verdict | None:
    """Packets did not return. They count as slower than all others in the percentiles."""
    stats = evidence.generator
    if stats is None or stats.lost == 0:
        return None
    return _mark("losses", f"{stats.lost} of {stats.sent} packets lost, {stats.late} of them returned too late")


def duplicates(evidence: Evidence) -> Verdict | None:
    """Packets returned more than once, or were never sent."""
    stats = evidence.generator
    if stats is None or stats.duplicates + stats.unknown == 0:
        return None
    return _mark("duplicates", f"{stats.duplicates} duplicates, {stats.unknown} never sent")


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
    return _mark("refused", told) if told else None


def reordered(evidence: Evidence) -> Verdict | None:
    """Packets of one flow overtook one another."""
    stats = evidence.generator
    if stats is None or stats.reordered == 0:
        return None
    return _mark("reordered", f"{stats.reordered} packets overtaken within their flow")


def retransmissions(evidence: Evidence) -> Verdict | None:
    """TCP sent segments again, so that a loss on the link hides in the tail."""
    again = {name: stats.retransmits for name, stats in evidence.stats.items() if stats.retransmits}
    if not again:
        return None
    return _mark("retransmissions", f"segments sent again: {', '.join(f'{name} {n}' for name, n in again.items())}")


def drops(evidence: Evidence) -> Verdict | None:
    """Full rings: a driver had no room for packets that came, or a process could not pass on what it had received.

    Frames that are none of the generator's (group addresses) and what was under way when a process stopped are
    dropped too; they are in the accounting and not here.
    """
    found = []
    for entry in evidence.accounting:
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
    return _mark("drops", "; ".join(found)) if found else None


def drifting(evidence: Evidence) -> Verdict | None:
    """The median of the last third of the window differs from that of the first."""
    if evidence.drift is None:
        return None
    change, p = evidence.drift
    if abs(change) <= DRIFT_CHANGE or p >= DRIFT_P:
        return None
    return _mark("drift", f"median {change:+.0%} from the first to the last third (p = {p:.2g})")


def all_verdicts() -> tuple[Callable[[Evidence], Verdict | None], ...]:
    """Every verdict, in the order in which they are shown: what explains others comes first."""
    return (
        oversubscribed,
        ring_stuck,
        killed_as_asked,
        fault,
        no_samples,
        unreadable,
        placement_changed,
        placement_unknown,
        load_not_reached,
        recorder_full,
        miscounted,
        saturated,
        corrupt,
        contents_differ,
        accounting,
        leaked,
        counts_disagree,
        wrong_cpu,
        losses,
        duplicates,
        refused,
        reordered,
        retransmissions,
        drops,
        drifting,
    )


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """All verdicts of a trial. After a fault, or with a stuck ring, what follows from it (no samples, missing
    files) is not listed again.
    """
    return tuple(_judge(evidence))


def _judge(evidence: Evidence) -> Iterator[Verdict]:
    consequences = (no_samples, unreadable, placement_unknown, contents_differ, counts_disagree)
    failed = fault(evidence) is not None or ring_stuck(evidence) is not None
    for verdict_of in all_verdicts():
        if failed and verdict_of in consequences:
            continue
        verdict = verdict_of(evidence)
        if verdict is not None:
            yield verdict
