"""mp_server, mp_client and traffic against each other, started directly: what a plan relies on, without SSH."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from support.client_server_lab import Group, start_client, start_group, start_server, stop_group
from support.dpdk_lab import END_S, Lab, Program, spend, words
from support.lab_home import build_apps, lab_home

KILLS = 5
PEER_MAC = "02:00:00:00:00:66"
SPREAD = ("--spread", "driver", "--tx-queues", "1")


@pytest.fixture(scope="module")
def home(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    programs = ("client_server/mp_server", "client_server/mp_client", "traffic")
    with lab_home(build_apps(tmp_path_factory.mktemp("dpdk_apps") / "build", programs)) as lab:
        yield lab


@pytest.fixture
def lab(home: Lab) -> Iterator[Lab]:
    try:
        yield home
    finally:
        home.end()


def refusal(program: Program) -> str:
    """The last line of a program that ended by itself with an error."""
    assert program.process.wait(END_S) in (1, 2), program.errors()
    return program.errors().splitlines()[-1]


def test_two_clients_share_what_comes_and_send_all_of_it_back(lab: Lab) -> None:
    group = start_group(lab, 2)
    assert group.server.ready == "@ready ports=1 clients=2\n"
    generator = lab.measure(lab.vdevs("client", 1), *words("-p 1 --queues 2 --flows 8 --depth 16"), *SPREAD)
    server, clients = stop_group(lab, group)
    assert generator["lost"] == 0
    # One receive queue, whoever sends; and each client sends by a queue of its own.
    assert [queue["rx_queues"] for queue in server["queues"]] == [1]
    assert [queue["tx_packets"] > 0 for queue in generator["queues"]] == [True, False]
    for number, client in enumerate(clients):
        assert [queue["queue"] for queue in client["queues"]] == [number]
        assert client["accounting"]["out"] == generator["queues"][number]["rx_packets"]
        assert client["ended"] == "signal"
    # Each in turn, frame by frame, however they came: the shares differ by one frame at most.
    first, second = (member["in"] for member in server["members"])
    assert abs(first - second) <= 1
    assert server["accounting"]["drops"] == 0
    assert lab.map_files() == []


def test_by_flow_every_flow_goes_to_one_client_and_stays_in_order(lab: Lab) -> None:
    group = start_group(lab, 3, "--dispatch", "flow")
    generator = lab.measure(lab.vdevs("client", 1), *words("-p 1 --queues 3 --flows 64 --depth 64"), *SPREAD)
    server, clients = stop_group(lab, group)
    assert (generator["lost"], generator["reordered"]) == (0, 0)
    assert server["dispatch"] == "flow"
    shares = [client["accounting"]["in"] / server["accounting"]["in"] for client in clients]
    assert all(0.15 < share < 0.55 for share in shares), shares


def test_one_flow_goes_to_one_client_of_two(lab: Lab) -> None:
    group = start_group(lab, 2, "--dispatch", "flow")
    generator = lab.measure(
        lab.vdevs("client", 1),
        *words(f"-p 1 --queues 2 --flows 1 --depth 8 --peer-mac {PEER_MAC}"),
        *SPREAD,
    )
    server, _ = stop_group(lab, group)
    assert generator["lost"] == 0
    assert sorted(member["in"] > 0 for member in server["members"]) == [False, True]


def test_what_comes_by_one_port_leaves_by_its_pair(lab: Lab) -> None:
    group = start_group(lab, 2, ports=2)
    generator = lab.measure(lab.vdevs("client", 2), *words("-p 3 --queues 2 --flows 16 --depth 8"), *SPREAD)
    server, clients = stop_group(lab, group)
    assert generator["lost"] == 0
    assert all(queue["rx_packets"] > 0 for queue in server["queues"])
    for client in clients:
        first, second = client["queues"]
        # What could not be sent is counted where it was to leave: a probe may come before the other link is up.
        for came, left in ((first, second), (second, first)):
            assert came["ring_packets"] == left["tx_packets"] + left["drops"]["tx_full"]
            assert left["tx_packets"] > 100 * left["drops"]["tx_full"]


RATE = 20_000


def test_a_sleeping_client_loses_bursts_and_the_other_keeps_its_rate(lab: Lab) -> None:
    """It takes 32 frames in 20 ms, a sixth of its half of the rate."""
    server = start_server(lab, 2)
    clients = [start_client(lab, 0), start_client(lab, 1, "--sleep-us", "20000", "--drain-us", "100")]
    options = words(f"-p 1 --queues 2 --flows 16 --rate {RATE} --timeout-ms 50")
    generator = lab.measure(lab.vdevs("client", 1), *options, *SPREAD)
    stats, (awake, asleep) = stop_group(lab, Group(server, clients))
    first, second = stats["members"]
    assert abs(first["in"] - second["in"]) <= 1
    # The other client carries its half of the rate, all of it.
    assert sum(first["drops"].values()) == 0
    assert awake["accounting"]["out"] == first["in"] >= generator["sent"] // 2
    assert generator["queues"][0]["rx_packets"] == awake["accounting"]["out"]
    # The sleeper's are lost, and it is said why.
    refused = second["drops"]["ring_full"] + second["drops"]["bulk_refused"]
    assert refused > second["in"] / 3
    assert generator["lost"] > generator["sent"] / 4
    assert (asleep["sleep_us"], asleep["drain_us"]) == (20000, 100)


def test_at_a_low_rate_a_sleeping_client_leaves_its_send_buffer_unflushed(lab: Lab) -> None:
    """What it takes waits for others until it looks again, which is after its sleep; its ring never fills."""
    server = start_server(lab, 1)
    client = start_client(lab, 0, "--drain-us", "100")
    generator = lab.traffic(
        lab.vdevs("client", 1),
        *words("-p 1 --queues 1 --flows 1 --rate 100 --timeout-ms 1 --peer-mac"), PEER_MAC, *SPREAD,
    )  # fmt: skip
    generator.wait_ready()
    assert client.stop() == 0
    # Takes over a place whose holder left, and sleeps for longer than the generator measures.
    sleeper = start_client(lab, 0, "--drain-us", "100", "--sleep-us", "1000000", name="sleeper", ready=False)
    sleeper.wait_ready()
    generator.process.wait(END_S)
    assert sleeper.stop() == 0
    assert server.stop() == 0
    (queue,) = sleeper.stats()["queues"]
    assert queue["drops"]["unflushed"] + queue["tx_packets"] == queue["ring_packets"]
    drops = server.stats()["members"][0]["drops"]
    assert (drops["ring_full"], drops["bulk_refused"]) == (0, 0)
    # It was asleep all the time since its first turn: what it took then never left.
    assert queue["tx_packets"] == 0
    assert queue["drops"]["unflushed"] > 0


def test_frames_wait_for_others_as_long_as_drain_us_says(lab: Lab) -> None:
    """Nothing sleeps, and the time after which a frame leaves without others is not over: 32 leave at once."""
    unflushed = 0
    for attempt in range(8):  # one time in 32 the last frame completes a burst
        server = start_server(lab, 1)
        client = start_client(lab, 0, "--drain-us", "60000000")
        options = words(f"-p 1 --queues 1 --flows 8 --rate {1000 + 10 * attempt} --peer-mac {PEER_MAC} --linger")
        generator = lab.traffic(lab.vdevs("client", 1), *options, *SPREAD)
        generator.wait_ready()
        generator.wait_done()
        lab.lingering.append(generator)
        stats, (done,) = stop_group(lab, Group(server, [client]))
        (queue,) = done["queues"]
        unflushed = queue["drops"]["unflushed"]
        assert done["accounting"]["in"] > 300
        assert unflushed == done["accounting"]["in"] % 32
        assert stats["members"][0]["out"] == done["accounting"]["in"]
        if unflushed:
            break
    assert unflushed > 0


def test_a_killed_client_is_named_its_buffers_are_explained_and_another_takes_its_place(lab: Lab) -> None:
    group = start_group(lab, 2)
    first = lab.traffic(lab.vdevs("client", 1), *words("-p 1 --queues 2 --flows 8 --depth 64"), *SPREAD, window=1.0)
    first.wait_ready()
    group.clients[1].stop(signal.SIGKILL)
    deadline = time.monotonic() + END_S
    while "client 1 was killed" not in group.server.errors():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # The server and the other client go on, and the same id comes back while they do.
    again = start_client(lab, 1, name="again")
    assert first.process.wait(END_S) == 0, first.errors()
    assert first.stats()["returned"] > 0
    assert again.stop() == 0, again.errors()
    assert "takes the place of a client that was killed" in again.errors()
    assert again.stats()["accounting"]["in"] > 0
    for program in (group.clients[0], group.server):
        assert program.stop() == 0, program.errors()
    server = group.server.stats()
    assert [member["kills"] for member in server["members"]] == [0, 1]
    pool = server["pool"]
    assert pool["in_use_at_end"] == pool["explained"]["killed"] > 0, pool
    assert "clients were killed 1 time(s)" in group.server.errors()
    total, second = server["accounting"], again.stats()["accounting"]
    assert total["in"] == total["out"] + total["drops"]
    assert second["in"] == second["out"] + second["drops"]
    # What the killed one took stands in the server's count and in no client's.
    taken = group.clients[0].stats()["accounting"]["in"] + second["in"]
    assert total["out"] > taken


def test_a_group_outlives_a_generator_that_is_killed(lab: Lab) -> None:
    """Whatever its server was doing with the port then, it ends as ever, and its books balance."""
    for _ in range(KILLS):
        group = start_group(lab, 2)
        generator = lab.traffic(
            lab.vdevs("client", 1), *words("-p 1 --queues 2 --flows 8 --depth 16"), *SPREAD, window=9
        )
        generator.wait_ready()
        spend(generator, 0.15)
        assert generator.stop(signal.SIGKILL) == -signal.SIGKILL
        for program in (*group.clients, group.server):
            assert program.stop() == 0, program.errors()
        server = group.server.stats()
        assert server["accounting"]["in"] == server["accounting"]["out"] + server["accounting"]["drops"] > 1000
        assert server["pool"]["in_use_at_end"] == sum(server["pool"]["explained"].values())
        lab.end()


def test_a_death_is_not_forgotten_when_a_restart_is_refused(lab: Lab) -> None:
    """A refused start leaves the place as it was, also for the books at the end."""
    group = start_group(lab, 3)
    generator = lab.traffic(lab.vdevs("client", 1), *words("-p 1 --queues 3 --flows 8 --depth 64"), *SPREAD, window=1.0)
    generator.wait_ready()
    for number in (1, 2):
        group.clients[number].stop(signal.SIGKILL)
        refused = start_client(lab, number, lcore=1, name=f"refused{number}", ready=False)
        assert f"lcore id 1 is that of process {group.clients[0].process.pid}" in refusal(refused)
    again = start_client(lab, 1, name="again")
    assert "takes the place of a client that was killed" in again.errors()
    assert generator.process.wait(END_S) == 0, generator.errors()
    for program in (again, group.clients[0], group.server):
        assert program.stop() == 0, program.errors()
    server = group.server.stats()
    assert [member["kills"] for member in server["members"]] == [0, 1, 1]
    assert server["pool"]["in_use_at_end"] == server["pool"]["explained"]["killed"] > 0, server["pool"]
    assert server["accounting"]["in"] == server["accounting"]["out"] + server["accounting"]["drops"]


def test_clients_end_when_their_server_is_killed_and_so_does_one_that_sleeps(lab: Lab) -> None:
    server = start_server(lab, 3)
    clients = [start_client(lab, k, *(("--sleep-us", "5000000") if k == 2 else ())) for k in range(3)]
    server.process.kill()
    killed = time.monotonic()
    for client in clients:
        assert client.process.wait(END_S) == 3
        assert time.monotonic() - killed < 1.0
        assert client.stats()["ended"] == "primary died"
        assert "the server is gone: ending" in client.errors()
    stop_group(lab, start_group(lab, 2))  # a new group starts over what the killed one left


def test_starts_that_cannot_work_are_refused(lab: Lab) -> None:
    assert "start the primary first" in refusal(start_client(lab, 0, name="early", ready=False))
    group = start_group(lab, 2)
    pid = group.clients[1].process.pid
    same = start_client(lab, 1, lcore=9, name="same", ready=False)
    assert f"--client-id 1 belongs to process {pid} already" in refusal(same)
    none = start_client(lab, 2, name="none", ready=False)
    assert "ids go from 0 to 1" in refusal(none)
    other = start_client(lab, 1, "--num-clients", "4", lcore=9, name="other", ready=False)
    assert "--num-clients 4, but the server was started with --num-clients 2" in refusal(other)
    group.clients[1].stop()
    servers = start_client(lab, 1, lcore=0, name="servers", ready=False)
    assert "lcore id 0 is the server's too" in refusal(servers)
    others = start_client(lab, 1, lcore=1, name="others", ready=False)
    assert f"lcore id 1 is that of process {group.clients[0].process.pid}" in refusal(others)
    primary = lab.start("mp_client", "primary", [*lab.eal("other", 0, 0), "--", "-n", "0"], folder="client_server")
    assert "mp_client is a secondary: start mp_server first" in refusal(primary)
    # None of them harmed the group.
    again = start_client(lab, 1, name="again")
    stop_group(lab, Group(group.server, [group.clients[0], again]))


def test_a_device_that_one_process_owns_is_refused(lab: Lab) -> None:
    server = start_server(lab, 1, vdevs=["--vdev=net_af_packet0,iface=lo"], ready=False)
    assert "net_af_packet receives and sends in one process only" in refusal(server)


@pytest.fixture
def tap(lab: Lab) -> Iterator[tuple[str, str]]:
    """Two network namespaces: a veth between them, which in the second one shares a bridge with a tap."""
    left, right = f"dca{os.getpid()}", f"dcb{os.getpid()}"

    def ip(line: str) -> None:
        subprocess.run(["ip", *line.split()], check=True)

    try:
        for name in (left, right):
            ip(f"netns add {name}")
            off = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
            subprocess.run(["ip", "netns", "exec", name, *off], check=True)
        ip(f"link add wire netns {left} type veth peer name wire netns {right}")
        ip(f"-n {right} link add bridge address 02:00:00:00:01:02 type bridge stp_state 0 mcast_snooping 0")
        ip(f"-n {right} tuntap add dev tap mode tap multi_queue")
        for port in ("wire", "tap"):
            ip(f"-n {right} link set {port} master bridge")
        for name, link in ((left, "wire"), (right, "wire"), (right, "tap"), (right, "bridge")):
            ip(f"-n {name} link set {link} up")
        yield left, right
    finally:
        lab.end()
        for name in (left, right):
            subprocess.run(["ip", "netns", "del", name], check=False)


def test_four_clients_share_a_tap_and_the_server_polls_all_its_queues(lab: Lab, tap: tuple[str, str]) -> None:
    left, right = tap
    server = start_server(lab, 4, vdevs=["--vdev=net_tap0,iface=tap"], netns=right)
    clients = [start_client(lab, number, netns=right) for number in range(4)]
    options = words(f"-p 1 --queues 1 --flows 64 --depth 4 --spread driver --peer-mac {PEER_MAC}")
    generator = lab.measure(["--vdev=net_af_packet0,iface=wire"], *options, netns=left)
    stats, done = stop_group(lab, Group(server, clients))
    assert generator["lost"] == 0
    assert [queue["rx_queues"] for queue in stats["queues"]] == [4]
    assert all(client["accounting"]["out"] > 0 for client in done)


def test_more_clients_than_a_tap_can_be_shared_by_are_refused(lab: Lab, tap: tuple[str, str]) -> None:
    server = start_server(lab, 5, vdevs=["--vdev=net_tap0,iface=tap"], netns=tap[1], ready=False)
    assert "net_tap shares at most 4 queues with other processes, 5 are needed" in refusal(server)
