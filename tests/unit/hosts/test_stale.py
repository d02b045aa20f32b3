import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import CommandFailed
from orchestrator.hosts.on_host import stale
from orchestrator.hosts.stale import Stale, look_and_clean

HOLD = {
    "record lock": "import fcntl; f = open(path, 'r+'); fcntl.lockf(f, fcntl.LOCK_EX, 8, 16)",
    "flock": "import fcntl; f = open(path, 'r+'); fcntl.flock(f, fcntl.LOCK_SH)",
    "open": "f = open(path)",
    "mapped": "import mmap; f = open(path, 'r+b'); m = mmap.mmap(f.fileno(), 16); f.close()",
}


class Places:
    def __init__(self, tmp_path: Path) -> None:
        self.runtime, self.huge, self.memif = tmp_path / "dpdk", tmp_path / "huge", tmp_path / "memif"
        for folder in (self.runtime, self.huge, self.memif):
            folder.mkdir()

    def left_over(self, prefix: str) -> list[Path]:
        (self.runtime / prefix).mkdir()
        files = [self.runtime / prefix / "config", self.runtime / prefix / "fbarray_memzone"]
        files += [self.huge / f"{prefix}map_{number}" for number in (0, 17)]
        for file in files:
            file.write_bytes(bytes(4096))
        return files

    def clean(self) -> Stale:
        return look_and_clean(LocalRemote(), [str(self.memif)], runtime=str(self.runtime), hugetlbfs=[str(self.huge)])


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


@pytest.fixture
def holder(request: pytest.FixtureRequest) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def hold(started: list[subprocess.Popen[str]], how: str, path: Path) -> int:
    code = f"path = {str(path)!r}\n{HOLD[how]}\nprint('held', flush=True)\nimport sys; sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process.pid


def test_what_nobody_holds_goes_and_what_is_not_ours_stays(places: Places) -> None:
    mine, others = places.left_over("dporch-1-a"), places.left_over("rte")
    stranger = places.huge / "dporch-notes"
    stranger.touch()
    found = places.clean()
    assert sorted(found.removed) == sorted([*map(str, mine), str(places.runtime / "dporch-1-a")])
    assert found.held == {}
    assert [file.exists() for file in [*mine, *others, stranger]] == [False] * 4 + [True] * 5
    assert places.clean() == Stale((), {})


@pytest.mark.parametrize(
    ("how", "which"), [("record lock", 0), ("flock", 1), ("flock", 3), ("open", 1), ("mapped", 2), ("mapped", 1)]
)
def test_one_file_held_keeps_everything_of_its_prefix(
    places: Places, holder: list[subprocess.Popen[str]], how: str, which: int
) -> None:
    living, dead = places.left_over("dporch-1-a"), places.left_over("dporch-2-b")
    pid = hold(holder, how, living[which])
    found = places.clean()
    assert list(found.held) == ["dporch-1-a"]
    assert pid in found.held["dporch-1-a"]
    assert all(file.exists() for file in living)
    assert not any(file.exists() for file in dead)
    holder[0].kill()
    holder[0].wait()
    assert len(places.clean().removed) == 5


@pytest.mark.parametrize(("how", "held"), [("record lock", True), ("flock", True), ("open", False), ("mapped", False)])
def test_locks_are_proof_of_their_own(
    places: Places, holder: list[subprocess.Popen[str]], how: str, held: bool
) -> None:
    """A holder in another PID namespace is not in /proc, but its locks are seen."""
    file = places.left_over("dporch-1-a")[0]
    assert stale.lock_holder(str(file)) is None
    pid = hold(holder, how, file)
    assert stale.lock_holder(str(file)) == ({"record lock": pid, "flock": 0}[how] if held else None)


@pytest.mark.parametrize("how", ["open", "mapped"])
def test_use_without_a_lock_is_proof_of_its_own(places: Places, holder: list[subprocess.Popen[str]], how: str) -> None:
    file = places.left_over("dporch-1-a")[3]
    identities = stale.identities_of({"dporch-1-a": [str(file)]})
    assert stale.users(identities) == {}
    pid = hold(holder, how, file)
    assert stale.users(identities) == {"dporch-1-a": {pid}}


def test_hugepage_files_without_their_runtime_folder(places: Places) -> None:
    for file in places.left_over("dporch-1-a")[:2]:
        file.unlink()
    (places.runtime / "dporch-1-a").rmdir()
    assert len(places.clean().removed) == 2


def test_a_socket_is_stale_when_nobody_listens(places: Places) -> None:
    paths = [places.memif / name for name in ("dead.sock", "living.sock")]
    sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in paths]
    for sock, path in zip(sockets, paths, strict=True):
        sock.bind(str(path))
    sockets[1].listen()
    sockets[0].close()
    (places.memif / "note").touch()
    assert places.clean().removed == (str(paths[0]),)
    assert paths[1].exists()
    sockets[1].close()


def test_an_empty_prefix_is_refused(places: Places) -> None:
    places.left_over("rte")
    with pytest.raises(CommandFailed):
        look_and_clean(LocalRemote(), [], prefix="", runtime=str(places.runtime), hugetlbfs=[str(places.huge)])
    assert (places.runtime / "rte").exists()
