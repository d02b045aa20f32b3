"""Verdicts about the processes of a trial: how they ended, and on which CPUs they ran.

The placement probe may exclude a trial, because it is measured outside the window and knows nothing of the outcome.
"""

from __future__ import annotations

from orchestrator.experiments.records import ProcessOutcome, TrialRecord
from orchestrator.results.evidence import Evidence, invalid, mark
from orchestrator.results.model import ProbeShift, Verdict
from orchestrator.results.stats import cpus_of_list

PROBE_SHIFT = 0.25
"""A placement counts as changed when the cache-line round trip shifts by more than this fraction."""


def ring_stuck(evidence: Evidence) -> Verdict | None:
    """A process was killed within an operation on a ring that others use too: its tail stands still for ever."""
    stuck = [name for name, stats in evidence.stats.items() if stats.ended == "ring stuck"]
    if not stuck:
        return None
    told = ", ".join(f"{name}: the ring {evidence.stats[name].ring_stuck}".rstrip() for name in stuck)
    return invalid("ring stuck", f"{told}: its tail stands still, a process died within an operation on it")


def killed_as_asked(evidence: Evidence) -> Verdict | None:
    """A process that was to kill itself in the window did so: what became of the others is what the trial is about."""
    planned = {process.name: process for process in evidence.record.trial.processes}
    ended = [process for process in evidence.record.processes if planned[process.name].dies]
    missed = [process for process in ended if not _as_asked(evidence, process)]
    if missed and not evidence.record.fault:
        told = ", ".join(f"{process.host}: {process.name}: exit code {process.exit_code}" for process in missed)
        return invalid("not killed", f"{told}, though it was to kill itself")
    killed = [f"{process.host}: {process.name} after {process.seconds:.2f} s" for process in ended]
    return mark("killed as asked", ", ".join(killed)) if killed and not missed else None


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
        return invalid("interrupted", line)
    for process in evidence.record.processes:
        if _as_asked(evidence, process):
            continue
        where = f"{process.host}: {process.name}"
        by_itself = process.reason == "exit" or (process.reason == "stopped" and not line)
        if by_itself and process.exit_code != 0:
            return invalid("app died", line or f"{where}: exit code {process.exit_code}")
        if process.reason == "deadline":
            return invalid("deadline passed", line or f"{where}: did not end in time")
        if process.reason in {"eof", "heartbeat", "lost"}:
            return invalid("connection lost", line or f"{where}: {process.reason}")
    return invalid("fault", line) if line else None


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
    return invalid(
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
    return invalid("placement unknown", "; ".join(pairs))


def wrong_cpu(evidence: Evidence) -> Verdict | None:
    """A thread was allowed to run, or ran, on a CPU that the plan does not give its process."""
    wrong = [
        f"{thread.host}: {thread.process}/{thread.name}: allowed {thread.allowed}, last on {thread.last_cpu}, "
        f"planned {','.join(map(str, thread.planned_cpus))}"
        for thread in evidence.threads
        if thread.planned_cpus
        and not (cpus_of_list(thread.allowed) | {thread.last_cpu}) <= frozenset(thread.planned_cpus)
    ]
    return invalid("wrong cpu", "; ".join(wrong)) if wrong else None
