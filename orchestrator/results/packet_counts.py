"""Whether everybody counted the same packets: programs and their drivers, and both ends of a link."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.experiments.records import TrialRecord
from orchestrator.results.stats import ProcessStats

EXACT_DRIVERS = frozenset({"net_memif", "net_af_packet", "net_ring"})
"""Drivers that count a packet when they hand it to the program, and so count what the program counts. A NIC counts when
the packet comes.
"""

OF_OTHERS = ("runt", "group_address", "not_ipv4", "not_udp", "foreign")
"""Drops that only frames of others have, so that the two ends need not have counted the same."""


@dataclass(frozen=True)
class Comparison:
    """Which counts were compared, which were not and why, and what did not agree; one line each."""

    compared: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()


def compare(record: TrialRecord, stats: Mapping[str, ProcessStats]) -> Comparison:
    """Compare the counts of a trial over DPDK; empty for others.

    * Of a group of processes, the packets of all queues of a port are those that its driver counted.
    * What left by the generator is what came at the other end, and the other way round, where the generator waited
      until nothing was under way (`settled`): over memif, where nobody else can send, by queue; over net_af_packet at
      both ends by port, unless frames of others came. A veth loses frames in silence where a receiver is slow: fewer
      that came than were sent are a loss there and no disagreement.
    """
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for process in record.trial.processes:
        if process.file_prefix:
            groups[process.host, process.file_prefix].append(process.name)
    found = _Findings()
    counted: dict[tuple[str, str], list[ProcessStats]] = {}
    for (host, prefix), names in groups.items():
        missing = [name for name in names if name not in stats]
        if missing:
            found.uncompared.append(f"{host}: {', '.join(missing)} left no counts")
            continue
        counted[host, prefix] = [stats[name] for name in names]
        _against_drivers(host, counted[host, prefix], found)
    measuring = next((process for process in record.trial.processes if process.measures), None)
    if measuring is not None and len(groups) == 2:
        near = counted.get((measuring.host, measuring.file_prefix))
        far = next((members for key, members in counted.items() if members is not near), None)
        if near is not None and far is not None:
            _ends(record.trial.link, near, far, settled=stats[measuring.name].settled, found=found)
    return Comparison(tuple(found.compared), tuple(found.uncompared), tuple(found.disagreements))


@dataclass
class _Findings:
    compared: list[str] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


def _against_drivers(host: str, members: list[ProcessStats], found: _Findings) -> None:
    received, sent = _by_port(members)
    told = {driver.port: driver for each in members for driver in each.driver_stats}
    for port, name in sorted({queue.port: queue.driver for each in members for queue in each.queues}.items()):
        where = f"{host}: port {port}"
        driver = told.get(port)
        if driver is not None and driver.error:
            found.uncompared.append(f"{where}: {name} did not say what it counted: {driver.error}")
        elif name not in EXACT_DRIVERS:
            found.uncompared.append(f"{where}: {name} does not count what the program counts")
        elif driver is None or (driver.ipackets, driver.opackets) == (0, 0):
            found.uncompared.append(f"{where}: {name} told nothing, or forgot it with its link")
        else:
            found.compared.append(f"{where}: with the counts of {name}")
            found.disagreements += [
                f"{where}: {ours} {what}, its driver counted {theirs}"
                for what, ours, theirs in (
                    ("received", received[port], driver.ipackets),
                    ("sent", sent[port], driver.opackets),
                )
                if ours != theirs
            ]


def _ends(link: str, near: list[ProcessStats], far: list[ProcessStats], *, settled: bool, found: _Findings) -> None:
    what = f"both ends of {link}"
    drivers = {queue.driver for each in (*near, *far) for queue in each.queues}
    others = sum(each.drops_by_reason.get(reason, 0) for each in (*near, *far) for reason in OF_OTHERS)
    if not settled:
        found.uncompared.append(f"{what}: the generator did not wait until nothing was under way")
    elif link == "memif":
        found.compared.append(f"{what}, by queue")
        found.disagreements += _by_queue_at_both_ends(near, far)
    elif drivers != {"net_af_packet"}:
        found.uncompared.append(f"{what}: through {', '.join(sorted(drivers))} others may send and drop")
    elif others:
        found.uncompared.append(f"{what}: {others} frames of others came")
    else:
        _by_port_at_both_ends(what, near, far, found)


def _by_port_at_both_ends(what: str, near: list[ProcessStats], far: list[ProcessStats], found: _Findings) -> None:
    (near_received, near_sent), (far_received, far_sent) = _by_port(near), _by_port(far)
    lost = 0
    for port in sorted(near_sent.keys() | far_sent.keys()):
        for sender, sent, receiver, received in (
            ("generator", near_sent[port], "other end", far_received[port]),
            ("other end", far_sent[port], "generator", near_received[port]),
        ):
            lost += max(sent - received, 0)
            if received > sent:
                found.disagreements.append(f"port {port}: the {receiver} received {received}, the {sender} sent {sent}")
    if lost:
        found.uncompared.append(f"{what}: {lost} frames were lost on the way")
    else:
        found.compared.append(f"{what}, by port")


def _by_queue_at_both_ends(near: list[ProcessStats], far: list[ProcessStats]) -> list[str]:
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
