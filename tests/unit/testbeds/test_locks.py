import multiprocessing
import os
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from orchestrator.errors import HostBusy
from orchestrator.testbeds.locks import held


def hold(path: Path, have: Event, release: Event) -> None:
    with held(path, "first", what="testbed t", wait_s=1):
        have.set()
        release.wait(20)


def test_the_second_is_told_who_has_it_and_gets_it_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "t.lock"
    context = multiprocessing.get_context("spawn")
    have, release = context.Event(), context.Event()
    first = context.Process(target=hold, args=(path, have, release))
    first.start()
    assert have.wait(20)
    began = time.monotonic()
    told = rf"testbed t is being changed by first \(pid {first.pid}, since "
    with pytest.raises(HostBusy, match=told), held(path, "second", what="testbed t", wait_s=0.1):
        pass
    assert 0.1 <= time.monotonic() - began < 5
    threading.Timer(0.1, release.set).start()
    with held(path, "third", what="testbed t", wait_s=10):
        assert path.exists()
    first.join(10)
    assert not path.exists()


def test_a_holder_that_died_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.lock"
    context = multiprocessing.get_context("spawn")
    have, release = context.Event(), context.Event()
    first = context.Process(target=hold, args=(path, have, release))
    first.start()
    assert have.wait(20)
    first.kill()
    first.join(10)
    with held(path, "second", what="testbed t", wait_s=5):
        assert f'"pid": {os.getpid()}' in path.read_text()


def test_many_who_want_it_have_it_one_at_a_time(tmp_path: Path) -> None:
    inside, most = [], []

    def work() -> None:
        with held(tmp_path / "t.lock", "one of many", what="testbed t", wait_s=20):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)  # long enough for another to come in if it could
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1] * 20
