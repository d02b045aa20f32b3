"""The TCP twin of `message`: the same records, however the stream is cut or joined on its way."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.started import start
from tcp_programs import DEADLINE_S, check_books, free_port

from orchestrator.results.content_proof import prove, read_records
from orchestrator.results.wire_record import BYTES, LARGE, WireRecord, decode, encode

FOLDER = "message"


@contextlib.contextmanager
def forwarder(out: Path, folder: Path, mode: str, *more: str) -> Iterator[int]:
    """Run tcp_forward; gives its port. Its statistics are in forward.json once the block is left."""
    port = free_port()
    options = (f"--listen=127.0.0.1:{port}", f"--mode={mode}", "--idle=yield", "--stats=forward.json", *more)
    process = start([str(out / FOLDER / "tcp_forward"), *options], cwd=folder)
    try:
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=DEADLINE_S)[1]
    assert process.returncode == 0, said


def message(out: Path, folder: Path, port: int | None, *more: str) -> tuple[int, dict, str]:
    """Run tcp_message to its end: (exit code, statistics, what it said)."""
    where = ["--floor"] if port is None else [f"--connect=127.0.0.1:{port}"]
    done = subprocess.run(
        [
            str(out / FOLDER / "tcp_message"), *where, "--flows=3", "--warmup=0.05", "--window=0.2", "--tag=305419896",
            "--idle=yield", "--samples=samples.bin", "--stats=message.json", *more,
        ],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=folder,
    )  # fmt: skip
    stats = folder / "message.json"
    left = json.loads(stats.read_text()) if stats.exists() else {}
    if left:
        check_books(left)
    return done.returncode, left, done.stderr


@pytest.mark.parametrize("mode", ["block", "poll"])
@pytest.mark.parametrize(
    ("payload", "size", "records"), [("bytes", 1, 1), ("struct", 64, 1), ("large", 48, 1), ("large", 8192, 6)]
)
def test_every_message_comes_back_as_it_was_sent(
    out: Path, tmp_path: Path, mode: str, payload: str, size: int, records: int
) -> None:
    with forwarder(out, tmp_path, mode, "--dump=8", "--capture=forward") as port:
        # Over one connection: of several, each end may see other first ones than the other end does.
        content = (f"--payload={payload}", f"--size={size}", f"--mode={mode}", "--depth=4", "--flows=1")
        code, stats, said = message(out, tmp_path, port, *content, "--dump=8", "--capture=message")
    assert code == 0, said
    assert stats["returned"] > 10
    assert [stats[key] for key in ("lost", "duplicates", "reordered", "corrupt", "foreign", "short")] == [0] * 6
    assert stats["digest"]["agrees"]
    assert stats["digest"]["sent"] == stats["digest"]["received"] != "0" * 16
    assert stats["fragments"]["per_message"] == records
    (queue,) = stats["queues"]
    forward = json.loads((tmp_path / "forward.json").read_text())
    assert queue["tx_packets"] == forward["accounting"]["in"] == forward["accounting"]["out"] == queue["rx_packets"]
    assert (forward["accounting"]["drops"], forward["broken"], forward["partial_bytes"]) == (0, 0, 0)
    proof = prove({"message": tmp_path, "forward": tmp_path}, "message")
    assert proof.problems == ()
    assert proof.compared >= 8
    assert [record.seq for record in read_records(tmp_path / "message.tx.pcap")] == [n // records for n in range(8)]


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_the_floor_needs_no_peer(out: Path, tmp_path: Path, mode: str) -> None:
    code, stats, said = message(out, tmp_path, None, "--payload=large", "--size=5000", f"--mode={mode}", "--depth=2")
    assert code == 0, said
    assert stats["floor"]
    assert stats["lost"] == 0 < stats["returned"]
    assert stats["digest"]["agrees"]


def bodies(count: int) -> bytes:
    """Records of many lengths, the longest that there is among them."""
    sizes = [n * 37 % 500 + 1 for n in range(count - 1)] + [65535]
    return b"".join(encode(WireRecord(BYTES, 7, n, size, 0, 0, 1, bytes(size))) for n, size in enumerate(sizes))


def received(peer: socket.socket, size: int) -> bytes:
    peer.settimeout(DEADLINE_S)
    data = b""
    while len(data) < size:
        part = peer.recv(1 << 16)
        assert part, f"closed after {len(data)} of {size} bytes"
        data += part
    return data


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_peer_that_dribbles_gets_each_record_when_it_is_whole(out: Path, tmp_path: Path, mode: str) -> None:
    data = encode(WireRecord(BYTES, 7, 1, 5, 0, 0, 1, b"\0abc\0")) + encode(
        WireRecord(LARGE, 7, 2, 9, 4, 1, 2, b"fiver")
    )
    first = len(decode(data)[1])
    with forwarder(out, tmp_path, mode) as port, socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came = b""
        peer.setblocking(False)
        for position in range(len(data)):
            peer.sendall(data[position : position + 1])
            whole = len(data) - first if position >= len(data) - first - 1 else 0
            whole = len(data) if position == len(data) - 1 else whole
            deadline = time.monotonic() + DEADLINE_S
            while len(came) < whole and time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    came += peer.recv(100)
            with contextlib.suppress(BlockingIOError):
                came += peer.recv(100)
            assert len(came) == whole, "nothing goes back before it is whole"
        assert came == data
    stats = json.loads((tmp_path / "forward.json").read_text())
    assert stats["accounting"] == {"in": 2, "out": 2, "drops": 0}


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_peer_that_sends_many_at_once_gets_all(out: Path, tmp_path: Path, mode: str) -> None:
    data = bodies(600)
    with forwarder(out, tmp_path, mode) as port, socket.create_connection(("127.0.0.1", port)) as peer:
        sender = threading.Thread(target=peer.sendall, args=(data,))
        sender.start()
        assert received(peer, len(data)) == data
        sender.join()
    stats = json.loads((tmp_path / "forward.json").read_text())
    assert stats["accounting"] == {"in": 600, "out": 600, "drops": 0}


def test_a_stream_of_something_else_is_closed_and_counted(out: Path, tmp_path: Path) -> None:
    with forwarder(out, tmp_path, "block") as port, socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(DEADLINE_S)
        peer.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(10) == b""
    assert json.loads((tmp_path / "forward.json").read_text())["broken"] == 1


@contextlib.contextmanager
def relay(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A relay of the test's own; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE_S)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    threading.Thread(target=handle, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])


def dribble(peer: socket.socket) -> None:
    """Give everything back a few bytes at a time."""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        while data := peer.recv(1 << 16):
            for at in range(0, len(data), 7):
                peer.sendall(data[at : at + 7])


def hoard(peer: socket.socket) -> None:
    """Give back only what has gathered to 1000 bytes, in one piece."""
    held = b""
    with contextlib.suppress(OSError):
        while data := peer.recv(1 << 16):
            held += data
            if len(held) >= 1000:
                peer.sendall(held)
                held = b""


def damage(peer: socket.socket) -> None:
    """Give everything back with the last byte of each piece changed."""
    with contextlib.suppress(OSError):
        while data := peer.recv(1 << 16):
            peer.sendall(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize(("handle", "depth"), [(dribble, 4), (hoard, 64)])
def test_the_receiver_takes_messages_in_any_pieces(
    out: Path, tmp_path: Path, handle: Callable[[socket.socket], None], depth: int
) -> None:
    with relay(handle) as port:
        options = ("--payload=struct", "--size=100", "--mode=poll", f"--depth={depth}", "--timeout-ms=5000")
        code, stats, said = message(out, tmp_path, port, *options)
    assert code == 0, said
    assert stats["returned"] > 10
    assert [stats[key] for key in ("corrupt", "foreign", "short", "duplicates", "reordered")] == [0] * 5
    assert stats["digest"]["agrees"]


def test_a_damaged_message_is_corrupt_and_lost(out: Path, tmp_path: Path) -> None:
    with relay(damage) as port:
        code, stats, _said = message(out, tmp_path, port, "--payload=struct", "--size=64", "--mode=block", "--depth=1")
    assert code == 1  # nothing came back that counts
    assert stats["corrupt"] > 0
    assert stats["returned"] == 0
    assert stats["digest"]["received"] == "0" * 16
    assert stats["digest"]["agrees"]


def records_of(peer: socket.socket) -> Iterator[bytes]:
    """Each record that comes, until the peer closes."""
    with contextlib.suppress(OSError):
        while len(header := peer.recv(16, socket.MSG_WAITALL)) == 16:
            rest = int.from_bytes(header[4:6], "big") + (12 if header[3] == LARGE else 0)
            yield header + peer.recv(rest, socket.MSG_WAITALL)


def meddling(change: Callable[[int, bytes], bytes]) -> Callable[[socket.socket], None]:
    """Give `change(number, record)` back instead of each record."""

    def handle(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            for number, record in enumerate(records_of(peer)):
                peer.sendall(change(number, record))

    return handle


# Far longer than a process waits for its CPU on a busy machine: only what is held back here may time out.
TIMEOUT_S = 0.4
TIMEOUT = ("--warmup=0", "--window=0.5", "--flows=1", "--depth=1", "--timeout-ms=400")


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_record_that_is_refused_or_repeated_is_counted_by_reason(out: Path, tmp_path: Path, mode: str) -> None:
    faults: dict[int, Callable[[bytes], bytes]] = {
        6: lambda record: record[:-1] + bytes([record[-1] ^ 1]),
        12: lambda record: encode(replace(decode(record)[0], tag=1)),
        18: lambda record: record + record,
        24: lambda _: b"",
    }
    with relay(meddling(lambda number, record: faults.get(number, bytes)(record))) as port:
        code, stats, said = message(
            out, tmp_path, port, "--payload=large", "--size=8192", f"--mode={mode}", *TIMEOUT, "--window=2"
        )
    assert code == 0, said
    assert stats["accounting"]["reasons"] == {"short": 0, "foreign": 1, "corrupt": 1}
    assert stats["sending"]["lost"] == stats["lost"] == 3
    assert stats["fragments"] == {
        "per_message": 6, "received": stats["accounting"]["in"], "incomplete": 3, "missing": 3, "discarded": 15,
        "repeated": 1, "refused": 0,
    }  # fmt: skip
    assert stats["accounting"]["out"] == stats["sending"]["returned"] * 6 + 15 + 1
    assert stats["digest"]["agrees"]


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_message_in_pieces_is_given_up_while_others_are_measured(out: Path, tmp_path: Path, mode: str) -> None:
    held: list[bytes] = []

    def change(number: int, record: bytes) -> bytes:
        if number == 17:  # the last one of the third message: the next comes when this one is lost
            held.append(record)
            return b""
        if held:
            time.sleep(2 * TIMEOUT_S)
            return held.pop() + record
        return record

    with relay(meddling(change)) as port:
        content = ("--payload=large", "--size=8192", f"--mode={mode}")
        code, stats, said = message(out, tmp_path, port, *content, *TIMEOUT, "--window=2.5")
    assert code == 0, said
    # Had it been kept, what was held would have made it whole, and late.
    assert (stats["fragments"]["incomplete"], stats["fragments"]["discarded"]) == (1, 5)
    assert stats["fragments"]["repeated"] == 1
    assert stats["returned"] > 2


def test_what_is_no_stream_of_records_is_left_over(out: Path, tmp_path: Path) -> None:
    with relay(meddling(lambda number, record: record if number < 5 else b"HTTP/1.1 400 Bad")) as port:
        code, stats, said = message(out, tmp_path, port, "--payload=struct", "--size=64", "--mode=block", *TIMEOUT)
    assert code == 1
    assert "1 of 1 connections are gone: Protocol error" in said
    assert (stats["accounting"]["in"], stats["accounting"]["out"]) == (5, 5)
    assert stats["stream"] == {"whole": 5 * 80, "unfinished": 16}
    assert stats["sending"] == {"sent": 6, "returned": 5, "lost": 0, "out": 1}


@pytest.mark.parametrize("loop", ["naive", "poll"])
def test_a_sleeping_relay_delays_and_loses_nothing(out: Path, tmp_path: Path, loop: str) -> None:
    with forwarder(out, tmp_path, "poll", f"--loop={loop}", "--sleep-us=2000") as port:
        code, stats, said = message(out, tmp_path, port, "--payload=bytes", "--size=64", "--mode=poll", "--rate=2000")
    assert code == 0, said
    assert stats["lost"] == 0 < stats["returned"]
    assert json.loads((tmp_path / "forward.json").read_text())["shape"] == loop


@pytest.mark.parametrize("loop", ["naive", "poll"])
def test_a_sleeping_relay_takes_connections_that_come_later(out: Path, tmp_path: Path, loop: str) -> None:
    """One that comes while others are served, or idle, waits for a few sleeps at most, not for hundreds of turns."""
    data = encode(WireRecord(BYTES, 7, 1, 5, 0, 0, 1, b"hello"))
    with (
        forwarder(out, tmp_path, "poll", f"--loop={loop}", "--sleep-us=20000") as port,
        contextlib.ExitStack() as open_,
    ):
        peers = []
        for _ in range(4):
            for peer in peers:  # those that came before are busy
                peer.sendall(data)
            peers.append(open_.enter_context(socket.create_connection(("127.0.0.1", port))))
            peers[-1].sendall(data)
            began = time.monotonic()
            assert received(peers[-1], len(data)) == data
            assert time.monotonic() - began < 1.0
            for peer in peers[:-1]:
                assert received(peer, len(data)) == data
    assert json.loads((tmp_path / "forward.json").read_text())["connections"] == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--payload=bytes", "--size=1457"), "--size 1457 does not fit"),
        (("--payload=struct", "--size=47"), "has at least 48 bytes"),
        (("--payload=letter", "--size=64"), "--payload"),
        (("--payload=large", "--size=64", "--dump=1"), "--dump without --capture"),
    ],
)
def test_what_cannot_be_sent_is_refused(out: Path, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    code, _stats, said = message(out, tmp_path, None, "--mode=poll", "--depth=1", *options)
    assert code == 2
    assert says in said
