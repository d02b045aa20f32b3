"""Several mounts of one store over TCP: what one does, the others see."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.store_mount import DEADLINE_S, Join, serve_files
from support.store_server import Serve, Server

MOUNTS = 16
WRITES = 20


@pytest.fixture
def server(serve: Serve, backing: Path) -> Server:
    """A server of files."""
    return serve_files(serve, backing)


def content_of(number: int, i: int) -> bytes:
    """What a mount writes into one of its files."""
    return bytes([number, i]) * (1 + 997 * i)


def test_what_one_has_written_and_closed_another_reads(serve: Serve, backing: Path, join: Join) -> None:
    server = serve_files(serve, backing, "--cache", "auto")
    one, other = join(server), join(server)
    for i in range(20):
        content = os.urandom(5000 + i)
        (one.at / "file").write_bytes(content)
        assert (other.at / "file").read_bytes() == content
        (other.at / "file").write_bytes(content[:100])
        assert (one.at / "file").stat().st_size == 100
        assert (one.at / "file").read_bytes() == content[:100]
    (one.at / "file").rename(one.at / "moved")
    assert not (other.at / "file").exists()
    assert (other.at / "moved").read_bytes() == content[:100]


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("has it", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_sixteen_mounts_at_once(serve: Serve, backing: Path, join: Join, mode: str) -> None:
    """Each writes files of its own and adds to one of all; each then sees what all others wrote."""
    server = serve_files(serve, backing, "--mode", mode, "--idle", "yield")
    mounts = [join(server, "--mode", mode, "--idle", "yield") for _ in range(MOUNTS)]

    def work(number: int) -> None:
        at = mounts[number].at
        (at / f"{number}").mkdir()
        for i in range(WRITES):
            (at / f"{number}" / f"{i}").write_bytes(content_of(number, i))
            with (at / "all").open("ab", buffering=0) as file:
                assert file.write(b"%02d %03d\n" % (number, i)) == 7

    with ThreadPoolExecutor(MOUNTS) as pool:
        list(pool.map(work, range(MOUNTS)))
    for number, mount in enumerate(mounts):
        other = (number + 1) % MOUNTS
        for i in range(WRITES):
            assert (mount.at / f"{other}" / f"{i}").read_bytes() == content_of(other, i)
    lines = (mounts[0].at / "all").read_text().splitlines()
    assert sorted(lines) == [f"{number:02d} {i:03d}" for number in range(MOUNTS) for i in range(WRITES)]
    assert all(mount.end() == (0, "") for mount in mounts)
    assert server.end()["rpc"]["sessions_begun"] == MOUNTS


def test_a_lock_of_one_mount_is_waited_for_by_another(server: Server, join: Join) -> None:
    one, other = join(server), join(server)
    (one.at / "file").write_bytes(b"x")
    first = holder(one.at / "file")
    assert first.stdout is not None
    assert first.stdout.readline() == "has it\n"
    second = holder(other.at / "file")
    assert second.stdout is not None
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append(second.stdout.readline() if second.stdout else ""))
    listener.start()
    listener.join(0.5)
    assert heard == []
    first.communicate(timeout=DEADLINE_S)
    listener.join(DEADLINE_S)
    assert heard == ["has it\n"]
    # A client that is gone holds nothing.
    other.process.kill()
    other.process.communicate(timeout=DEADLINE_S)
    second.communicate(timeout=DEADLINE_S)
