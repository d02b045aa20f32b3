"""The store: its transports against other programs, and an operation through the mount against the sum of its stages.

The stages are those of the scenario, and so are the processes: an echo of 64 B over DPDK against bare frames
(`mbuf_pingpong`) and over TCP against sockperf; a write of 4 KiB through the mount against FUSE alone plus the store
without FUSE.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import Block, Comparison, compare
from orchestrator.apps.process import PlannedProcess

ECHO_DPDK_LIMIT = 1.25
ECHO_TCP_LIMIT = 1.10
MOUNT_LIMIT = 1.15
PHASES = ("warmup_s=0.2", "window_s=0.4")
ECHO = ("op=echo", "size=64", *PHASES)
WRITE = ("op=write", "size=4096", "durability=memory", "cache=none", *PHASES)
DPDK_LINKS = ("memif", "veth")
TCP_MODES = ("tcp", "tcp-poll")
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
    whole = processes(*way, "stage=all", *WRITE)
    store = processes(*way, "stage=store", *WRITE)
    fuse = processes(*way, "stage=fuse", *WRITE)
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


def comparisons(hosts: Bed) -> Iterator[Comparison]:
    """Every figure, one after the other."""
    for link in DPDK_LINKS:
        yield echo(hosts, "dpdk", link, ECHO_DPDK_LIMIT)
    for mode in TCP_MODES:
        yield echo(hosts, mode, "veth", ECHO_TCP_LIMIT)
    for transport, link in WAYS:
        yield through_the_mount(hosts, transport, link)


def main() -> int:
    """Measure and print; 0 if every figure is reached."""
    reached = []
    with bed(plan_of("transport=dpdk", "stage=all", *WRITE, scenario="store")) as hosts:
        for comparison in comparisons(hosts):
            print(comparison.text(), flush=True)
            reached.append(comparison.reached)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
