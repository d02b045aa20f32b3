"""message: crafted messages cross a forwarder, and the receiver proves every field and byte of what arrived.

One process of the generator's host crafts, sends, receives and proves; on the other host runs a forwarder of the shape
of DPDK's l2fwd. The TCP twin sends the same records through a relay. What makes a forwarder lose or delay packets (a
sleep in its loop, send buffers that nothing drains) are parameters: docs/sleeping.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from orchestrator.apps.cores import cpu_of, lcore_for
from orchestrator.apps.message_params import (
    CaptureParams,
    ContentParams,
    L2fwdParams,
    LoopParams,
    MessageParams,
    Payload,
    Shape,
    TcpForwardParams,
    TcpMessageParams,
)
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import UsageError
from orchestrator.inventory.addresses import kernel_address
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, Rows, Scenario, TrialContext
from orchestrator.scenarios.cables import Cable, choose, dpdk_devices, driver_label, role_host
from orchestrator.scenarios.common import DEPTH, FLOWS, IDLE, LINK, RATE, TRANSPORT, WARMUP_S, WINDOW_S
from orchestrator.scenarios.load import idle_for, idle_of, is_dpdk, load_of, mode_of, pollers, timeout_ms
from orchestrator.scenarios.parameters import Parameter, Settings, Value
from orchestrator.scenarios.plots import DISTRIBUTIONS, Plot
from orchestrator.scenarios.processes import dpdk_process, kernel_process
from orchestrator.scenarios.rows import LeftOutError, check_flows, check_link, every
from orchestrator.scenarios.shared_programs import addresses_of, dpdk_generator

NEVER = -1
"""Of `drain_us`: send buffers leave only when they are full."""
PAYLOAD = Parameter(
    "payload",
    str,
    ("bytes", "struct", "large"),
    "bytes with zeros among them; a struct in network byte order; a struct in fragments",
    choices=("bytes", "struct", "large"),
)
SIZE = Parameter(
    "size", int, (64,), "bytes of a message of payload=bytes and struct, without headers", unit="B", low=1, high=9172
)
LARGE_SIZE = Parameter("large_size", int, (8192,), "bytes of a message of payload=large", unit="B", low=48, high=65536)
PORTS = Parameter(
    "ports", int, (1,), "ports of the forwarder; what comes by one of 2 leaves by the other", low=1, high=2
)
SLEEP_US = Parameter("sleep_us", int, (0,), "sleep in a loop", unit="us", low=0, high=100_000)
SLEEPER = Parameter("sleeper", str, ("forwarder",), "whose loop sleeps", choices=("forwarder", "sender"))
LOOP = Parameter(
    "loop",
    str,
    ("poll",),
    "poll: sleeps when there is nothing to do; naive: sleeps after every burst",
    choices=("poll", "naive"),
)
DRAIN_US = Parameter(
    "drain_us",
    int,
    (0,),
    f"how often the forwarder drains its send buffers of 32; 0: every turn, {NEVER}: never, they leave when full. "
    "TCP has none, and one row beside the first value",
    unit="us",
    low=NEVER,
    high=100_000,
)
DUMP = Parameter("dump", int, (0,), "packets each way that both ends keep, and that are compared", low=0, high=1000)

TCP_PORT = 7200
IP_AND_UDP_BYTES = 28
HEADER_BYTES = 16
"""Of a record that is no fragment: docs/message-format.md."""
FRAGMENT_HEADER_BYTES = 28
MOST_FRAGMENTS = 256
READING_BYTES = 48
RX_RING = 1024
BURST = 32
RELAY_BYTES = 2 * (65535 + FRAGMENT_HEADER_BYTES)
"""A connection's buffer in the relay: two of the largest records (`echo_stream.c`, `record_stream.h`)."""
MOST_TCP_BYTES = 512 << 20


@dataclass(frozen=True)
class Message:
    """The scenario `message`."""

    name: str = "message"
    summary: str = "crafted messages (bytes, struct, struct in fragments) over an l2fwd-shaped forwarder, and over TCP"
    description: str = (
        "A sender crafts messages, a forwarder changes their MAC addresses and sends them back (by another port with "
        "ports=2), and the receiver checks every field and byte of what arrives, counts what is lost, repeated, "
        "reordered or corrupt, and compares digests of everything sent and received. loop=naive with sleep_us loses "
        "packets because the ring overruns, drain_us=-1 keeps the last ones in a buffer for ever; loop=poll and "
        "drain_us cure it. dump=N keeps the first packets at both ends and compares their fields after the trial."
    )
    parameters: Sequence[Parameter] = (
        TRANSPORT,
        LINK,
        PAYLOAD,
        SIZE,
        LARGE_SIZE,
        PORTS,
        replace(FLOWS, default=(4,)),
        DEPTH,
        RATE,
        SLEEPER,
        LOOP,
        SLEEP_US,
        DRAIN_US,
        DUMP,
        IDLE,
        WARMUP_S,
        replace(WINDOW_S, default=(1.0,)),
    )
    plots: Sequence[Plot] = (
        *DISTRIBUTIONS,
        Plot("fates"),
        Plot("sweep", name="payload", x="payload", follows=("size", "large_size")),
        Plot("sweep", name="size", x="size"),
        Plot("sweep", name="lost-by-sleep", x="sleep_us", y="lost_percent"),
        Plot("sweep", name="latency-by-sleep", x="sleep_us"),
        Plot("sweep", name="lost-by-drain", x="drain_us", y="lost_percent"),
        Plot("sweep", name="latency-by-drain", x="drain_us"),
    )
    headline: Sequence[str] = ("payload",)
    example: str = (
        "--set transport=dpdk --set link=memif --set payload=struct --set rate=20000 --set loop=naive,poll "
        "--set sleep_us=0,3000"
    )

    def rows(self, inventory: Inventory, settings: Settings, explicit: frozenset[str]) -> Rows:
        """Transport and link first, then payload, then the rest; see `Scenario.rows`."""
        idle = {"loop", "sleeper"} & explicit
        if idle and not any(settings["sleep_us"]):
            raise UsageError(
                f"{' and '.join(sorted(idle))} without sleep_us: it says how, or whose, a loop sleeps, and none does",
                remedy="set sleep_us as well, such as --set sleep_us=0,3000",
            )
        drain_us = settings["drain_us"][0]
        return every(settings, lambda values: self._row(inventory, values, drain_us, explicit), self.name, explicit)

    def _row(
        self, inventory: Inventory, params: dict[str, Value], drain_of_twin: Value, explicit: frozenset[str]
    ) -> Row:
        transport, link = str(params.pop("transport")), str(params.pop("link"))
        check_link(inventory, transport, link)
        dpdk = transport == "dpdk"
        try:
            used = choose(inventory, link, dpdk=dpdk, ports=int(params["ports"]), processes=1, asked="")
        except UsageError as error:
            raise LeftOutError(error.what, *({"ports", "link"} & explicit)) from error
        large = params["payload"] == "large"
        # What means nothing to a row has one value, so that its values make one row.
        large_size = params.pop("large_size")
        params["size"] = large_size if large else params["size"]
        wrong = _size_problem(params, used[0])
        if wrong:
            raise LeftOutError(wrong, "large_size" if large else "size")
        if not dpdk:
            _check_memory(params, used[0])
            params.update(ports=1, drain_us=drain_of_twin)
        check_flows(params, "ports")
        if not params["sleep_us"]:
            params["sleeper"] = "forwarder"
        elif params["sleeper"] == "sender" and not dpdk:
            reason = "sleeper=sender is measured over dpdk: the generator over TCP has no such loop"
            raise LeftOutError(reason, "transport", "sleeper")
        if dpdk and params["drain_us"] == NEVER and not params["rate"]:
            _check_returns(int(params["depth"]), _records(params, used), len(used))
        if params["idle"] == "auto":
            params["idle"] = idle_for(pollers(inventory, 1))
        return Row(transport, link, driver_label(used, dpdk=dpdk), params)

    def processes(self, inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
        """The forwarder, then the process that sends and proves."""
        used = choose(inventory, row.link, dpdk=is_dpdk(row), ports=int(row.params["ports"]), processes=1)
        if not is_dpdk(row):
            return self._tcp(inventory, row, context, used[0])
        return (self._l2fwd(row, context, used), self._message(inventory, row, context, used))

    def _l2fwd(self, row: Row, context: TrialContext, used: list[Cable]) -> PlannedProcess:
        host = used[0].sut.host
        app = L2fwdParams(
            ports=len(used),
            idle=idle_of(row),
            mtu=used[0].link.mtu,
            drain_us="never" if row.params["drain_us"] == NEVER else int(row.params["drain_us"]),
            loop=_loop(row, "forwarder"),
            capture=_capture(row, "l2fwd"),
            stats="l2fwd.stats.json",
        )
        return dpdk_process(
            host,
            context,
            name="l2fwd",
            app="l2fwd",
            argv=app.argv(),
            lcore=lcore_for(host, 0),
            devices=dpdk_devices(used, "sut"),
            stage=0,
            folder="message",
        )

    def _message(self, inventory: Inventory, row: Row, context: TrialContext, used: list[Cable]) -> PlannedProcess:
        app = MessageParams(
            ports=len(used),
            queues=1,
            addresses=addresses_of(inventory, row, used[0]),
            loop=_loop(row, "sender"),
            settle_ms=20 + 2 * (int(row.params["sleep_us"]) + max(int(row.params["drain_us"]), 0)) // 1000,
            content=_content(row, context, used[0]),
        )
        return dpdk_generator(context, used, app="message", argv=app.argv(), stage=1, queues=2)

    def _tcp(self, inventory: Inventory, row: Row, context: TrialContext, cable: Cable) -> tuple[PlannedProcess, ...]:
        sut, generator = role_host(inventory, "sut"), role_host(inventory, "generator")
        mode = mode_of(row)
        endpoint = f"{kernel_address(inventory, cable.sut.ref).ip}:{TCP_PORT}"
        forward = TcpForwardParams(
            listen=endpoint,
            mode=mode,
            idle=idle_of(row),
            loop=_loop(row, "forwarder"),
            capture=_capture(row, "forward"),
            stats="forward.stats.json",
        )
        message = TcpMessageParams(connect=endpoint, mode=mode, content=_content(row, context, cable))
        planned = [
            (sut, "forward", "tcp_forward", forward.argv()),
            (generator, "message", "tcp_message", message.argv()),
        ]
        return tuple(
            kernel_process(
                host,
                context,
                name=name,
                app=app,
                argv=argv,
                cpu=cpu_of(host, 0),
                stage=stage,
                polls=mode == "poll",
                measures=name == "message",
                folder="message",
            )
            for stage, (host, name, app, argv) in enumerate(planned)
        )


def _room(params: dict[str, Value], cable: Cable) -> int:
    """Bytes of body that one record on this link has room for."""
    header = FRAGMENT_HEADER_BYTES if params["payload"] == "large" else HEADER_BYTES
    return cable.link.mtu - IP_AND_UDP_BYTES - header


def _records(params: dict[str, Value], used: Sequence[Cable]) -> int:
    """Records that carry one message."""
    return -(-int(params["size"]) // _room(params, used[0]))


def _check_memory(params: dict[str, Value], cable: Cable) -> None:
    """Raise LeftOutError where the connections of the twin would need too much memory.

    Each has its message once to send and twice to receive (`connections.c`), once more to put its fragments together
    (`tcp_message_main.c`), and what of it the relay has at a time.
    """
    size = int(params["size"])
    stream = size + _records(params, [cable]) * FRAGMENT_HEADER_BYTES
    needed = int(params["flows"]) * (3 * stream + size + min(2 * stream, RELAY_BYTES))
    if needed > MOST_TCP_BYTES:
        raise LeftOutError(
            f"flows={params['flows']} with messages of {size} B over TCP need about {needed >> 20} MiB for their "
            f"connections' buffers, and at most {MOST_TCP_BYTES >> 20} are used; take fewer flows or smaller messages",
            "flows",
        )


def _check_returns(depth: int, records: int, ports: int) -> None:
    """Raise LeftOutError where all messages of a closed loop may come to lie in buffers that nothing drains."""
    most = ports * _most_waiting(records)
    if depth > most:
        return
    where = f" and ports={ports}" if ports > 1 else ""
    raise LeftOutError(
        f"drain_us={NEVER} with depth={depth}{where}: once no buffer of {BURST} fills, nothing ever returns; "
        f"set rate=..., or a depth of {most + 1} or more, or drain_us=0",
        "drain_us",
    )


def _most_waiting(records: int) -> int:
    """Messages of `records` frames that can wait in one port's buffer without filling it; of the first of them a part
    may have left already.

    All frames of a message go by one port, messages by the ports in turn. The frames that lie in a buffer are a
    multiple of what `records` and the buffer's size have in common.
    """
    step = math.gcd(records, BURST)
    room = BURST - step
    return (room - step) // records + 1 if room >= step else 0


def _size_problem(params: dict[str, Value], cable: Cable) -> str:
    """Why the programs would refuse messages of this size; empty if they would not."""
    size, payload, room = int(params["size"]), params["payload"], _room(params, cable)
    if payload != "bytes" and size < READING_BYTES:
        return f"size={size}: payload={payload} has a struct of {READING_BYTES} bytes"
    if payload != "large" and size > room:
        return (
            f"size={size} does not fit {cable.link.name}, a {cable.link.kind} of MTU {cable.link.mtu}, which carries "
            f"{room} bytes of a message; payload=large is split into fragments"
        )
    if _records(params, [cable]) > MOST_FRAGMENTS:
        return f"size={size} would be more than {MOST_FRAGMENTS} fragments"
    return ""


def _loop(row: Row, who: str) -> LoopParams:
    """The loop of the sender or forwarder: the one that does not sleep polls."""
    sleeps = row.params["sleeper"] == who
    return LoopParams(
        loop=cast(Shape, row.params["loop"]) if sleeps else "poll",
        sleep_us=int(row.params["sleep_us"]) if sleeps else 0,
    )


def _capture(row: Row, process: str) -> CaptureParams:
    return CaptureParams(process=process, packets=int(row.params["dump"]))


def _content(row: Row, context: TrialContext, cable: Cable) -> ContentParams:
    load = load_of(row, context, "message")
    if is_dpdk(row):
        # A forwarder that sleeps after every burst empties a full ring in so many sleeps: what it has is waited for.
        load = replace(load, timeout_ms=timeout_ms(row, sleeps=2 * RX_RING // BURST))
    return ContentParams(
        payload=cast(Payload, row.params["payload"]),
        mtu=cable.link.mtu,
        capture=_capture(row, "message"),
        load=load,
    )


SCENARIO: Scenario = Message()
