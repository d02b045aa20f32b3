"""Throughput of client-server with N clients against symmetric_mp with N processes: same cores, same link, same load.

No figure is promised: the ratio is printed with what explains it. Both run in a deep closed loop, so whoever is slowest
sets the pace. A packet of client-server is received by one process and sent by another: it costs a hop over a ring, and
its cache lines move when the two have CPUs of their own; and one server receives for all, however many clients there
are. What a packet costs the server and a client is counted by the programs themselves (`--count-cycles`), in blocks of
their own, since counting costs too.
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


def explain(arena: Arena, processes: Sequence[PlannedProcess], ours: float, peer: float) -> str:
    """Where the time of a packet goes; `ours` and `peer` are rates of both sides."""
    server, client, generator, dropped = [], [], [], []
    for _ in range(COUNTED_BLOCKS):
        stats = arena.measure(counting(processes)).stats
        server.append(ns_a_packet(stats["server"]))
        clients = [ns_a_packet(each) for name, each in stats.items() if name.startswith("client")]
        client.append(statistics.mean(clients))
        generator.append(ns_a_packet(stats["traffic"]))
        dropped.append(sum(each["accounting"]["drops"] for name, each in stats.items() if name != "traffic"))
    at_server, at_client, at_generator = (statistics.median(each) for each in (server, client, generator))
    limit = " It sets the pace here, and the ratio says little." if at_generator * ours > GENERATOR_BOUND * 1e9 else ""
    return (
        f"  A packet takes {1e9 / ours:.0f} ns, of which the server works {at_server:.0f}, a client {at_client:.0f}, "
        f"the generator on its own CPU {at_generator:.0f}; symmetric_mp takes {1e9 / peer:.0f} ns.\n"
        "  The hop over a ring costs one enqueue and one dequeue of a burst, a second process that reads the packet's "
        "lines, and a buffer\n  that one process takes from the pool and another gives back; where processes share a "
        "CPU, their turns are added, and switches between them.\n"
        f"  The rest is waiting: for the other side, for a turn on the CPU, for switches.{limit} "
        f"Dropped in these blocks: {max(dropped)}."
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
        f"{count + 1} processes against {count} on CPU {','.join(map(str, cpus))}\n{explain(arena, ours, *rates)}"
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
