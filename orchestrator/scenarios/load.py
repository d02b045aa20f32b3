"""The load of a row: what its generator sends, over whichever transport, and how the pollers of the row idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from orchestrator.apps.cores import cpu_of
from orchestrator.apps.params import Idle, LoadParams, Mode
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, TrialContext
from orchestrator.scenarios.cables import role_host

# Messages a second that a generator may have to keep samples of (16 bytes each), and a limit of 1 GiB.
DPDK_MESSAGES_PER_S = 4e6
DPDK_DEEP_MESSAGES_PER_S = 12e6
TCP_MESSAGES_PER_S = 1e6
MOST_SAMPLES = 1 << 26
BURST = 32
"""Packets that a program takes from a ring in a turn."""
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


def pollers(inventory: Inventory, processes: int) -> list[int]:
    """The CPUs of a row's pollers that run on one kernel: so many processes of the system under test, and in a testbed,
    whose hosts all run on this machine's CPUs, the generator.
    """
    sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
    used = [cpu_of(sut, index) for index in range(processes)]
    return used if inventory.testbed is None else [*used, cpu_of(generator, 0)]


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

    `sleeps` is how many sleeps a message may have to wait for. Who has a ring takes a burst of it a sleep, so that the
    last one in it waits for as many as it has bursts.
    """
    sleeps += int(row.params.get("ring_size", 0)) // BURST
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
