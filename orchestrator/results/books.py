"""Whether a generator can say what became of all that it received and sent, over any transport.

The two sides of each line are counted in different places of the program: what came and left where the transport is,
and what became of it where messages are judged. So a message that one of them counts wrongly or not at all shows here.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.results.protocol_counts import packet_accounting
from orchestrator.results.stats import ProcessStats

WITHOUT_PACKETS = frozenset({"store_fio", "store_sockperf", "mbuf_pingpong"})
"""Programs of others, and the bare ping-pong that is compared with ours: they tell operations and no packets."""


def imbalances(name: str, stats: ProcessStats) -> list[str]:
    """What in the books of the generator `name` does not balance, one line each; empty where all of it does."""
    return [f"{name}: {line}" for line in (*_received(stats), *_sent(stats))]


def _received(stats: ProcessStats) -> Iterator[str]:
    told = stats.accounting
    if told is None and stats.rpc is not None:
        spoken = packet_accounting("", stats)
        if spoken is not None and not spoken.balanced:
            yield f"{spoken.packets_in} packets in, {spoken.packets_out} taken, {spoken.drops} dropped"
        return
    if told is None and stats.app in WITHOUT_PACKETS:
        return
    if told is None and stats.floor and stats.sending is not None:  # answers of its own, over no network
        if stats.rx_packets != stats.sending.returned + stats.asked:
            yield f"{stats.rx_packets} answers, {stats.sending.returned} returned, {stats.asked} asked beside them"
        return
    if told is None:
        yield "does not say what became of what it received"
        return
    if told.packets_in != told.packets_out + told.drops:
        yield f"{told.packets_in} in, {told.packets_out} out, {told.drops} dropped"
    if told.drops != sum(told.reasons.values()):
        yield f"{told.drops} dropped, {sum(told.reasons.values())} of them for a reason"
    if told.packets_in != stats.rx_packets:
        yield f"{told.packets_in} in, but its queues received {stats.rx_packets}"
    stream = stats.stream
    if stream is not None and stats.rx_bytes != stream.whole + stream.unfinished:
        yield f"{stats.rx_bytes} bytes in, {stream.whole} of whole messages, {stream.unfinished} left over"


def _sent(stats: ProcessStats) -> Iterator[str]:
    if stats.sent != stats.returned + stats.lost:
        yield f"{stats.sent} sent, {stats.returned} returned, {stats.lost} lost"
    sending = stats.sending
    if sending is None:
        return
    if sending.sent != sending.returned + sending.lost + sending.out:
        yield f"{sending.sent} sent in all, {sending.returned} returned, {sending.lost} lost, {sending.out} still out"
    if sending.sent != stats.sent + stats.warmup_sent:
        yield f"{sending.sent} sent in all, but {stats.sent} in the window and {stats.warmup_sent} outside it"
