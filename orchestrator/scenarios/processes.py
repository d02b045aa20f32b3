"""The processes of a trial from what a scenario says of them: a DPDK program, or one that uses the kernel's network."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.apps.eal import Device, EalParams
from orchestrator.apps.paths import binary
from orchestrator.apps.process import LcoreOnCpu, PlannedProcess
from orchestrator.inventory.model import Host
from orchestrator.scenarios.base import TrialContext

# mbuf pool (8,191 of 2,176 B and their caches), rings and the EAL's own, measured at 26 to 44 MB; rounded up.
HUGEPAGE_BYTES = 64 << 20
EAL_BYTES = 32 << 20
"""What a group takes beside its packet buffers."""
BUFFER_BYTES = 2560
"""Of one packet buffer for frames of the usual size, with its header."""
DESCRIPTORS = 1024
"""Of a queue, where a program is not told otherwise (`link_options.c`)."""
PROCESS_BUFFERS = 256
"""What one process keeps and has in its hands: `pool_mbufs_of_process()` of `common/dpdk/pool.h`."""


def packet_memory(queues: int, processes: int = 1, *, more: int = 0) -> int:
    """Bytes of huge pages of a DPDK group with `queues` queues in all, of either direction, and `more` buffers."""
    buffers = DESCRIPTORS * queues + PROCESS_BUFFERS * processes + more
    return max(HUGEPAGE_BYTES, buffers * BUFFER_BYTES + EAL_BYTES)


def file_prefix(context: TrialContext, part: str = "") -> str:
    """The file-prefix of a DPDK group of the trial, by which left-overs are recognised."""
    return f"dporch-{context.key}-{part}" if part else f"dporch-{context.key}"


def dpdk_process(
    host: Host,
    context: TrialContext,
    *,
    name: str,
    app: str,
    argv: tuple[str, ...],
    lcore: LcoreOnCpu,
    devices: Sequence[Device],
    stage: int,
    group: str = "",
    secondary: bool = False,
    hugepage_bytes: int = HUGEPAGE_BYTES,
    measures: bool = False,
    folder: str = "",
) -> PlannedProcess:
    """A DPDK program: the primary of `group` (its memory comes from the host's pool), or a secondary of it.

    `argv` are the program's own options, `folder` that of `dpdk_apps` that it is built in.
    """
    prefix = file_prefix(context, group)
    eal = EalParams("secondary" if secondary else "primary", prefix, (lcore,), devices)
    return PlannedProcess(
        name=name,
        host=host.name,
        app=app,
        argv=(binary(host, context.digest, app, folder), *eal.argv(), "--", *argv),
        stage=stage,
        cpus=(lcore.cpu,),
        lcores=(lcore,),
        file_prefix=prefix,
        hugepage_bytes=0 if secondary else hugepage_bytes,
        measures=measures,
    )


def kernel_process(
    host: Host,
    context: TrialContext,
    *,
    name: str,
    app: str,
    argv: tuple[str, ...],
    cpu: int,
    stage: int,
    polls: bool,
    measures: bool = False,
    folder: str = "",
) -> PlannedProcess:
    """A program that uses the kernel's network; see `dpdk_process`."""
    return PlannedProcess(
        name=name,
        host=host.name,
        app=app,
        argv=(binary(host, context.digest, app, folder), *argv),
        stage=stage,
        cpus=(cpu,),
        measures=measures,
        polls=polls,
    )
