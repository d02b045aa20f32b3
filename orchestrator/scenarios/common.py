"""Parameters that mean the same in every scenario that has them, and the schedule of a trial that follows from them."""

from __future__ import annotations

from orchestrator.scenarios.parameters import Parameter

TRANSPORT = Parameter(
    "transport",
    str,
    ("dpdk", "tcp", "tcp-poll"),
    "dpdk, or its TCP twin: tcp blocks in epoll, tcp-poll polls",
    choices=("dpdk", "tcp", "tcp-poll"),
)
LINK = Parameter(
    "link",
    str,
    ("memif", "veth", "wire"),
    "kind of link between the hosts; those that the inventory has are used",
    choices=("memif", "veth", "wire"),
)
PROCESSES = Parameter(
    "processes", int, (1, 2), "processes that share the port(s) of the system under test", low=1, high=16
)
SIZE = Parameter("size", int, (64,), "bytes of a message (UDP payload, TCP message)", unit="B", low=32, high=1472)
FLOWS = Parameter("flows", int, (64,), "UDP source ports, TCP connections", low=1, high=4096)
DEPTH = Parameter("depth", int, (1,), "messages in flight (closed loop)", low=1, high=256)
RATE = Parameter(
    "rate",
    float,
    (0.0,),
    "messages sent per second on a schedule (open loop); 0: closed loop",
    unit="1/s",
    low=0,
    high=2e7,
)
WARMUP_S = Parameter(
    "warmup_s", float, (0.3,), "time before the window that is not measured", unit="s", low=0.2, high=60
)
WINDOW_S = Parameter("window_s", float, (2.0,), "the measurement window", unit="s", low=0.02, high=300)
IDLE = Parameter(
    "idle",
    str,
    ("auto",),
    "what a poller does with nothing to do; auto: yield where processes share a CPU, else spin",
    choices=("auto", "spin", "yield"),
)

EVERYWHERE = (TRANSPORT, LINK, PROCESSES, SIZE, FLOWS, DEPTH, RATE, WARMUP_S, WINDOW_S, IDLE)
