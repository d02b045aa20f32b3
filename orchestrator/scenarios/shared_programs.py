"""The processes that several scenarios have: the generators of either transport, and the TCP echo."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.params import AddressParams, TcpEchoParams, TcpTrafficParams, TrafficParams
from orchestrator.apps.process import PlannedProcess
from orchestrator.inventory.addresses import dpdk_address, dpdk_mac
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import Row, TrialContext
from orchestrator.scenarios.cables import Cable, dpdk_devices
from orchestrator.scenarios.load import idle_of, load_of, mode_of
from orchestrator.scenarios.processes import dpdk_process, kernel_process, packet_memory


def addresses_of(inventory: Inventory, row: Row, cable: Cable) -> AddressParams:
    """What a DPDK generator on the near end of `cable` sends from and to."""
    return AddressParams(
        src_ip=str(dpdk_address(inventory, cable.generator.ref)),
        dst_ip=str(dpdk_address(inventory, cable.sut.ref)),
        # Without one the generator learns the MAC from the first echo. Over veth that would be the kernel's own.
        peer_mac=dpdk_mac(inventory, cable.sut.ref) if row.link == "veth" else "",
    )


def dpdk_generator(
    context: TrialContext, used: Sequence[Cable], *, app: str, argv: tuple[str, ...], stage: int, queues: int
) -> PlannedProcess:
    """The process of a DPDK generator on the near ends of `used`, called as its program.

    Each of its ports has `queues` queues, receive and send queues counted.
    """
    host = used[0].generator.host
    return dpdk_process(
        host,
        context,
        name=app,
        app=app,
        argv=argv,
        lcore=lcore_for(host, 0),
        devices=dpdk_devices(used, "generator"),
        stage=stage,
        group="gen",
        hugepage_bytes=packet_memory(len(used) * queues),
        measures=True,
    )


def traffic_process(
    inventory: Inventory,
    row: Row,
    context: TrialContext,
    used: Sequence[Cable],
    *,
    queues: int,
    spread: bool,
    tx_queues: int = 0,
) -> PlannedProcess:
    """The DPDK generator on the near ends of `used`, to be started after stages 0 and 1.

    It has `queues` queue pairs a port. With `spread` it deals flows out over them as a NIC would (what leaves by a
    memif's queue i arrives on queue i); without it the device at the far end does, and all leave by queue 0. With
    `tx_queues` it has so many send queues, and `queues` only to receive from.
    """
    app = TrafficParams(
        ports=len(used),
        queues=queues,
        tx_queues=tx_queues,
        spread="toeplitz" if spread else "driver",
        addresses=addresses_of(inventory, row, used[0]),
        load=load_of(row, context, "traffic"),
    )
    return dpdk_generator(context, used, app="traffic", argv=app.argv(), stage=2, queues=queues + (tx_queues or queues))


def tcp_traffic_process(host: Host, row: Row, context: TrialContext, endpoint: str, *, stage: int) -> PlannedProcess:
    """The generator of the twin on `host`, which connects to `endpoint`."""
    mode = mode_of(row)
    app = TcpTrafficParams(connect=endpoint, mode=mode, load=load_of(row, context, "traffic"))
    return kernel_process(
        host,
        context,
        name="traffic",
        app="tcp_traffic",
        argv=app.argv(),
        cpu=cpu_of(host, 0),
        stage=stage,
        polls=mode == "poll",
        measures=True,
    )


def tcp_echoes(
    host: Host, row: Row, context: TrialContext, endpoint: str, *, name: str, cpus: Sequence[int]
) -> tuple[PlannedProcess, ...]:
    """The workers that share the listening socket `endpoint`, one on each of `cpus`, called `name` and their number."""
    mode = mode_of(row)
    return tuple(
        kernel_process(
            host,
            context,
            name=f"{name}{index}",
            app="tcp_echo",
            argv=TcpEchoParams(
                listen=endpoint,
                worker=index,
                workers=len(cpus),
                mode=mode,
                idle=idle_of(row),
                size=int(row.params["size"]),
                stats=f"{name}{index}.stats.json",
            ).argv(),
            cpu=cpu,
            stage=0,
            polls=mode == "poll",
        )
        for index, cpu in enumerate(cpus)
    )
