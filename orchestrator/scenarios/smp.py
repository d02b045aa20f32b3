"""symmetric_mp: N equal processes share the ports of the system under test, each with a queue of its own.

The generator sends messages of many flows; the device spreads the flows over the queues; each process sends back what
it received. The TCP twin is N worker processes that share one listening port (SO_REUSEPORT) and echo the messages.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.eal import EalParams
from orchestrator.apps.params import (
    Idle,
    LoadParams,
    Mode,
    SymmetricMpParams,
    TcpEchoParams,
    TcpTrafficParams,
    TrafficParams,
)
from orchestrator.apps.paths import binary
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import dpdk_address, dpdk_mac, kernel_address
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Scenario, TrialContext
from orchestrator.scenarios.cables import Cable, choose, dpdk_device, driver_label, role_host
from orchestrator.scenarios.common import EVERYWHERE
from orchestrator.scenarios.parameters import Parameter, Settings, Value

PORTS = Parameter(
    "ports", int, (1,), "ports of the group: pairs 0-1, 2-3; a port without a pair sends to itself", low=1, high=2
)
TCP_PORT = 7000
# mbuf pool (8,191 of 2,176 B and their caches), rings and the EAL's own, measured at 26 to 44 MB; rounded up.
HUGEPAGE_BYTES = 64 << 20
# Messages a second that a generator may have to keep samples of (16 bytes each), and a limit of 1 GiB.
DPDK_MESSAGES_PER_S = 4e6
DPDK_DEEP_MESSAGES_PER_S = 12e6
TCP_MESSAGES_PER_S = 1e6
MOST_SAMPLES = 1 << 26


@dataclass(frozen=True)
class SymmetricMp:
    """The scenario `smp`."""

    name: str = "smp"
    summary: str = "symmetric_mp: N processes share a port, one queue each, against N TCP workers that share a port"
    description: str = (
        "Round-trip latency of messages that N symmetric processes (one primary, N-1 secondaries) send back, and how "
        "the flows are shared among them. memif is shared memory, the nearest stand-in for a NIC that one machine has; "
        "over veth DPDK and TCP cross the same link. One process owns its port through af_packet; a group shares a "
        "tap, which is no kernel bypass, and then TCP crosses the same bridge."
    )
    parameters: Sequence[Parameter] = (*EVERYWHERE, PORTS)

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> list[Row]:
        """Transport and link first, then processes, then the rest; see `Scenario.rows`."""
        kinds = {link.kind for link in inventory.links}
        rows: list[Row] = []
        refused: list[str] = []
        for transport, link in itertools.product(settings["transport"], settings["link"]):
            if link not in kinds:
                refused.append(f"the inventory has no {link} link")
                continue
            if transport != "dpdk" and link == "memif":
                refused.append(f"{transport} cannot cross memif, which is no link of the kernel's")
                continue
            rest = [name for name in settings if name not in ("transport", "link")]
            for values in itertools.product(*(settings[name] for name in rest)):
                row = self._row(
                    inventory, str(transport), str(link), dict(zip(rest, values, strict=True)), explicit, refused
                )
                if row is not None:
                    rows.append(row)
        if not rows:
            raise UsageError(
                "nothing to run: " + "; ".join(dict.fromkeys(refused)), remedy=f"see: invoke describe {self.name}"
            )
        return rows

    def _row(
        self,
        inventory: Inventory,
        transport: str,
        link: str,
        params: dict[str, Value],
        explicit: frozenset[str],
        refused: list[str],
    ) -> Row | None:
        dpdk = transport == "dpdk"
        try:
            used = choose(inventory, link, dpdk=dpdk, ports=int(params["ports"]), processes=int(params["processes"]))
        except UsageError as error:
            # A default that the inventory cannot carry is left out; what the user asked for by name is refused.
            if {"processes", "ports"} & explicit:
                raise
            refused.append(error.what)
            return None
        if int(params["flows"]) < int(params["processes"]):
            raise UsageError(
                f"flows={params['flows']} cannot reach processes={params['processes']}",
                remedy="set at least as many flows",
            )
        if params["idle"] == "auto":
            params["idle"] = "yield" if _cpus_shared(inventory, int(params["processes"])) else "spin"
        return Row(transport, link, driver_label(used, dpdk=dpdk), params)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """Primary, then its secondaries, then the generator; or the TCP workers, then the TCP generator."""
        used = choose(
            inventory,
            row.link,
            dpdk=row.transport == "dpdk",
            ports=int(row.params["ports"]),
            processes=int(row.params["processes"]),
        )
        if row.transport == "dpdk":
            return (*self._group(row, context, used), self._traffic(inventory, row, context, used))
        return self._tcp(inventory, row, context, used[0])

    def _group(self, row: Row, context: TrialContext, used: list[Cable]) -> tuple[PlannedProcess, ...]:
        host = used[0].sut.host
        count = int(row.params["processes"])
        prefix = f"dporch-{context.key}"
        processes = []
        for proc_id in range(count):
            name = "primary" if proc_id == 0 else f"secondary{proc_id}"
            lcore = lcore_for(host, proc_id)
            eal = EalParams(
                proc_type="primary" if proc_id == 0 else "secondary",
                file_prefix=prefix,
                lcores=(lcore,),
                devices=[dpdk_device(cable, cable.sut, port) for port, cable in enumerate(used)],
            )
            app = SymmetricMpParams(
                ports=len(used), num_procs=count, proc_id=proc_id, idle=_idle(row), stats=f"{name}.stats.json"
            )
            processes.append(
                PlannedProcess(
                    name=name,
                    host=host.name,
                    app="symmetric_mp",
                    argv=(binary(host, context.digest, "symmetric_mp"), *eal.argv(), "--", *app.argv()),
                    stage=0 if proc_id == 0 else 1,
                    cpus=(lcore.cpu,),
                    lcores=(lcore,),
                    file_prefix=prefix,
                    hugepage_bytes=HUGEPAGE_BYTES if proc_id == 0 else 0,
                )
            )
        return tuple(processes)

    def _traffic(self, inventory: Inventory, row: Row, context: TrialContext, used: list[Cable]) -> PlannedProcess:
        host = used[0].generator.host
        lcore = lcore_for(host, 0)
        prefix = f"dporch-{context.key}-gen"
        eal = EalParams(
            proc_type="primary",
            file_prefix=prefix,
            lcores=(lcore,),
            devices=[dpdk_device(cable, cable.generator, port) for port, cable in enumerate(used)],
        )
        memif = row.link == "memif"
        app = TrafficParams(
            ports=len(used),
            # A memif has no RSS: what the generator sends on its queue i arrives on queue i, so the generator spreads.
            queues=int(row.params["processes"]) if memif else 1,
            spread="toeplitz" if memif else "driver",
            src_ip=str(dpdk_address(inventory, used[0].generator.ref)),
            dst_ip=str(dpdk_address(inventory, used[0].sut.ref)),
            load=_load(row, context, "traffic"),
            # Without one the generator learns the MAC from the first echo. Over veth that would be the kernel's own.
            peer_mac=dpdk_mac(inventory, used[0].sut.ref) if row.link == "veth" else "",
        )
        return PlannedProcess(
            name="traffic",
            host=host.name,
            app="traffic",
            argv=(binary(host, context.digest, "traffic"), *eal.argv(), "--", *app.argv()),
            stage=2,
            cpus=(lcore.cpu,),
            lcores=(lcore,),
            file_prefix=prefix,
            hugepage_bytes=HUGEPAGE_BYTES,
            measures=True,
        )

    def _tcp(self, inventory: Inventory, row: Row, context: TrialContext, cable: Cable) -> tuple[PlannedProcess, ...]:
        sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
        mode: Mode = "poll" if row.transport == "tcp-poll" else "block"
        count = int(row.params["processes"])
        endpoint = f"{kernel_address(inventory, cable.sut.ref).ip}:{TCP_PORT}"
        workers = tuple(
            PlannedProcess(
                name=f"worker{index}",
                host=sut.name,
                app="tcp_echo",
                argv=(
                    binary(sut, context.digest, "tcp_echo"),
                    *TcpEchoParams(
                        listen=endpoint,
                        worker=index,
                        workers=count,
                        mode=mode,
                        idle=_idle(row),
                        size=int(row.params["size"]),
                        stats=f"worker{index}.stats.json",
                    ).argv(),
                ),
                stage=0,
                cpus=(cpu_of(sut, index),),
                polls=mode == "poll",
            )
            for index in range(count)
        )
        client = PlannedProcess(
            name="traffic",
            host=generator.name,
            app="tcp_traffic",
            argv=(
                binary(generator, context.digest, "tcp_traffic"),
                *TcpTrafficParams(connect=endpoint, mode=mode, load=_load(row, context, "traffic")).argv(),
            ),
            stage=1,
            cpus=(cpu_of(generator, 0),),
            measures=True,
            polls=mode == "poll",
        )
        return (*workers, client)


def _idle(row: Row) -> Idle:
    return cast(Idle, row.params["idle"])


def _load(row: Row, context: TrialContext, name: str) -> LoadParams:
    params = row.params
    return LoadParams(
        flows=int(params["flows"]),
        size=int(params["size"]),
        depth=int(params["depth"]),
        rate=float(params["rate"]),
        warmup_s=float(params["warmup_s"]),
        window_s=float(params["window_s"]),
        idle=_idle(row),
        tag=context.tag,
        max_samples=_max_samples(row),
        samples=f"{name}.samples.bin",
        stats=f"{name}.stats.json",
    )


def _max_samples(row: Row) -> int:
    """Room for every message of warm-up and window at a rate that the transport cannot exceed here."""
    seconds = float(row.params["warmup_s"]) + float(row.params["window_s"])
    most_per_s = TCP_MESSAGES_PER_S
    if row.transport == "dpdk":
        most_per_s = DPDK_MESSAGES_PER_S if int(row.params["depth"]) == 1 else DPDK_DEEP_MESSAGES_PER_S
    if row.params["rate"]:
        most_per_s = 1.1 * float(row.params["rate"])
    return min(int(seconds * most_per_s) + 1000, MOST_SAMPLES)


def _cpus_shared(inventory: Inventory, processes: int) -> bool:
    """Whether two processes of a row would share a CPU."""
    sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
    used = [cpu_of(sut, index) for index in range(processes)]
    if inventory.testbed is not None:  # both hosts run on this machine's CPUs
        used.append(cpu_of(generator, 0))
    return len(set(used)) < len(used)


SCENARIO: Scenario = SymmetricMp()
