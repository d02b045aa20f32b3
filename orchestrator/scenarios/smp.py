"""symmetric_mp: N equal processes share the ports of the system under test, each with a queue of its own.

The generator sends messages of many flows; the device spreads the flows over the queues; each process sends back what
it received. The TCP twin is N worker processes that share one listening port (SO_REUSEPORT) and echo the messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.params import SymmetricMpParams
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import kernel_address
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Rows, Scenario, TrialContext
from orchestrator.scenarios.cables import Cable, choose, dpdk_devices, driver_label, role_host
from orchestrator.scenarios.common import EVERYWHERE
from orchestrator.scenarios.load import (
    idle_for,
    idle_of,
    is_dpdk,
    pollers,
)
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import DISTRIBUTIONS, Plot
from orchestrator.scenarios.processes import dpdk_process, packet_memory
from orchestrator.scenarios.rows import LeftOutError, check_flows, check_link, every
from orchestrator.scenarios.shared_programs import tcp_echoes, tcp_traffic_process, traffic_process

PORTS = Parameter(
    "ports", int, (1,), "ports of the group: pairs 0-1, 2-3; a port without a pair sends to itself", low=1, high=2
)
TCP_PORT = 7000


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
    plots: Sequence[Plot] = (*DISTRIBUTIONS, Plot("shares"), Plot("sweep", name="size", x="size"))
    headline: Sequence[str] = ("processes",)
    example: str = "--set processes=1 --set size=64,1024"

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """Transport and link first, then processes, then the rest; see `Scenario.rows`."""
        return every(settings, lambda values: self._row(inventory, values, explicit), self.name, explicit)

    def _row(self, inventory: Inventory, params: dict[str, Value], explicit: frozenset[str]) -> Row:
        transport, link = str(params.pop("transport")), str(params.pop("link"))
        check_link(inventory, transport, link)
        dpdk = transport == "dpdk"
        if not dpdk:
            params["ports"] = 1  # TCP has one listening port on one link, whatever DPDK is given
        try:
            used = choose(inventory, link, dpdk=dpdk, ports=int(params["ports"]), processes=int(params["processes"]))
        except UsageError as error:
            raise LeftOutError(error.what, *({"processes", "ports", "link"} & explicit)) from error
        check_flows(params, "processes")
        check_flows(params, "ports")
        if params["idle"] == "auto":
            params["idle"] = idle_for(pollers(inventory, int(params["processes"])))
        return Row(transport, link, driver_label(used, dpdk=dpdk), params)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """Primary, then its secondaries, then the generator; or the TCP workers, then the TCP generator."""
        used = choose(
            inventory,
            row.link,
            dpdk=is_dpdk(row),
            ports=int(row.params["ports"]),
            processes=int(row.params["processes"]),
        )
        if is_dpdk(row):
            memif = row.link == "memif"  # which has no RSS: the generator spreads
            queues = int(row.params["processes"]) if memif else 1
            traffic = traffic_process(inventory, row, context, used, queues=queues, spread=memif)
            return (*self._group(row, context, used), traffic)
        return self._tcp(inventory, row, context, used[0])

    def _group(self, row: Row, context: TrialContext, used: list[Cable]) -> tuple[PlannedProcess, ...]:
        host = used[0].sut.host
        count = int(row.params["processes"])
        processes = []
        for proc_id in range(count):
            name = f"secondary{proc_id}" if proc_id else "primary"
            app = SymmetricMpParams(
                ports=len(used), num_procs=count, proc_id=proc_id, idle=idle_of(row), stats=f"{name}.stats.json"
            )
            processes.append(
                dpdk_process(
                    host,
                    context,
                    name=name,
                    app="symmetric_mp",
                    argv=app.argv(),
                    lcore=lcore_for(host, proc_id),
                    devices=dpdk_devices(used, "sut"),
                    stage=min(proc_id, 1),
                    secondary=proc_id > 0,
                    hugepage_bytes=packet_memory(2 * count * len(used), count),
                )
            )
        return tuple(processes)

    def _tcp(self, inventory: Inventory, row: Row, context: TrialContext, cable: Cable) -> tuple[PlannedProcess, ...]:
        sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
        endpoint = f"{kernel_address(inventory, cable.sut.ref).ip}:{TCP_PORT}"
        cpus = [cpu_of(sut, index) for index in range(int(row.params["processes"]))]
        workers = tcp_echoes(sut, row, context, endpoint, name="worker", cpus=cpus)
        return (*workers, tcp_traffic_process(generator, row, context, endpoint, stage=1))


SCENARIO: Scenario = SymmetricMp()
