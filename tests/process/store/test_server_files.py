"""Files served over TCP: what clients hold, what is left of it, and what an answer means."""

from __future__ import annotations

import errno
import os
import re
import struct
from pathlib import Path

import pytest
from support.store_client import StoreClient
from support.store_fuse import INIT, OPEN, ROOT, Files, FuseError
from support.store_server import Serve, Server
from support.system_calls import synced_before_answer, trace

from orchestrator.apps.store_packet import PacketType

ANSWER = re.compile(r"sendmsg\(")


@pytest.fixture
def server(serve: Serve, backing: Path) -> Server:
    """A server of files, with a state file."""
    return serve("--serve", "store", "--backing", str(backing), "--state", f"{backing}.state")


def mounted(client: StoreClient) -> Files:
    """The client's view, with INIT behind it."""
    files = Files(client)
    files.init()
    return files


def whole(server: Server) -> StoreClient:
    """A client with a session in which an answer may be as large as FUSE has."""
    return server.joined(value_max=(1 << 20) + 4096)


def test_what_is_written_is_read(server: Server, backing: Path) -> None:
    with whole(server) as client:
        files = mounted(client)
        file = files.create("file")
        # A length that leaves what follows it in the stream at an odd address.
        for offset, size in ((0, 4096), (4096, 1), (4097, 4095), (8192, 131072)):
            files.write(file, offset, os.urandom(size))
        content = (backing / "file").read_bytes()
        assert len(content) == 8192 + 131072
        assert files.read_file(file, 0, 65536) + files.read_file(file, 65536, 1 << 20) == content
    stats = server.end()
    assert stats["executor"]["requests"] == stats["requests"] == 8
    assert (stats["durability"], stats["cache"]) == ("log", "none")
    assert stats["executor"]["malformed"] == 0


def test_requests_that_are_joined_lie_at_any_address(server: Server, backing: Path) -> None:
    with whole(server) as client:
        files = mounted(client)
        file = files.create("file")
        # Each is as long as it is: the sanitizers see a read that is not aligned.
        numbers = client.begin_joined([files.write_request(file, i, bytes([65 + i])) for i in range(4)])
        assert all(client.finish(number)[4:8] == bytes(4) for number in numbers)
    assert (backing / "file").read_bytes() == b"ABCD"
    server.end()


def test_nothing_before_init_and_nothing_malformed(server: Server) -> None:
    with whole(server) as client:
        files = Files(client)
        with pytest.raises(FuseError) as early:
            files.create("file")
        assert early.value.errno == errno.ENOTCONN
        files.init()
        with pytest.raises(FuseError) as wrong:
            files.ask(OPEN, ROOT, b"123")
        assert wrong.value.errno == errno.EINVAL
        with pytest.raises(FuseError) as foreign:
            files.read_file((ROOT + 77, 99), 0, 10)
        assert foreign.value.errno in (errno.ESTALE, errno.EBADF)
        files.create("file")
    counts = server.end()["executor"]
    assert (counts["strangers"], counts["malformed"]) == (1, 1)


def test_a_client_without_room_for_answers_hears_so(server: Server) -> None:
    with server.joined(value_max=4096) as client, pytest.raises(FuseError) as refused:
        Files(client).ask(INIT, 0, struct.pack("<16I", 7, 36, *[0] * 14))
    assert refused.value.errno == errno.EINVAL
    with server.joined(value_max=8) as client:
        assert client.ask(b"\0" * 8) == b""


def test_locks_of_a_client_that_left_are_free(server: Server) -> None:
    with whole(server) as first, whole(server) as second:
        held, wanted = mounted(first), mounted(second)
        assert held.lock(held.create("file"))
        file = wanted.create("file")
        assert not wanted.lock(file)
        first.bye()
        # The server hears of it by another connection than ours.
        assert any(wanted.lock(file) for _ in range(1000))
    assert server.end()["rpc"]["sessions_ended"] == 1


def test_a_killed_server_goes_on_from_its_state(serve: Serve, server: Server, backing: Path) -> None:
    with whole(server) as client:
        files = mounted(client)
        file = files.create("file")
        files.write(file, 0, b"before")
        server.kill()
        with pytest.raises(EOFError):
            client.receive()
        again = serve(
            "--serve", "store", "--backing", str(backing), "--state", f"{backing}.state", address=server.address
        )
        client.connect()
        client.begin(files.write_request(file, 0, b"lost"))
        assert client.receive().type == PacketType.RESTARTED
        client.hello(value_max=(1 << 20) + 4096)
        with pytest.raises(FuseError) as early:
            files.write(file, 6, b" and after")
        assert early.value.errno == errno.ENOTCONN
        files.init()
        files.write(file, 6, b" and after")
        assert files.read_file(file, 0, 100) == b"before and after"
    assert again.end()["rpc"]["restarted"] == 1
    assert (backing / "file").read_bytes() == b"before and after"


@pytest.mark.parametrize(("durability", "synced"), [("dsync", True), ("log", False)])
def test_what_is_on_stable_storage_before_an_answer(
    serve: Serve, backing: Path, tmp_path: Path, durability: str, synced: bool
) -> None:
    server = serve("--serve", "store", "--backing", str(backing), "--durability", durability)
    with whole(server) as client:
        files = mounted(client)

        def traced(action: object) -> list[str]:
            assert callable(action)
            return trace(server.process.pid, tmp_path / "trace", "sendmsg", action)

        calls = traced(lambda: files.create("file"))
        assert any(ANSWER.search(call) for call in calls)
        assert synced_before_answer(calls, "O_CREAT", ANSWER) == synced
        file = files.create("other")
        calls = traced(lambda: files.write(file, 0, b"x" * 4096))
        assert any(ANSWER.search(call) for call in calls)
        assert synced_before_answer(calls, "pwritev2(", ANSWER) == synced
