"""A store mounted over TCP: what the relay costs while nothing is asked, and how it ends."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.store_mount import DEADLINE_S, Join, Mounted, is_mounted, mounting, serve_files
from support.store_server import Serve, Server, free_port
from support.workloads import burnt_while_idle

IDLE_SHARE = 0.01
KILLS = 7
NOTICED_S = 0.05
"""A tenth of a heartbeat, by which it would be noticed at the latest."""
CLOSE_WAIT = "08"
"""Of a connection in /proc/net/tcp whose other end has closed it, and this one has not."""


@pytest.fixture
def server(serve: Serve, backing: Path) -> Server:
    """A server of files."""
    return serve_files(serve, backing)


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_an_idle_mount_burns_no_core(server: Server, join: Join, mode: str) -> None:
    mount = join(server, "--mode", mode)
    (mount.at / "file").write_text("content")
    with (mount.at / "file").open() as file:
        assert burnt_while_idle(mount.process.pid) < IDLE_SHARE
        assert file.read() == "content"
    server.kill()
    assert burnt_while_idle(mount.process.pid) < IDLE_SHARE


@pytest.mark.parametrize("mode", ["block", "poll"])
def test_a_mount_at_rest_notices_that_its_server_has_gone(
    server: Server, serve: Serve, backing: Path, join: Join, mode: str
) -> None:
    """By the end of the connection, and not when it would next have said something."""
    mount = join(server, "--mode", mode)
    took = []
    for _ in range(KILLS):
        (mount.at / "file").write_text("content")
        assert in_state(CLOSE_WAIT, server.address[1]) == 0
        server.kill()
        begin = time.monotonic()
        while in_state(CLOSE_WAIT, server.address[1]) > 0:
            assert time.monotonic() - begin < DEADLINE_S
        took.append(time.monotonic() - begin)
        server = serve_files(serve, backing, address=server.address)
    assert statistics.median(took) < NOTICED_S, took


def in_state(state: str, port: int) -> int:
    """How many connections to a port are in a state."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for line in lines if int(line[2].rpartition(":")[2], 16) == port and line[3] == state)


def test_its_statistics_add_up(server: Server, join: Join) -> None:
    mount = join(server)
    for i in range(50):
        (mount.at / f"file{i}").write_text("content")
        assert (mount.at / f"file{i}").read_text() == "content"
    Path("/proc/sys/vm/drop_caches").write_text("2")
    assert mount.end() == (0, "")
    stats = mount.counts()
    requests = stats["requests"]
    assert (stats["app"], stats["role"], stats["ended"], stats["transport"]) == ("store_mount", "sut", "signal", "tcp")
    assert requests["read"] == sum(stats["opcodes"].values())
    assert requests["read"] == requests["answered"] + requests["unanswered"] + requests["held"]
    assert stats["opcodes"]["write"] == 50
    assert stats["opcodes"]["init"] == 1
    assert stats["rpc"]["answered"] == requests["answered"] + requests["unanswered"]
    assert stats["rpc"]["retransmitted"] == stats["rpc"]["timeouts"] == stats["rpc"]["restarts"] == 0
    served = server.end()
    assert served["executor"]["requests"] == stats["rpc"]["answered"]
    assert (served["sessions"], served["rpc"]["sessions_ended"]) == (0, 1)


def test_it_ends_when_somebody_unmounts_it(server: Server, join: Join) -> None:
    mount = join(server)
    subprocess.run(["umount", str(mount.at)], check=True)
    assert mount.process.wait(DEADLINE_S) == 0
    assert mount.counts()["ended"] == "unmounted"


def test_without_a_server_nothing_is_mounted(built: Callable[[str], Path], tmp_path: Path) -> None:
    command = [str(built("store/mount/store_mount_tcp")), "--connect", f"127.0.0.1:{free_port()}"]
    command += ["--mount", str(tmp_path), "--stats", str(tmp_path / "stats"), "--deadline-ms", "300"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "see that store_server runs" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not is_mounted(tmp_path)


def test_a_server_that_serves_no_files_is_refused(serve: Serve, built: Callable[[str], Path], tmp_path: Path) -> None:
    address = serve("--serve", "echo").address
    at = tmp_path / "mount"
    at.mkdir()
    command = [str(built("store/mount/store_mount_tcp")), "--connect", f"{address[0]}:{address[1]}"]
    command += ["--mount", str(at), "--stats", str(tmp_path / "stats")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "INIT" in done.stderr
    assert not is_mounted(at)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--connect", "127.0.0.1:1", "--stats", "x"], "--mount is missing"),
        (["--connect", "127.0.0.1:1", "--mount", "x"], "--stats is missing"),
        (["--mount", "x", "--stats", "x"], "--connect is missing"),
        (["--slots", "3"], "power of two"),
        (["--deadline-ms", "0"], "--deadline-ms"),
    ],
)
def test_wrong_use(built: Callable[[str], Path], arguments: list[str], complaint: str) -> None:
    program = built("store/mount/store_mount_tcp")
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr


USES = {
    "read": "os.pread(os.open(at + '/file', os.O_RDONLY), 4096, 0)",
    "write": "os.pwrite(os.open(at + '/file', os.O_WRONLY), b'x' * 4096, 0)",
    "list": "os.listdir(at)",
    "look": "os.stat(at + '/another')",
    "make": "os.mkdir(at + '/folder')",
}
USER = """
import os, sys, time
at = sys.argv[1]
print("begins", flush=True)
sys.stdin.read(1)
try:
    {use}
except OSError as error:
    print(error.errno)
"""


def applications(mount: Mounted, copies: int) -> list[subprocess.Popen[str]]:
    """Processes that use the mount as soon as they read something."""
    started = []
    for use in list(USES.values()) * copies:
        process = subprocess.Popen(
            [sys.executable, "-c", USER.format(use=use), str(mount.at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        started.append(process)
    return started


def go(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()


@pytest.fixture
def stop(server: Server) -> Iterator[Callable[[], None]]:
    """A function that stops the server, which goes on at the end."""
    yield lambda: server.process.send_signal(signal.SIGSTOP)
    if server.process.returncode is None:
        server.process.send_signal(signal.SIGCONT)


def test_a_killed_relay_leaves_nobody_waiting(server: Server, join: Join, stop: Callable[[], None]) -> None:
    mount = join(server, "--deadline-ms", "600000", "--slots", "2")
    (mount.at / "file").write_bytes(b"x" * 4096)
    waiting = applications(mount, copies=2)
    stop()
    go(waiting)
    time.sleep(0.5)
    assert [process.poll() for process in waiting] == [None] * len(waiting)
    began = time.monotonic()
    mount.process.kill()
    mount.process.communicate(timeout=DEADLINE_S)
    heard = [int(process.communicate(timeout=DEADLINE_S)[0]) for process in waiting]
    assert time.monotonic() - began < 5
    assert set(heard) <= {errno.ECONNABORTED, errno.ENOTCONN}
    while is_mounted(mount.at) and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert not is_mounted(mount.at)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_is_gone_for_good_is_an_error_by_the_deadline(
    server: Server, join: Join, stop: Callable[[], None], how: signal.Signals
) -> None:
    mount = join(server, "--deadline-ms", "1000", "--slots", "4")
    (mount.at / "file").write_bytes(b"x" * 4096)
    # More than can be sent or read at once: they wait no longer than the others.
    waiting = applications(mount, copies=3)
    if how == signal.SIGKILL:
        server.kill()
    else:
        stop()
    began = time.monotonic()
    go(waiting)
    heard = [int(process.communicate(timeout=DEADLINE_S)[0]) for process in waiting]
    took = time.monotonic() - began
    assert set(heard) <= {errno.EIO, errno.ETIMEDOUT}
    # An application makes up to two requests, one after the other; this is a machine with other work.
    assert took < 4
    with pytest.raises(OSError, match=r"timed out|Input/output"):
        list(mount.at.iterdir())
    assert mount.end() == (0, "")
    requests = mount.counts()["requests"]
    assert requests["deadline"] + requests["deadline_unsent"] >= len(waiting)


def test_a_mount_that_answers_by_itself(built: Callable[[str], Path], open_folder: Path) -> None:
    if shutil.which("fio") is None:
        pytest.skip("fio is not installed")
    with mounting(open_folder) as begin:
        mount = begin(open_folder, str(built("store/mount/store_mount_self")), "--file-mb", "8")
        assert [entry.name for entry in mount.at.iterdir()] == ["data"]
        assert (mount.at / "data").read_bytes() == bytes(8 << 20)
        for engine in ("psync", "io_uring"):
            command = ["fio", "--name=self", f"--filename={mount.at}/data", f"--ioengine={engine}", "--rw=randrw"]
            command += ["--bs=4k", "--size=8m", "--direct=1", "--iodepth=8", "--output-format=json"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            job = json.loads(done.stdout[done.stdout.index("{") :])["jobs"][0]
            assert (done.returncode, job["error"]) == (0, 0)
            assert job["read"]["io_bytes"] + job["write"]["io_bytes"] == 8 << 20
        assert burnt_while_idle(mount.process.pid) < IDLE_SHARE
        assert mount.end() == (0, "")
        stats = mount.counts()
    assert stats["app"] == "store_mount_self"
    # Direct I/O: each of both runs is a request.
    assert stats["opcodes"]["write"] + stats["opcodes"]["read"] >= 2 * 2048
    assert stats["requests"]["read"] == stats["requests"]["answered"] + stats["requests"]["unanswered"]
