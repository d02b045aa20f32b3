"""symmetric_mp with one process against dpdk-testpmd (macswap), over memif, on the same cores: p50 at most 1.10x."""

from __future__ import annotations

import sys

from bench.bed import Bed, bed, plan_of, processes_of
from bench.paired import Block, Comparison, compare
from orchestrator.apps.process import PlannedProcess

LIMIT = 1.10
SETTINGS = ("transport=dpdk", "link=memif", "processes=1", "flows=1", "warmup_s=0.2", "window_s=0.4")


def testpmd_argv(primary: PlannedProcess) -> tuple[str, ...]:
    """testpmd in macswap mode on the same memif, on the CPU that symmetric_mp polls on.

    It ends with its stdin, so something must hold that open; its main lcore waits there and takes no CPU.
    """
    cpu = primary.cpus[0]
    device = next(word for word in primary.argv if word.startswith("--vdev="))
    eal = f"--lcores=0@{cpu},1@{cpu} --file-prefix=dporch-bench-testpmd --no-pci --no-telemetry {device}"
    app = (
        "-i --auto-start --forward-mode=macswap --port-topology=loop --rxq=1 --txq=1 --rxd=1024 --txd=1024 "
        "--burst=32 --total-num-mbufs=8192 --no-lsc-interrupt"
    )
    # Every word is ours; a pipeline needs a shell. testpmd says "Checking link statuses" when its port listens, and
    # forwards once the link is up.
    return ("sh", "-c", f"exec 2>&1; tail -f /dev/null | stdbuf -oL dpdk-testpmd {eal} -- {app}")


def run(hosts: Bed) -> Comparison:
    """Each block starts its server anew: a memif server that polls may crash when its client goes away."""
    primary, traffic = processes_of(plan_of(*SETTINGS))
    # macswap answers a broadcast from the broadcast address, so the peer's cannot be learned; memif has no filter.
    traffic = traffic.model_copy(update={"argv": (*traffic.argv, "--peer-mac=02:00:00:00:00:66")})
    probe = (traffic.cpus[0], primary.cpus[0])

    def measure_ours() -> Block:
        return hosts.block(traffic, probe, lambda: hosts.start_planned(primary))

    def measure_peer() -> Block:
        argv = testpmd_argv(primary)
        return hosts.block(
            traffic,
            probe,
            lambda: hosts.start(primary.host, "testpmd", argv, primary.cpus, ready="Checking"),
        )

    return compare("symmetric_mp / testpmd, memif", LIMIT, measure_ours, measure_peer)


def main() -> int:
    """Measure and print; 0 if the figure is reached."""
    with bed(plan_of(*SETTINGS)) as hosts:
        comparison = run(hosts)
    print(comparison.text())
    return 0 if comparison.reached else 1


if __name__ == "__main__":
    sys.exit(main())
