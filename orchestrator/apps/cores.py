"""Which process runs on which CPU, under which lcore id, and the proof that no two share an id.

Two DPDK processes of one group on one lcore id use the same mempool cache and corrupt it silently (measured: 184 of
2,047 mbufs lost in 2 s), and the EAL does not check it. Ids may share a CPU: `--lcores ID@CPU`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from orchestrator.apps.process import LcoreOnCpu, PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.model import Host, Inventory


def host_cpus(host: Host) -> tuple[int, ...]:
    """The CPUs that a run may use on `host`. Raises UsageError where they are still `auto`."""
    if host.cores == "auto":
        raise UsageError("cores are not resolved", host=host.name, remedy="write the CPUs in the inventory, as 2-5,8")
    return host.cores


def cpu_of(host: Host, index: int) -> int:
    """The CPU of the process number `index` on `host`: one each while there are enough, then round and round again."""
    cpus = host_cpus(host)
    return cpus[index % len(cpus)]


def lcore_for(host: Host, index: int) -> LcoreOnCpu:
    """A lcore of its own for process number `index` of `host`; only the CPU may be shared."""
    return LcoreOnCpu(lcore=index, cpu=cpu_of(host, index))


def one_host_cpus(inventory: Inventory, host: Host) -> tuple[int, ...]:
    """The CPUs for a scenario that runs on `host` alone: its own, then those of hosts that are idle meanwhile.

    Hosts of a testbed share this machine's CPUs, and one that takes no part leaves its own unused.
    """
    own = host_cpus(host)
    if inventory.testbed is None:
        return own
    others = (cpu for other in inventory.hosts if other.name != host.name for cpu in host_cpus(other))
    return tuple(dict.fromkeys((*own, *others)))


def prove_disjoint(processes: Sequence[PlannedProcess]) -> None:
    """Raise UsageError if two processes of one group (host and file-prefix) have a lcore id in common."""
    seen: dict[tuple[str, str, int], str] = {}
    for process in processes:
        for core in process.lcores:
            place = (process.host, process.file_prefix, core.lcore)
            if place in seen:
                raise UsageError(
                    f"lcore {core.lcore} is already that of {seen[place]}; two processes on one id corrupt the mempool",
                    host=process.host,
                    process=process.name,
                    remedy="give every process of a group lcore ids of its own",
                )
            seen[place] = process.name


def oversubscribed(processes: Sequence[PlannedProcess], *, one_kernel: bool) -> bool:
    """Whether two processes share a CPU that are not meant to; `one_kernel`: all hosts run on one machine's CPUs."""
    users: dict[tuple[str, int], int] = defaultdict(int)
    for process in processes:
        if process.beside:
            continue
        for cpu in process.cpus:
            users["" if one_kernel else process.host, cpu] += 1
    return any(count > 1 for count in users.values())
