"""mp_server and its clients in a lab: how they are started, and what must be true of what they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.dpdk_lab import Lab, Program, cpu

FOLDER = "client_server"


@dataclass(frozen=True)
class Group:
    """A server and its clients."""

    server: Program
    clients: list[Program]


def start_server(
    lab: Lab,
    clients: int,
    *options: str,
    ports: int = 1,
    vdevs: list[str] | None = None,
    netns: str | None = None,
    ready: bool = True,
) -> Program:
    """The server, on memif unless `vdevs` says otherwise."""
    devices = lab.vdevs("server", ports) if vdevs is None else vdevs
    own = ["-p", hex((1 << ports) - 1), "-n", str(clients), "--idle", "yield", "--rx-desc", "256", "--tx-desc", "256"]
    argv = [*lab.eal("sut", 0, cpu(1)), *devices, "--", *own, *options]
    program = lab.start("mp_server", "server", argv, netns, FOLDER)
    if ready:
        program.wait_ready()
    return program


def start_client(
    lab: Lab,
    number: int,
    *options: str,
    lcore: int | None = None,
    name: str = "",
    netns: str | None = None,
    ready: bool = True,
) -> Program:
    """Client `number`, on a lcore id of its own unless `lcore` says otherwise."""
    eal = lab.eal("sut", 1 + number if lcore is None else lcore, cpu(1), "secondary")
    argv = [*eal, "--", "-n", str(number), "--idle", "yield", *options]
    program = lab.start("mp_client", name or f"client{number}", argv, netns, FOLDER)
    if ready:
        program.wait_ready()
    return program


def start_group(lab: Lab, clients: int, *options: str, ports: int = 1) -> Group:
    """A server with options, and all its clients."""
    server = start_server(lab, clients, *options, ports=ports)
    return Group(server, [start_client(lab, number) for number in range(clients)])


def stop_group(lab: Lab, group: Group) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Clients first; (the server's statistics, each client's), after checking that every packet is accounted for."""
    for program in (*group.clients, group.server):
        assert program.stop() == 0, program.errors()
    lab.stop_generators()
    server, clients = group.server.stats(), [client.stats() for client in group.clients]
    check_balance(server, clients)
    return server, clients


def check_balance(server: dict[str, Any], clients: list[dict[str, Any]]) -> None:
    """What came is where it is said to be: in the server's sums, member by member, and in each client's."""
    total = server["accounting"]
    members = server["members"]
    assert total["in"] == sum(queue["rx_packets"] for queue in server["queues"])
    assert total["in"] == total["out"] + total["drops"]
    assert total["drops"] == sum(total["reasons"].values())
    assert total["in"] == sum(member["in"] for member in members)
    for member, client in zip(members, clients, strict=True):
        assert member["in"] == member["out"] + sum(member["drops"].values())
        done = client["accounting"]
        assert done["in"] == member["out"] == sum(queue["ring_packets"] for queue in client["queues"])
        assert done["in"] == done["out"] + done["drops"]
        assert done["out"] == sum(queue["tx_packets"] for queue in client["queues"])
        assert done["drops"] == sum(sum(queue["drops"].values()) for queue in client["queues"])
    # What the driver of each port counted is what server and clients counted there.
    for port, driver in enumerate(server["driver_stats"]):
        if driver["ipackets"]:  # a memif forgets when its other end leaves
            assert driver["ipackets"] == server["queues"][port]["rx_packets"]
            assert driver["opackets"] == sum(client["queues"][port]["tx_packets"] for client in clients)
    assert server["pool"]["in_use_at_end"] == 0
    assert server["pool"]["explained"] == {"killed": 0, "cut_off": 0}
