"""The store: its transports against other programs, and an operation through the mount against the sum of its stages.

The stages are those of the scenario, and so are the processes: an echo of 64 B over DPDK against bare frames
(`mbuf_pingpong`) and over TCP against sockperf; a write of 4 KiB through the mount against FUSE alone plus the store
without FUSE. What the mount is worth is told by sshfs between the same hosts, and whether it gets slower with age by a
million operations in a row.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np

from bench import sshfs
from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import Block, Comparison, compare
from orchestrator.apps.process import PlannedProcess
from orchestrator.remote.protocol import Supervised

ECHO_DPDK_LIMIT = 1.25
ECHO_TCP_LIMIT = 1.10
MOUNT_LIMIT = 1.15
SSHFS_LIMIT = {"dpdk": 0.2, "tcp-poll": 1.0, "tcp": 1.0}
AGE_LIMIT = 1.10
AGE_OPERATIONS = 1_000_000
AGE_RUNS = 3
AGE_WARMUP_S = 2.0
"""By its end every ring has gone round: memory that is used for the first time has been."""
MEMORY_LIMIT = 1.01
PHASES = ("warmup_s=0.2", "window_s=0.4")
ECHO = ("op=echo", "size=64", *PHASES)
MOUNTED = ("size=4096", "cache=none")
WRITE = ("op=write", "durability=memory", *MOUNTED)
DPDK_LINKS = ("memif", "veth")
TCP_MODES = ("tcp", "tcp-poll")
VETH = "veth0"
WAYS = (("dpdk", "memif"), ("dpdk", "veth"), ("tcp-poll", "veth"), ("tcp", "veth"))


def processes(*assignments: str) -> tuple[PlannedProcess, ...]:
    """Those of one row of the scenario."""
    return processes_of(plan_of(*assignments, scenario="store"))


def probe_of(server: PlannedProcess, client: PlannedProcess) -> tuple[int, int]:
    """The two CPUs between which the work goes to and fro."""
    return client.cpus[0], server.cpus[0]


def echo(hosts: Bed, transport: str, link: str, limit: float) -> Comparison:
    """The stage `transport` against the floor of the same link."""
    ours = processes(f"transport={transport}", f"link={link}", "stage=transport", *ECHO)
    peer = processes(f"transport={transport}", f"link={link}", "stage=floor", *ECHO)
    probe = probe_of(*ours)
    return compare(
        f"echo of 64 B, {transport}/{link} / its floor",
        limit,
        lambda: hosts.trial(ours, probe),
        lambda: hosts.trial(peer, probe),
    )


def through_the_mount(hosts: Bed, transport: str, link: str) -> Comparison:
    """The stage `all` against the sum of the stages `fuse` and `store`."""
    way = (f"transport={transport}", f"link={link}")
    whole = processes(*way, "stage=all", *WRITE, *PHASES)
    store = processes(*way, "stage=store", *WRITE, *PHASES)
    fuse = processes(*way, "stage=fuse", *WRITE, *PHASES)
    probe = probe_of(*store)

    def sum_of_stages() -> Block:
        first, second = hosts.trial(fuse, probe), hosts.trial(store, probe)
        return Block(first.p50_us + second.p50_us, first.probe_before_ns, second.probe_after_ns)

    return compare(
        f"write of 4 KiB through the mount, {transport}/{link} / (FUSE only + transport and store)",
        MOUNT_LIMIT,
        lambda: hosts.trial(whole, probe),
        sum_of_stages,
    )


def against_sshfs(hosts: Bed, transport: str, link: str) -> Iterator[Comparison]:
    """Reads and writes through the mount against the same on sshfs, whose server has its files in the page cache."""
    for operation in ("read", "write"):
        way = (f"transport={transport}", f"link={link}", "stage=all")
        ours = processes(*way, f"op={operation}", "durability=log", *MOUNTED, *PHASES)
        server, *_, client = ours
        probe = probe_of(server, client)
        ends = sshfs.over_link(hosts, VETH, client.host, client.cpus, server.cpus)
        with sshfs.mounted(hosts, ends, sshfs.SYNCHRONOUS) as folder:
            yield compare(
                f"{operation} of 4 KiB through the mount, {transport}/{link} / sshfs",
                SSHFS_LIMIT[transport],
                lambda: hosts.trial(ours, probe),  # noqa: B023 - called before the next turn
                lambda: sshfs.block(hosts, ends, folder, operation),  # noqa: B023
            )


def asynchronous_sshfs(hosts: Bed) -> str:
    """The figure of sshfs when it does not wait for the answer to a write."""
    server, client = processes("transport=tcp", "link=veth", "stage=store", *WRITE, *PHASES)
    ends = sshfs.over_link(hosts, VETH, client.host, client.cpus, server.cpus)
    with sshfs.mounted(hosts, ends, sshfs.ASYNCHRONOUS) as folder:
        p50_us = statistics.median(sshfs.block(hosts, ends, folder, "write").p50_us for _ in range(5))
    return f"write of 4 KiB, sshfs without waiting for the answer: p50 {p50_us:.1f} us"


def resident_kib(hosts: Bed, server: PlannedProcess, supervised: Supervised) -> int:
    """Memory of the server that is in use."""
    status = hosts.hosts.remotes[server.host].run(["cat", f"/proc/{supervised.pid}/status"]).stdout
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def aged(hosts: Bed, transport: str, link: str) -> tuple[bool, str]:
    """p50 of the last tenth of a million operations through the mount to that of the first; the server's memory."""
    way = (f"transport={transport}", f"link={link}", "stage=all", *WRITE)
    a_us = hosts.trial(processes(*way, *PHASES), (0, 1)).p50_us
    seconds = AGE_OPERATIONS * a_us * 1.3 / 1e6
    chain = processes(*way, f"warmup_s={AGE_WARMUP_S:g}", f"window_s={seconds:.0f}")
    ratios, memory, least = [], [], AGE_OPERATIONS
    for _ in range(AGE_RUNS):
        with hosts.running(chain) as started:
            time.sleep(AGE_WARMUP_S)
            before = resident_kib(hosts, chain[0], started["server"])
            if started["fio"].wait_done(4 * seconds + 60.0) is not None:
                return False, f"aged, {transport}/{link}: fio failed"
            memory.append(resident_kib(hosts, chain[0], started["server"]) / before)
            measuring = hosts.wait_measured(chain, started)
        times = hosts.samples(measuring, started[measuring.name]).returned
        tenth = len(times) // 10
        ratios.append(float(np.median(times[-tenth:]) / np.median(times[:tenth])))
        least = min(least, len(times))
    ratio, grown = statistics.median(ratios), statistics.median(memory)
    reached = ratio <= AGE_LIMIT and grown <= MEMORY_LIMIT and least >= AGE_OPERATIONS
    return reached, (
        f"last tenth / first tenth of {least:,} writes and more through the mount, {transport}/{link}: {ratio:.3f} "
        f"(limit {AGE_LIMIT:.2f}, median of {', '.join(f'{each:.3f}' for each in ratios)}); the server's memory after "
        f"/ before: {grown:.3f} (limit {MEMORY_LIMIT:.2f}): {'reached' if reached else 'NOT REACHED'}"
    )


def comparisons(hosts: Bed) -> Iterator[Comparison]:
    """Every figure, one after the other."""
    for link in DPDK_LINKS:
        yield echo(hosts, "dpdk", link, ECHO_DPDK_LIMIT)
    for mode in TCP_MODES:
        yield echo(hosts, mode, "veth", ECHO_TCP_LIMIT)
    for transport, link in WAYS:
        yield through_the_mount(hosts, transport, link)
    for transport, link in (("dpdk", "memif"), ("tcp-poll", "veth"), ("tcp", "veth")):
        yield from against_sshfs(hosts, transport, link)


def main() -> int:
    """Measure and print; 0 if every figure is reached."""
    reached = []
    with bed(plan_of("transport=dpdk", "stage=all", *WRITE, *PHASES, scenario="store")) as hosts:
        for comparison in comparisons(hosts):
            print(comparison.text(), flush=True)
            reached.append(comparison.reached)
        print(asynchronous_sshfs(hosts), flush=True)
        for transport, link in (("dpdk", "memif"), ("tcp-poll", "veth")):
            young, text = aged(hosts, transport, link)
            print(text, flush=True)
            reached.append(young)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
