"""The store's server over TCP as its clients find it: sessions, requests, and what is no request."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.store_client import DEADLINE_S, StoreClient, echo_answer, echo_request
from support.store_server import LOOPBACK, Serve, Server, free_port

from orchestrator.apps.store_packet import PacketType, decode_refusal, encode

BOTH_MODES = pytest.mark.parametrize("mode", ["block", "poll"])
STRANGER_S = 3


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server that echoes."""
    return serve("--serve", "echo")


@BOTH_MODES
def test_requests_of_all_sizes_are_answered(serve: Serve, mode: str) -> None:
    server = serve("--serve", "echo", "--mode", mode, "--idle", "yield")
    sizes = [(8, 0), (8, 3), (64, 64), (80, 4112), (4176, 24), (8, 65536), (65536, 8)]
    with server.joined() as client:
        for number, (size, answer) in enumerate(sizes):
            request = echo_request(answer, number, size)
            assert client.ask(request) == echo_answer(request)
        assert client.ask(b"short") == b""
        assert client.ask(echo_request((1 << 16) + 1, 0)) == b""
    stats = server.end()
    assert stats["requests"] == stats["rpc"]["run"] == len(sizes) + 2
    assert (stats["serve"], stats["transport"], stats["mode"]) == ("echo", "tcp", mode)
    assert stats["tcp"]["connections"] == 1
    queue = stats["queues"][0]
    assert queue["rx_packets"] == stats["rpc"]["rx"]
    assert queue["tx_packets"] == stats["rpc"]["tx"]
    assert set(queue["drops"].values()) == {0}


def test_large_ones_in_small_packets(server: Server) -> None:
    with server.joined(most=4096) as client:
        request = echo_request(50000, 1, 60000)
        assert client.ask(request) == echo_answer(request)
    assert server.end()["requests"] == 1


def test_a_request_that_comes_twice_is_carried_out_once(server: Server) -> None:
    with server.joined() as client:
        request = echo_request(100, 1)
        number = client.begin(request)
        first = client.receive()
        for _ in range(3):
            client.send(next(client.fragments(request, number)))
            assert client.receive() == first
    stats = server.end()
    assert stats["requests"] == 1
    assert stats["rpc"]["duplicates"] == 3
    assert stats["rpc"]["retransmitted"] == 3


def malformed(client: StoreClient) -> dict[str, bytes]:
    """Bytes that are no packet, by the reason for which they are dropped."""
    packet = next(client.fragments(echo_request(10, 1), 0))
    good = encode(packet)
    return {
        "short": good[:20],
        "foreign": b"\0" * 80,
        "length": good + b"x",
        "corrupt": good[:-1] + bytes([good[-1] ^ 1]),
        "type": encode(replace(packet, type=77)),
        "fragment": encode(replace(packet, offset=1)),
        "payload": encode(replace(packet, type=PacketType.BYE)),
    }


def test_what_is_no_packet_is_counted_and_the_server_goes_on(server: Server) -> None:
    with server.joined() as client:
        for data in malformed(client).values():
            client.send_bytes(data)
        client.send_bytes(b"")
        # What only servers say, and a session that is not there.
        client.send(client.packet(PacketType.WELCOME, payload=bytes(20)))
        client.send(replace(next(client.fragments(b"12345678", 5)), session=99))
        assert client.receive().type == PacketType.RESTARTED
        assert client.ask(echo_request(10, 1)) == echo_answer(echo_request(10, 1))
    stats = server.end()
    dropped = stats["rpc"]["dropped"]
    assert dropped.pop("short") == 2
    assert dropped.pop("version") == 0
    assert set(dropped.values()) == {1}
    assert stats["rpc"]["unexpected"] == 1
    assert stats["requests"] == 1


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", struct.pack(">I", (1 << 20) + 8192)])
def test_a_length_that_makes_no_sense_ends_the_connection(server: Server, data: bytes) -> None:
    with server.joined() as other, server.client() as client:
        client.socket.sendall(data)
        with pytest.raises(EOFError):
            client.receive()
        assert other.ask(echo_request(10, 1)) == echo_answer(echo_request(10, 1))
    stats = server.end()
    assert stats["queues"][0]["drops"]["bad_length"] == 1


def test_who_says_nothing_valid_does_not_stay(server: Server) -> None:
    with server.joined() as client, server.client() as silent, server.client() as foreign:
        began = time.monotonic()
        foreign.send_bytes(b"what is the time?")
        for stranger in (silent, foreign):
            with pytest.raises(EOFError):
                stranger.receive()
        assert STRANGER_S * 0.9 < time.monotonic() - began < STRANGER_S * 3
        assert client.ask(echo_request(10, 1)) == echo_answer(echo_request(10, 1))
    stats = server.end()
    assert stats["queues"][0]["drops"]["silent"] == 2


def test_another_version_hears_why_it_is_refused(server: Server) -> None:
    with server.client() as client:
        answer = client.say_hello(version=9)
        assert answer.type == PacketType.REFUSED
        refusal = decode_refusal(answer.payload)
        assert (refusal.version_min, refusal.version_max, refusal.reason) == (1, 1, 1)
        # The same client may come down to what is known.
        client.hello()
        assert client.ask(echo_request(10, 1)) == echo_answer(echo_request(10, 1))
    stats = server.end()
    assert stats["rpc"]["refused"]["version"] == 1
    assert stats["refusal"] == "the client speaks versions 9 to 9 of the protocol, the server 1 to 1"


def test_a_value_that_is_too_large_is_refused(server: Server) -> None:
    with server.client() as client:
        answer = client.say_hello(value_max=1 << 21)
        assert answer.type == PacketType.REFUSED
        assert decode_refusal(answer.payload).offered == (1 << 20) + 4096


@BOTH_MODES
def test_sixteen_clients_at_once(serve: Serve, mode: str) -> None:
    server = serve("--serve", "echo", "--mode", mode, "--idle", "yield")
    clients = [server.joined() for _ in range(16)]
    requests = [echo_request(100 + i, i, 64 + i) for i in range(16)]
    for _ in range(20):
        numbers = [client.begin(request) for client, request in zip(clients, requests, strict=True)]
        for client, request, number in reversed(list(zip(clients, requests, numbers, strict=True))):
            assert client.finish(number) == echo_answer(request)
    with server.client() as late:
        assert late.say_hello().type == PacketType.BUSY
        clients.pop().bye()
        # It comes by another connection than ours.
        assert any(late.say_hello().type == PacketType.WELCOME for _ in range(1000))
    for client in clients:
        client.socket.close()
    stats = server.end()
    assert stats["requests"] == 320
    assert stats["rpc"]["sessions_begun"] == 17


def test_one_that_never_reads_stops_nobody(server: Server) -> None:
    with server.joined() as deaf, server.joined() as other:
        for number in range(500):
            deaf.begin(echo_request(60000, number))
        for number in range(50):
            request = echo_request(100, number)
            assert other.ask(request) == echo_answer(request)
    stats = server.end()
    assert stats["requests"] == 550
    assert stats["tcp"]["refused_full"] > 0


def test_a_session_goes_on_over_another_connection(server: Server) -> None:
    with server.joined() as client:
        request = echo_request(100, 1)
        session, number = client.session, client.begin(request)
        client.connect()
        # The client says HELLO first: its old connection is not this one.
        client.send(next(client.fragments(request, number)))
        assert client.is_silent()
        client.hello()
        assert client.session == session
        client.send(next(client.fragments(request, number)))
        assert client.finish(number) == echo_answer(request)
    stats = server.end()
    assert stats["requests"] == 1
    assert stats["rpc"]["stale"] == 1


def test_a_signal_says_bye_to_all(server: Server) -> None:
    clients = [server.joined() for _ in range(3)]
    stats = server.end()
    for client in clients:
        packet = client.receive()
        assert (packet.type, packet.client_epoch, packet.session) == (PacketType.BYE, client.epoch, client.session)
        with pytest.raises(EOFError):
            client.receive()
    assert (stats["sessions"], stats["ended"]) == (3, "signal")


def test_it_listens_on_one_address_alone(serve: Serve) -> None:
    server = serve("--serve", "echo", address=("127.0.0.2", free_port("127.0.0.2")))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, server.address[1]), DEADLINE_S)
    with server.joined() as client:
        assert client.ask(echo_request(10, 1)) == echo_answer(echo_request(10, 1))


# Two networks with two links between them; the server has its address on one of them.
TWO_LINKS = """
    set -e
    trap 'kill $server $other 2> FOLDER/gone || true' EXIT
    unshare -n sleep 20 & other=$!
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    beside() { nsenter -n -t $other "$@"; }
    for link in v w; do
        ip link add ${link}0 type veth peer name ${link}1
        ip link set ${link}1 netns $other
        ip link set ${link}0 up
        beside ip link set ${link}1 up
    done
    ip address add 198.51.100.1/30 dev v0
    ip address add 198.51.100.5/30 dev w0
    beside ip address add 198.51.100.2/30 dev v1
    beside ip address add 198.51.100.6/30 dev w1
    SERVER --serve echo --listen 198.51.100.1:7100 --stats FOLDER/stats.json > FOLDER/said & server=$!
    until grep -qs @ready FOLDER/said; do kill -0 $server; sleep 0.05; done
    program='import socket; socket.create_connection(("198.51.100.1", 7100), 5)'
    connect() { beside PYTHON -c "$program" 2>&1 | tail -n 1; }
    echo "its own: $(connect)"
    beside ip route add 198.51.100.1/32 via 198.51.100.5 dev w1
    echo "another: $(connect)"
    kill -TERM $server
    wait $server
"""


def test_nobody_comes_by_another_interface(store_server: Path, tmp_path: Path) -> None:
    script = TWO_LINKS.replace("SERVER", str(store_server)).replace("FOLDER", str(tmp_path))
    command = ["unshare", "-n", "sh", "-c", script.replace("PYTHON", sys.executable)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert (done.returncode, done.stderr) == (0, "")
    own, other = done.stdout.splitlines()
    assert own == "its own: "
    assert "refused" in other


@pytest.mark.parametrize("joined", [False, True])
def test_an_idle_server_burns_no_cpu(server: Server, joined: bool) -> None:
    def ticks() -> int:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    client = server.joined() if joined else server.client()
    time.sleep(0.2)
    before = ticks()
    time.sleep(2)
    assert (ticks() - before) / os.sysconf("SC_CLK_TCK") <= 0.04
    client.socket.close()


def test_faults_come_from_the_command_line(serve: Serve) -> None:
    server = serve("--serve", "echo", "--fault-out", "drop@2", "--fault-in", "duplicate@2,delay-us=1")
    with server.joined() as client:
        request = echo_request(10, 1)
        number = client.begin(request)
        # Dropped; the copy of the request that comes behind it is answered.
        client.socket.settimeout(2)
        assert client.finish(number) == echo_answer(request)
    stats = server.end()
    assert stats["faults"]["out"]["drop"] == 1
    assert stats["faults"]["in"]["duplicate"] == 1
    assert stats["rpc"]["duplicates"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--serve is missing"),
        (["--serve", "cake"], "write echo or store"),
        (["--serve", "store"], "--backing is missing"),
        (["--serve", "echo"], "--stats is missing"),
        (["--serve", "echo", "--stats", "x"], "--listen is missing"),
        (["--serve", "echo", "--stats", "x", "--listen", "here"], "write an IPv4 address and a port"),
        (["--serve", "echo", "--stats", "x", "--connect", "127.0.0.1:1"], "is no option"),
        (["--serve", "echo", "--slots", "12"], "write a power of two"),
        (["--serve", "echo", "--fault-out", "lose=1"], "drop=0.1"),
    ],
)
def test_wrong_use(store_server: Path, arguments: list[str], complaint: str) -> None:
    done = subprocess.run([str(store_server), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_address_that_is_not_here(store_server: Path, server: Server) -> None:
    for address, complaint in (("192.0.2.1:7100", "no interface"), (f"{LOOPBACK}:{server.address[1]}", "in use")):
        command = [str(store_server), "--serve", "echo", "--stats", "/dev/null", "--listen", address]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
        assert done.returncode == 1
        assert complaint in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_sigint_is_as_good(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(DEADLINE_S) == 0
    assert json.loads(server.stats.read_text())["app"] == "store_server"
