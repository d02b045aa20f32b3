"""The script that runs on the host, on made-up trees."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_pool import FakePools

from orchestrator.hosts.on_host import hugepages


class Stingy(hugepages.Pool):
    """A kernel that never lets the pool grow beyond `most` pages."""

    most = 12

    def write(self, pages: int) -> None:
        super().write(min(pages, self.most))


@pytest.fixture
def pools(tmp_path: Path) -> FakePools:
    fake = FakePools(tmp_path)
    fake.set(nr=10, free=4)
    return fake


def pool(pools: FakePools) -> hugepages.Pool:
    return hugepages.Pool(str(pools.root), 2048, None)


def test_reserved_pages_are_not_free(pools: FakePools) -> None:
    pools.set(nr=10, free=4, reserved=3)
    assert pool(pools).state() == {
        "nr": 10, "free": 1, "reserved": 3, "available_kb": 8192 * 1024, "total_kb": 16384 * 1024,
    }  # fmt: skip


def test_memory_of_a_node_is_its_own(pools: FakePools) -> None:
    pools.set(nr=1, free=1, node=1)
    state = hugepages.Pool(str(pools.root), 2048, 1).state()
    assert (state["available_kb"], state["total_kb"]) == (4194304 + 1024, 8388608)


def test_adding_is_refused_when_the_pool_is_not_as_it_was_read(pools: FakePools) -> None:
    assert hugepages.add(pool(pools), nr=9, free=4, added=2)["superseded"] is True
    assert hugepages.add(pool(pools), nr=10, free=3, added=2)["superseded"] is True
    assert pools.nr() == 10
    assert hugepages.add(pool(pools), nr=10, free=4, added=2)["given"] == 2
    assert pools.nr() == 12


def test_a_kernel_that_gives_fewer_gets_its_pool_back(pools: FakePools) -> None:
    answer = hugepages.add(Stingy(str(pools.root), 2048, None), nr=10, free=4, added=5)
    assert (answer["given"], answer["nr"], pools.nr()) == (2, 10, 10)


@pytest.mark.parametrize(
    ("nr", "free", "added", "at_least", "left"),
    [
        (10, 10, 4, None, 6),
        (10, 3, 4, None, 7),  # seven are in use
        (10, 0, 4, None, 10),
        (3, 3, 4, None, 0),  # somebody else took pages away already: never below none
        (10, 10, 4, 8, 8),  # never confirmed: what lies above the count before
        (10, 10, 4, 10, 10),  # never made
        (5, 5, 4, 10, 5),
    ],
)
def test_what_is_taken_away(pools: FakePools, nr: int, free: int, added: int, at_least: int | None, left: int) -> None:
    pools.set(nr=nr, free=free)
    answer = hugepages.remove(pool(pools), added, at_least)
    assert (pools.nr(), answer["removed"]) == (left, nr - left)


def test_of_several_at_once_one_writes_and_the_others_are_told(pools: FakePools, tmp_path: Path) -> None:
    where = {"root": str(pools.root), "size_kb": 2048, "node": None, "lock": str(tmp_path / "lock")}
    argument = json.dumps({"action": "add", **where, "nr": 10, "free": 4, "added": 5})
    argv = [sys.executable, "-I", "-S", str(hugepages.__file__), argument]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(6)]
    answers = [json.loads(process.communicate(timeout=30)[0]) for process in running]
    assert sorted(answer["superseded"] for answer in answers) == [False] + [True] * 5
    assert pools.nr() == 15


def test_nothing_is_written_while_another_has_the_lock(pools: FakePools, tmp_path: Path) -> None:
    where = {"root": str(pools.root), "size_kb": 2048, "node": None, "lock": str(tmp_path / "lock")}
    argument = json.dumps({"action": "remove", **where, "added": 2, "at_least": None})
    argv = [sys.executable, "-I", "-S", str(hugepages.__file__), argument]
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        script = subprocess.Popen(argv, stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            script.wait(0.4)
        assert pools.nr() == 10
    assert json.loads(script.communicate(timeout=30)[0])["removed"] == 2
    assert pools.nr() == 8
