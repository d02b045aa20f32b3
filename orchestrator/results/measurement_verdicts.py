"""Verdicts about the measurement: whether its load was reached, its samples are whole, and its window was steady.

`drift` is a mark and no exclusion: leaving out trials for what was measured in them would bend the distribution that is
reported.
"""

from __future__ import annotations

from orchestrator.results.evidence import Evidence, invalid, mark
from orchestrator.results.model import Verdict

LOAD_TOLERANCE = 0.99
"""In an open loop, the fraction of the asked rate that must have been reached."""
DRIFT_CHANGE = 0.10
"""A change of the median from the first to the last third that is worth a mark ..."""
DRIFT_P = 0.01
"""... if the blocks of the two thirds differ this clearly."""


def no_samples(evidence: Evidence) -> Verdict | None:
    """Nothing returned in the window, or no samples were stored."""
    return invalid("no samples", "no packet of the window returned") if evidence.samples == 0 else None


def unreadable(evidence: Evidence) -> Verdict | None:
    """A file that a process should have left is missing or is not what it should be."""
    return invalid("incomplete files", "; ".join(evidence.problems)) if evidence.problems else None


def load_not_reached(evidence: Evidence) -> Verdict | None:
    """An open loop that did not carry the load it was asked for says nothing about that load (Lancet, ATC'19)."""
    stats = evidence.generator
    if stats is None or stats.loop != "open" or stats.rate_achieved >= LOAD_TOLERANCE * stats.rate_asked:
        return None
    return invalid("load not reached", f"asked {stats.rate_asked:.0f}/s, achieved {stats.rate_achieved:.0f}/s")


def recorder_full(evidence: Evidence) -> Verdict | None:
    """The recorder ran out of room: the end of the window is missing."""
    stats = evidence.generator
    if stats is None or not stats.recorder_full:
        return None
    return invalid("recorder full", f"{stats.sent} packets recorded; raise --max-samples or shorten the window")


def miscounted(evidence: Evidence) -> Verdict | None:
    """The generator's counters and the stored samples tell different stories."""
    stats = evidence.generator
    if stats is None or evidence.samples in {0, stats.returned}:
        return None
    return invalid("samples miscounted", f"{stats.returned} returned, but {evidence.samples} samples stored")


def saturated(evidence: Evidence) -> Verdict | None:
    """A time did not fit into the recorder's 32 bits."""
    return invalid("time overflow", "a gap or round trip of 4.29 s or more") if evidence.saturated else None


def clocks_differ(evidence: Evidence) -> Verdict | None:
    """Messages came to another CPU before they left the first: the CPUs' time-stamp counters are not the same clock."""
    stats = evidence.generator
    if stats is None or not stats.oneway_backwards:
        return None
    detail = f"{stats.oneway_backwards} messages arrived before they left: the CPUs' time-stamp counters are not one"
    return invalid("clocks differ", detail)


def drifting(evidence: Evidence) -> Verdict | None:
    """The median of the last third of the window differs from that of the first."""
    if evidence.drift is None:
        return None
    change, p = evidence.drift
    if abs(change) <= DRIFT_CHANGE or p >= DRIFT_P:
        return None
    return mark("drift", f"median {change:+.0%} from the first to the last third (p = {p:.2g})")
