"""simple_mp against a bare ping-pong over two rings and a mempool, in each ring mode, on the same CPUs: p50 at most
1.15x.

The bare peer (`dpdk_apps/ring_pingpong`) writes and reads a message of the same size and idles in the same way, but
checks nothing, counts nothing and takes one object at a time. What a pointer alone costs, and the cache line between
the two CPUs, are printed beside it.
"""

from __future__ import annotations

import itertools
import statistics
import sys
from dataclasses import dataclass, field

from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import Block, Comparison, compare
from orchestrator.apps.process import PlannedProcess

LIMIT = 1.15
SIZE = 64
RINGS = ("mp_mc", "sp_sc", "rts", "hts")
SETTINGS = ("transport=dpdk", f"size={SIZE}", "placement=apart", "warmup_s=0.2", "window_s=0.3")
BARE_OPTIONS = ("--warmup=0.2", "--window=0.3", "--max-samples=4000000", "--samples=primary.samples.bin")


def settings(ring: str) -> tuple[str, ...]:
    """What the plan of one ring mode is made with."""
    return (*SETTINGS, f"ring={ring}")


def bare(process: PlannedProcess, ring: str, size: int, number: int) -> PlannedProcess:
    """The bare peer on the CPU and lcore of one of ours; `number` keeps its group from that of the block before."""
    separator = process.argv.index("--")
    program = process.argv[0].replace("simple_mp", "ring_pingpong")
    eal = (word for word in process.argv[1:separator] if not word.startswith("--file-prefix="))
    idle = next((word for word in process.argv if word.startswith("--idle=")), "--idle=spin")
    own = (f"--ring={ring}", f"--size={size}", idle, *(BARE_OPTIONS if process.measures else ()))
    argv = (program, *eal, f"--file-prefix=dporch-bench-bare{number}", "--", *own)
    return process.model_copy(update={"argv": argv})


@dataclass
class Rings:
    """One ring mode: both sides, and what is seen beside them."""

    hosts: Bed
    ring: str
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    probes_ns: list[float] = field(default_factory=list)

    def measure(self) -> tuple[Comparison, str]:
        """The figure, and a line about what it stands beside."""
        primary, secondary = processes_of(plan_of(*settings(self.ring), scenario="simple"))

        def measure_ours() -> Block:
            return self._seen(self.hosts.group_block(primary, secondary))

        def measure_bare(size: int = SIZE) -> Block:
            number = next(self.numbers)
            ends = (bare(each, self.ring, size, number) for each in (primary, secondary))
            return self._seen(self.hosts.group_block(*ends))

        comparison = compare(f"simple_mp / bare rings, {self.ring}, {SIZE} B", LIMIT, measure_ours, measure_bare)
        pointers = statistics.median(measure_bare(0).p50_us for _ in range(3))
        line_ns = statistics.median(self.probes_ns)
        return comparison, (
            f"  beside it: pointers alone {pointers:.3f} us, a cache line between the two CPUs {line_ns:.0f} ns there "
            "and back"
        )

    def _seen(self, block: Block) -> Block:
        self.probes_ns += block.probes
        return block


def main() -> int:
    """Measure and print; 0 if the figure is reached in every ring mode."""
    reached = []
    with bed(plan_of(*settings(RINGS[0]), scenario="simple")) as hosts:
        for ring in RINGS:
            comparison, beside = Rings(hosts, ring).measure()
            print(f"{comparison.text()}\n{beside}", flush=True)
            reached.append(comparison.reached)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
