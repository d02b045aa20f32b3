"""The TCP twin with one worker against sockperf's ping-pong, on the same veth and cores: p50 at most 1.10x."""

from __future__ import annotations

import re
import sys

from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import Block, Comparison, compare

LIMIT = 1.10
SOCKPERF_PORT = 7100
SETTINGS = ("link=veth", "processes=1", "flows=1", "warmup_s=0.3", "window_s=1")
MEDIAN = re.compile(r"percentile 50\.000\s*=\s*([0-9.]+)")


def run(hosts: Bed, transport: str) -> Comparison:
    """Each block starts its server anew, so that no other one polls on its CPU."""
    worker, client = processes_of(plan_of(f"transport={transport}", *SETTINGS))
    address = next(word for word in worker.argv if word.startswith("--listen=")).partition("=")[2].partition(":")[0]
    probe = (client.cpus[0], worker.cpus[0])
    mode = ("--nonblocked",) if transport == "tcp-poll" else ()
    where = ("-i", address, "-p", str(SOCKPERF_PORT))

    def measure_ours() -> Block:
        return hosts.block(client, probe, lambda: hosts.start_planned(worker))

    def measure_peer() -> Block:
        before = hosts.probe_ns(client.host, probe)
        argv = ("stdbuf", "-oL", "sockperf", "server", "--tcp", *where, *mode)
        server = hosts.start(worker.host, "sockperf", argv, worker.cpus, ready="sockperf:")
        ping = ("sockperf", "ping-pong", "--tcp", "--full-rtt", *where, "-m", "64", "-t", "1", *mode)
        done = hosts.hosts.remotes[client.host].run(["taskset", "-c", str(client.cpus[0]), *ping], timeout_s=20.0)
        server.stop()
        found = MEDIAN.search(done.stdout)
        if found is None:
            raise RuntimeError(f"sockperf printed no median:\n{done.stdout}")
        return Block(float(found[1]), before, hosts.probe_ns(client.host, probe))

    return compare(f"{transport} / sockperf", LIMIT, measure_ours, measure_peer)


def main() -> int:
    """Measure and print; 0 if both figures are reached."""
    with bed(plan_of("transport=tcp", *SETTINGS)) as hosts:
        comparisons = [run(hosts, transport) for transport in ("tcp-poll", "tcp")]
    for comparison in comparisons:
        print(comparison.text())
    return 0 if all(comparison.reached for comparison in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
