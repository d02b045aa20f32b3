"""A store mounted over TCP whose server is killed and started again: what was acknowledged stays, and stays single."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.store_mount import DEADLINE_S, Join, Mounted, serve_files
from support.store_server import Serve
from support.store_writers import BLOCK, BLOCKS, Writers, check_block, check_log

KILLS = 50
BACK_S = 2

WRITE = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(file, b"before")
print("open", flush=True)
sys.stdin.read(1)
os.write(file, b" and after")
print(os.pread(file, 100, 0).decode(), flush=True)
"""


class Writer:
    """An application that keeps a file open, and writes to it once more when it is told to."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "open\n"

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("g")
        self.process.stdin.flush()

    def end(self) -> str:
        """What is in the file then."""
        said = self.process.communicate(timeout=DEADLINE_S)[0]
        assert self.process.returncode == 0
        return said.strip()


def seconds_until_back(mount: Mounted) -> float:
    began = time.monotonic()
    os.statvfs(mount.at)
    return time.monotonic() - began


@pytest.mark.timeout(300)
def test_a_server_killed_while_it_is_written_to(serve: Serve, backing: Path, join: Join) -> None:
    server = serve_files(serve, backing)
    mount = join(server)
    kept = Writer(mount.at / "kept")
    writers = Writers(mount.at)
    slowest = 0.0
    try:
        for _ in range(KILLS):
            time.sleep(0.02)
            server.kill()
            server = serve_files(serve, backing, address=server.address)
            slowest = max(slowest, seconds_until_back(mount))
    finally:
        said = writers.end()
    assert [file["failure"] for file in said.values()] == [""] * 3
    assert slowest < BACK_S
    kept.go_on()
    assert kept.end() == "before and after"
    for folder in (backing, mount.at):
        for name in Writers.logs:
            check_log((folder / name).read_bytes(), said[name]["acknowledged"], said[name]["in_doubt"])
        blocks = (folder / Writers.blocks).read_bytes()
        for place in range(BLOCKS):
            check_block(blocks[place * BLOCK : (place + 1) * BLOCK], set(said[Writers.blocks]["possible"][place]))
    assert all(len(file["acknowledged"]) > KILLS for file in said.values())
    assert mount.end() == (0, "")
    stats = mount.counts()
    assert stats["requests"]["inits"] >= KILLS
    assert stats["rpc"]["restarts"] == KILLS
    in_doubt = sum(len(file["in_doubt"]) for file in said.values())
    assert stats["requests"]["restarted"] == in_doubt > 0
    assert stats["requests"]["deadline"] + stats["requests"]["deadline_unsent"] == 0


def test_what_is_asked_while_the_server_is_away_waits_for_it(serve: Serve, backing: Path, join: Join) -> None:
    server = serve_files(serve, backing)
    mount = join(server)
    writer = Writer(mount.at / "file")
    server.kill()
    # The way is seen to be broken: nothing is sent into the void.
    time.sleep(0.1)
    writer.go_on()
    time.sleep(0.3)
    assert writer.process.poll() is None
    serve_files(serve, backing, address=server.address)
    assert writer.end() == "before and after"


def test_a_server_that_ended_well_is_no_other(serve: Serve, backing: Path, join: Join) -> None:
    server = serve_files(serve, backing)
    mount = join(server)
    writer = Writer(mount.at / "file")
    server.end()
    serve_files(serve, backing, address=server.address)
    writer.go_on()
    assert writer.end() == "before and after"
    assert (backing / "file").read_bytes() == b"before and after"


def test_a_server_that_agrees_to_something_else(serve: Serve, backing: Path, join: Join) -> None:
    """Another cache means other flags of INIT: the mount says so, and serves again when the server is as before."""
    server = serve_files(serve, backing)
    mount = join(server)
    (mount.at / "file").write_text("content")
    server.kill()
    other = serve_files(serve, backing, "--cache", "auto", address=server.address)
    with pytest.raises(OSError, match="Input/output"):
        (mount.at / "file").read_text()
    other.kill()
    serve_files(serve, backing, address=server.address)
    assert (mount.at / "file").read_text() == "content"
    code, said = mount.end()
    assert code == 0
    assert len(said.splitlines()) == 1
    assert "agrees to something else" in said
