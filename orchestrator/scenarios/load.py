"""The load of a row: what its generator sends, over whichever transport, and how the pollers of the row idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.params import Idle, LoadParams, Mode, TcpTrafficParams, TrafficParams
from orchestrator.apps.process import PlannedProcess
from orchestrator.inventory.addresses import dpdk_address, dpdk_mac
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import Row, TrialContext
from orchestrator.scenarios.cables import Cable, dpdk_device
from orchestrator.scenarios.processes import dpdk_process, kernel_process

# Messages a second that a generator may have to keep samples of (16 bytes each), and a limit of 1 GiB.
DPDK_MESSAGES_PER_S = 4e6
DPDK_DEEP_MESSAGES_PER_S = 12e6
TCP_MESSAGES_PER_S = 1e6
MOST_SAMPLES = 1 << 26
TIMEOUT_MS = 500
"""After which a message counts as lost, over every transport: longer than the 200 ms after which TCP sends again."""
LONGEST_TIMEOUT_MS = 15_000
"""The runner waits for a generator's last messages for 20 s."""


def is_dpdk(row: Row) -> bool:
    """Whether the row is not one of the twin."""
    return row.transport == "dpdk"


def mode_of(row: Row) -> Mode:
    """How the programs of the twin learn that something came."""
    return "poll" if row.transport.endswith("-poll") else "block"


def idle_of(row: Row) -> Idle:
    """What the pollers of the row do with nothing to do; `auto` has been resolved by then."""
    return cast(Idle, row.params["idle"])


def idle_for(cpus: Sequence[int]) -> Idle:
    """What `idle=auto` means for pollers on these CPUs of one kernel: two that spin on one CPU cost 1 ms (measured)."""
    return "yield" if len(set(cpus)) < len(cpus) else "spin"


def load_of(row: Row, context: TrialContext, name: str) -> LoadParams:
    """The generator `name`'s part of the command line that is the same over every transport."""
    params = row.params
    return LoadParams(
        flows=int(params["flows"]),
        size=int(params["size"]),
        depth=int(params["depth"]),
        rate=float(params["rate"]),
        warmup_s=float(params["warmup_s"]),
        window_s=float(params["window_s"]),
        idle=idle_of(row),
        tag=context.tag,
        timeout_ms=timeout_ms(row),
        max_samples=max_samples(row),
        samples=f"{name}.samples.bin",
        stats=f"{name}.stats.json",
    )


def timeout_ms(row: Row, sleeps: int = 2) -> int:
    """After which a message of the row counts as lost: later where a program sleeps, or keeps packets for a while.

    `sleeps` is how many sleeps a message may have to wait for.
    """
    waits_us = sleeps * int(row.params.get("sleep_us", 0)) + 2 * max(int(row.params.get("drain_us", 0)), 0)
    return min(TIMEOUT_MS + waits_us // 1000, LONGEST_TIMEOUT_MS)


def max_samples(row: Row) -> int:
    """Room for every message of warm-up and window at a rate that the transport cannot exceed here."""
    seconds = float(row.params["warmup_s"]) + float(row.params["window_s"])
    most_per_s = TCP_MESSAGES_PER_S
    if is_dpdk(row):
        most_per_s = DPDK_MESSAGES_PER_S if int(row.params["depth"]) == 1 else DPDK_DEEP_MESSAGES_PER_S
    if row.params["rate"]:
        most_per_s = 1.1 * float(row.params["rate"])
    return min(int(seconds * most_per_s) + 1000, MOST_SAMPLES)


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
    host = used[0].generator.host
    app = TrafficParams(
        ports=len(used),
        queues=queues,
        tx_queues=tx_queues,
        spread="toeplitz" if spread else "driver",
        src_ip=str(dpdk_address(inventory, used[0].generator.ref)),
        dst_ip=str(dpdk_address(inventory, used[0].sut.ref)),
        load=load_of(row, context, "traffic"),
        # Without one the generator learns the MAC from the first echo. Over veth that would be the kernel's own.
        peer_mac=dpdk_mac(inventory, used[0].sut.ref) if row.link == "veth" else "",
    )
    return dpdk_process(
        host,
        context,
        name="traffic",
        app="traffic",
        argv=app.argv(),
        lcore=lcore_for(host, 0),
        devices=[dpdk_device(cable, cable.generator, port) for port, cable in enumerate(used)],
        stage=2,
        group="gen",
        measures=True,
    )


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
