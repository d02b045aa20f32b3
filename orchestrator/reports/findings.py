"""Sentences that say what an experiment shows, with its own numbers in them.

They are written for whatever rows an experiment has: no number and no order of the series is typed in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchestrator.reports.breakdown import breakdown_sentences
from orchestrator.reports.wording import (
    NOT_RESOLVABLE,
    WITHIN_ONE_HOST,
    by_params,
    device,
    floors,
    label,
    label_without_marks,
    links_explained,
    microseconds,
    plural,
)
from orchestrator.results.load import Experiment
from orchestrator.results.summary import SummaryRow

_ASKED = {"store": "How long does an operation take on the files of a store on {where} host"}
"""By scenario, what was asked, where it is not how long a message takes."""
_CHECKED = {"store": "operations, those without fio each checked"}


def question(experiment: Experiment) -> str:
    """What was asked, and how much was measured to answer it."""
    rows = experiment.rows
    series = dict.fromkeys(label_without_marks(row) for row in rows)
    ran = [entry for entry in experiment.stored if not entry.result.floor]
    valid = sum(entry.result.valid for entry in ran)
    packets = sum(entry.result.n for entry in ran)
    where = "the same" if {row.link for row in rows} <= WITHIN_ONE_HOST else "another"
    asked = _ASKED.get(experiment.plan.scenario, "How long does a message take to a process on {where} host and back")
    return (
        f"{asked.format(where=where)}, with {_listed(list(series))}? "
        f"Scenario `{experiment.plan.scenario}`: {plural(len(rows), 'row')}, {plural(len(ran), 'trial')}, "
        f"{valid} of them valid, in random order within blocks (seed {experiment.plan.seed}); {packets:,} "
        f"{_CHECKED.get(experiment.plan.scenario, 'packets, each of them checked')}. "
        f"Load: {_listed(list(dict.fromkeys(row.loop for row in rows if row.trials)))}."
    )


def comparison(experiment: Experiment) -> list[str]:
    """For each parameter set, how the series compare in p50: a sentence each, the fastest first. Then what the parts
    of an operation take, where they were measured.
    """
    sentences = []
    for title, rows in by_params(experiment.rows):
        measured = sorted((row for row in rows if row.p50_us is not None), key=lambda row: row.p50_us or 0.0)
        if not measured:
            sentences.append(f"**{title or 'All rows'}**: nothing was measured.")
            continue
        parts = [_p50(row) for row in measured]
        sentence = f"**{title or 'All rows'}**: {'; '.join(parts)}."
        baseline = next((row for row in measured if row.transport == "tcp-poll"), None)
        if baseline is not None:
            sentence += "".join(f" {_against(row, baseline)}" for row in measured if row.transport == "dpdk")
        sentences.append(sentence)
    return [*sentences, *breakdown_sentences(experiment)]


def _p50(row: SummaryRow) -> str:
    interval = row.p50_interval_us
    around = (
        f", 95 % CI {microseconds(interval[0])} to {microseconds(interval[1])}"
        if interval
        else ", no CI: too few trials"
    )
    return f"{label(row)} p50 {microseconds(row.p50_us)} us{around}"


def _against(row: SummaryRow, baseline: SummaryRow) -> str:
    """Whether intervals that are apart order the two, and over what links."""
    assert row.p50_us is not None  # noqa: S101 - both come from `measured`
    assert baseline.p50_us is not None  # noqa: S101
    ratio = baseline.p50_us / row.p50_us
    if row.p50_interval_us is None or baseline.p50_interval_us is None:
        verdict = (
            f"has a p50 {_times(ratio)} that of {label_without_marks(baseline)}, on too few trials to tell them apart"
        )
    elif row.p50_interval_us[1] < baseline.p50_interval_us[0]:
        verdict = f"is {ratio:.1f} times faster than {label_without_marks(baseline)}"
    elif row.p50_interval_us[0] > baseline.p50_interval_us[1]:
        verdict = f"is {1 / ratio:.1f} times slower than {label_without_marks(baseline)}"
    else:
        verdict = f"and {label_without_marks(baseline)} cannot be told apart: their intervals overlap"
    where = (
        "over the same link" if row.link == baseline.link else f"but over another link: {links_explained([row.link])}"
    )
    invalid = [label_without_marks(each) for each in (row, baseline) if not each.valid_trials]
    doubt = f"; {' and '.join(invalid)} had no valid trial" if invalid else ""
    return f"{label_without_marks(row)} {verdict}, {where}{doubt}."


def _times(ratio: float) -> str:
    return f"{1 / ratio:.2f} times"


def series_explained(experiment: Experiment) -> list[str]:
    """What each series of the experiment shows, and what it does not."""
    known = {
        (
            "dpdk",
            "memif",
        ): "shared memory between two processes: what DPDK and the program cost without any NIC or kernel "
        "in between. The nearest stand-in for a NIC on one machine, and no figure of a NIC.",
        (
            "dpdk",
            "af_packet",
        ): "DPDK over the link that TCP uses, through a packet socket that one process owns: the kernel "
        "is still in the path, its TCP is not.",
        ("dpdk", "af_xdp"): "DPDK over the link that TCP uses, through an AF_XDP socket that one process owns.",
        (
            "dpdk",
            "tap",
        ): "DPDK over the link that TCP uses, for several processes: each frame crosses the kernel through a "
        "tap and a bridge. A tap is no kernel bypass: this shows how a group shares its packets, not what DPDK can do.",
        ("dpdk", "mp_mc"): "rings in shared memory in the mode that DPDK takes by default: any number of producers and "
        "consumers, each moving a head by compare-and-swap and then waiting for its turn to move the tail.",
        ("dpdk", "sp_sc"): "rings for one producer and one consumer: no atomic instruction, and nobody else may join.",
        ("dpdk", "rts"): "rings with a relaxed tail: the last of several to finish moves it, so that who lost its CPU "
        "holds up nobody within a limit.",
        ("dpdk", "hts"): "rings that let one process at a time in on each side: head and tail move together.",
        ("unix", ""): "Unix stream sockets as most programs would use them on one host: both ends sleep in epoll.",
        ("unix-poll", ""): "Unix stream sockets with both ends polling.",
        ("tcp", ""): "the kernel's TCP as most programs use it: workers and generator sleep in epoll and are woken.",
        (
            "none",
            "fuse",
        ): "the store's mount whose relay answers by itself: what the kernel's FUSE and the switches between "
        "fio and the relay cost, without any network or file.",
        ("tcp-poll", ""): "the kernel's TCP with workers and generator polling, as DPDK's do: the fair opponent.",
    }
    sentences: dict[str, None] = {}
    for row in experiment.rows:
        text = known.get((row.transport, device(row))) or known.get((row.transport, ""))
        if text:
            sentences[f"**{label_without_marks(row)}**: {text}"] = None
    return [*sentences, *_taps(experiment)]


def _taps(experiment: Experiment) -> Iterator[str]:
    for _title, rows in by_params(experiment.rows):
        tap = next((row for row in rows if device(row) == "tap" and row.p50_us is not None), None)
        polled = next((row for row in rows if row.transport == "tcp-poll" and row.p50_us is not None), None)
        if tap is None or polled is None or tap.p50_us is None or polled.p50_us is None:
            continue
        outcome = "loses to" if tap.p50_us > polled.p50_us else "beats"
        figures = f"p50 {microseconds(tap.p50_us)} us against {microseconds(polled.p50_us)} us"
        yield f"Here the tap {outcome} polled TCP: {figures}."


def validity(experiment: Experiment) -> list[str]:
    """What stands against the numbers: verdicts, placements, context switches, and the tool's own floor."""
    ran = [entry for entry in experiment.stored if not entry.result.floor]
    lines = []
    counts = Counter(verdict.name for entry in ran for verdict in entry.result.verdicts)
    lines.append(
        "Verdicts: " + ", ".join(f"{name} {count} of {len(ran)}" for name, count in counts.most_common()) + "."
        if counts
        else f"No verdict against any of the {plural(len(ran), 'trial')}."
    )
    probes = sorted(
        reading for entry in ran for probe in entry.result.probes for reading in (probe.before_ns, probe.after_ns)
    )
    if probes:
        lines.append(
            f"A cache line took {probes[0]:.0f} to {probes[-1]:.0f} ns between the CPUs in use (median "
            f"{probes[len(probes) // 2]:.0f} ns, {len(probes)} readings before and after trials). DPDK's figures move "
            "with it."
        )
    involuntary = [
        sum(thread.involuntary_switches for thread in entry.result.threads) for entry in ran if entry.result.threads
    ]
    if involuntary:
        lines.append(
            f"Threads of a trial were taken off their CPUs {min(involuntary)} to {max(involuntary)} times "
            f"(median {sorted(involuntary)[len(involuntary) // 2]})."
        )
    lines += [f"{line[0].upper()}{line[1:]}." for line in floors(experiment)]
    changes = experiment.environment_changes()
    lines.append(f"The environment changed: {'; '.join(changes)}." if changes else "No host changed during the run.")
    for row in experiment.rows:
        missing = [name for name, value in (("p99", row.p99_us), ("p99.9", row.p999_us)) if value is None]
        if row.n and missing:
            lines.append(f"{label(row)}: {' and '.join(missing)} {NOT_RESOLVABLE} with so few samples in a trial.")
    return lines


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nothing"
