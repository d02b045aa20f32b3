"""Whether everybody counted the same packets: programs and their drivers, and both ends of a link."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from orchestrator.experiments.records import TrialRecord
from orchestrator.results.stats import ProcessStats

EXACT_DRIVERS = frozenset({"net_memif", "net_af_packet", "net_ring"})
"""Drivers that count a packet when they hand it to the program, and so count what the program counts. A NIC counts when
the packet comes.
"""


def disagreements(record: TrialRecord, stats: Mapping[str, ProcessStats]) -> list[str]:
    """One line for each port or queue whose packets are counted differently.

    * Of a group of processes, the packets of all queues of a port are those that its driver counted.
    * Over memif, where nobody else can send: what left by a queue of the generator is what came by that queue at the
      other end, and the other way round. That holds where the generator waited until nothing was under way
      (`settled`).
    """
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for process in record.trial.processes:
        if process.file_prefix:
            groups[process.host, process.file_prefix].append(process.name)
    whole = {group: names for group, names in groups.items() if all(name in stats for name in names)}
    counted = {group: [stats[name] for name in names] for group, names in whole.items()}
    found = [line for (host, _), members in counted.items() for line in _against_drivers(host, members)]
    measuring = next((process for process in record.trial.processes if process.measures), None)
    if measuring is None or record.trial.link != "memif" or not len(groups) == len(counted) == 2:
        return found
    if not stats[measuring.name].settled:
        return found
    near = counted[measuring.host, measuring.file_prefix]
    (far,) = (members for group, members in counted.items() if group != (measuring.host, measuring.file_prefix))
    return found + _against_each_other(near, far)


def _against_drivers(host: str, members: list[ProcessStats]) -> list[str]:
    found = []
    received, sent = _by_port(members)
    drivers = {queue.port: queue.driver for each in members for queue in each.queues}
    for driver in (driver for each in members for driver in each.driver_stats):
        told = (driver.ipackets, driver.opackets)
        if drivers.get(driver.port) not in EXACT_DRIVERS or told == (0, 0):  # none, or forgotten with its link
            continue
        for what, ours, theirs in (
            ("received", received[driver.port], driver.ipackets),
            ("sent", sent[driver.port], driver.opackets),
        ):
            if ours != theirs:
                found.append(f"{host}: port {driver.port}: {ours} {what}, its driver counted {theirs}")
    return found


def _against_each_other(near: list[ProcessStats], far: list[ProcessStats]) -> list[str]:
    near_received, near_sent = _by_queue(near)
    far_received, far_sent = _by_queue(far)
    found = []
    for here, there, what in ((near_sent, far_received, "sent"), (near_received, far_sent, "received")):
        opposite = "received" if what == "sent" else "sent"
        found += [
            f"port {port} queue {queue}: the generator {what} {here[port, queue]}, "
            f"the other end {opposite} {there[port, queue]}"
            for port, queue in sorted(here.keys() | there.keys())
            if here[port, queue] != there[port, queue]
        ]
    return found


def _by_port(members: list[ProcessStats]) -> tuple[Counter[int], Counter[int]]:
    """(packets received, packets sent) by port."""
    received: Counter[int] = Counter()
    sent: Counter[int] = Counter()
    for queue in (queue for each in members for queue in each.queues):
        received[queue.port] += queue.rx_packets
        sent[queue.port] += queue.tx_packets
    return received, sent


def _by_queue(members: list[ProcessStats]) -> tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]]:
    """(packets received, packets sent) by port and queue."""
    received: Counter[tuple[int, int]] = Counter()
    sent: Counter[tuple[int, int]] = Counter()
    for queue in (queue for each in members for queue in each.queues):
        received[queue.port, queue.queue] += queue.rx_packets
        sent[queue.port, queue.queue] += queue.tx_packets
    return received, sent
