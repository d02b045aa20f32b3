"""Throughput of client-server with N clients against symmetric_mp with N processes: same cores, same link, same load.

No figure is promised: the ratio is printed with what explains it. Both run in a deep closed loop, so whoever is slowest
sets the pace. On two CPUs that may be the generator, so what a packet costs the CPUs of each group is printed beside
the ratio. A packet of client-server is received by one process and sent by another: it costs a hop over a ring, and its
cache lines move when the two have CPUs of their own; and one server receives for all, however many clients there are.
What a packet costs is counted by the programs themselves (`--count-cycles`), in blocks of their own: that costs too.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import WANTED_PAIRS, Block, alternate
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import CommandFailed
from orchestrator.remote.protocol import Supervised
from orchestrator.results.statistics import median_interval

COUNTS = (1, 2)
"""Clients, and processes of symmetric_mp."""
LOAD = ("transport=dpdk", "link=memif", "depth=256", "flows=64", "size=64", "warmup_s=0.2", "window_s=0.5")
COUNTED_BLOCKS = 3
GENERATOR_BOUND = 0.8
"""A generator that works for this part of the time sets the pace."""


@dataclass(frozen=True)
class Measured:
    """One block: its figures for the pair, and the statistics of every process by name."""

    block: Block
    stats: dict[str, dict[str, Any]]


@dataclass
class Arena:
    """Measures trials of plans on prepared hosts, each with processes started anew."""

    hosts: Bed
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def measure(self, processes: Sequence[PlannedProcess]) -> Measured:
        """Start stage by stage, wait for the generator, stop the others before it."""
        number = next(self.numbers)
        *group, generator = (_apart(process, number) for process in processes)
        probe = (generator.cpus[0], group[0].cpus[0])
        before = self.hosts.probe_ns(generator.host, probe)
        started: dict[str, Supervised] = {}
        with contextlib.ExitStack() as stop:
            measuring = None
            for process in (*group, generator):
                started[process.name] = measuring = self.hosts.start_planned(process)
                stop.callback(measuring.stop)
            assert measuring is not None
            ended = measuring.wait_done(60.0)
            for process in reversed(group):
                started[process.name].stop()
        after = self.hosts.probe_ns(generator.host, probe)
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip(), host=generator.host, process=generator.name)
        stats = {process.name: self._stats(process, started[process.name]) for process in (*group, generator)}
        rate = float(stats[generator.name]["rate_achieved"])
        return Measured(Block(math.nan, before, after, ops_per_s=rate), stats)

    def _stats(self, process: PlannedProcess, supervised: Supervised) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / "stats.json"
            name = f"{supervised.spec.directory}/{process.name}.stats.json"
            self.hosts.hosts.remotes[process.host].get(name, path)
            found: dict[str, Any] = json.loads(path.read_text())
            return found


def _apart(process: PlannedProcess, number: int) -> PlannedProcess:
    """A process whose group is none of an earlier block's."""
    argv = tuple(f"{word}-{number}" if word.startswith("--file-prefix=") else word for word in process.argv)
    return process.model_copy(update={"argv": argv})


def counting(processes: Sequence[PlannedProcess]) -> list[PlannedProcess]:
    """The same processes, counting where their time goes."""
    return [process.model_copy(update={"argv": (*process.argv, "--count-cycles")}) for process in processes]


def ns_a_packet(stats: dict[str, Any]) -> float:
    """Time that a process spent in turns with work, per packet that it took in."""
    taken = int(stats["accounting"]["in"])
    return float(stats["busy_ticks"]) / float(stats["ticks_per_s"]) * 1e9 / taken if taken else math.nan


@dataclass
class Work:
    """What a packet costs, by the counts of the processes themselves; one entry a block."""

    group: list[float] = field(default_factory=list)
    """ns of all processes of the group together."""
    server: list[float] = field(default_factory=list)
    generator_busy: list[float] = field(default_factory=list)
    """The part of the time that the generator works."""
    dropped: int = 0


def work_of(arena: Arena, processes: Sequence[PlannedProcess]) -> Work:
    """Count in blocks of their own: who counts is a little slower."""
    work = Work()
    for _ in range(COUNTED_BLOCKS):
        measured = arena.measure(counting(processes))
        group = {name: each for name, each in measured.stats.items() if name != "traffic"}
        # All packets of client-server go through the server, and each through one of the clients.
        packets = int(measured.stats["traffic"]["accounting"]["in"])
        ticks = sum(float(each["busy_ticks"]) / float(each["ticks_per_s"]) for each in group.values())
        work.group.append(ticks * 1e9 / packets)
        work.server.append(ns_a_packet(group["server"]) if "server" in group else math.nan)
        work.generator_busy.append(ns_a_packet(measured.stats["traffic"]) * measured.block.ops_per_s / 1e9)
        work.dropped += sum(int(each["accounting"]["drops"]) for each in group.values())
    return work


def explain(arena: Arena, ours: Sequence[PlannedProcess], peer: Sequence[PlannedProcess]) -> str:
    """Where the time of a packet goes on both sides, and who sets the pace."""
    mine, other = work_of(arena, ours), work_of(arena, peer)
    cost, peer_cost = statistics.median(mine.group), statistics.median(other.group)
    busy = statistics.median(mine.generator_busy)
    pace = "the generator sets the pace on both sides" if busy > GENERATOR_BOUND else "the group sets the pace"
    return (
        f"  The generator works {busy:.0%} of the time: {pace}.\n"
        f"  A packet costs the group {cost:.0f} ns of its CPUs (server {statistics.median(mine.server):.0f}, clients "
        f"the rest), and symmetric_mp {peer_cost:.0f} ns: where a CPU of the group sets the pace, that is "
        f"{peer_cost / cost:.2f} of its throughput.\n"
        "  The gap is one enqueue and one dequeue of a burst, a second process that reads the packet's lines, and a "
        "buffer\n  that one process takes from the pool and another gives back. Turns are counted by the clock: one "
        "that another\n  process of the same CPU interrupts counts whole, so where processes share a CPU both costs "
        f"are upper bounds.\n  Dropped in these blocks: {mine.dropped + other.dropped}."
    )


def compare_counts(arena: Arena, count: int) -> tuple[bool, str]:
    """Whether there is a ratio for one number of clients and processes; the ratio, and its explanation."""
    ours = processes_of(plan_of(*LOAD, f"clients={count}", "dispatch=round-robin", scenario="client-server"))
    peer = processes_of(plan_of(*LOAD, f"processes={count}"))
    pairs, dropped = alternate(lambda: arena.measure(ours).block, lambda: arena.measure(peer).block)
    name = f"client-server with {count} / symmetric_mp with {count}, memif, depth 256"
    if not pairs:
        return False, f"{name}: no pair counts, {dropped} dropped because the placement changed"
    ratios = [a.ops_per_s / b.ops_per_s for a, b in pairs]
    low, high = median_interval(ratios) or (math.nan, math.nan)
    rates = [statistics.median(block.ops_per_s for block in side) for side in zip(*pairs, strict=True)]
    enough = "" if len(pairs) >= WANTED_PAIRS else ", TOO FEW"
    cpus = sorted({cpu for process in ours[:-1] for cpu in process.cpus})
    return len(pairs) >= WANTED_PAIRS, (
        f"{name}: {statistics.median(ratios):.3f} of its throughput (95 % {low:.3f} to {high:.3f}, {len(pairs)} pairs"
        f"{enough}, {dropped} dropped); {rates[0] / 1e6:.2f} M/s against {rates[1] / 1e6:.2f} M/s; "
        f"{count + 1} processes against {count} on CPU {','.join(map(str, cpus))}\n{explain(arena, ours, peer)}"
    )


def main() -> int:
    """Measure and print; 0 if there is a ratio from pairs enough, whatever it is: no limit is promised."""
    obtained = []
    plan = plan_of(*LOAD, f"clients={max(COUNTS)}", "dispatch=round-robin", scenario="client-server")
    with bed(plan) as hosts:
        arena = Arena(hosts)
        for count in COUNTS:
            enough, text = compare_counts(arena, count)
            print(text, flush=True)
            obtained.append(enough)
    return 0 if all(obtained) else 1


if __name__ == "__main__":
    sys.exit(main())
