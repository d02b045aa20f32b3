import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest
from support.local_remote import LocalRemote

from orchestrator.hosts.leftovers import RUN_VARIABLE, end_leftovers, find_leftovers

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
WILLING = "import signal; print('up', flush=True); signal.pause()"


Start = Callable[[str, str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str, run_id: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, RUN_VARIABLE: run_id}
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_those_of_the_run_end_and_the_others_stay(start: Start) -> None:
    mine, other = uuid.uuid4().hex, uuid.uuid4().hex
    willing, stubborn, bystander = start(WILLING, mine), start(STUBBORN, mine), start(WILLING, other)
    assert [process.pid for process in find_leftovers(LocalRemote(), mine)] == sorted([willing.pid, stubborn.pid])
    ended = end_leftovers(LocalRemote(), mine, grace_s=0.3)
    assert {process.pid: process.ended for process in ended} == {willing.pid: "TERM", stubborn.pid: "KILL"}
    assert (willing.wait(5), stubborn.wait(5), bystander.poll()) == (-15, -9, None)
    assert end_leftovers(LocalRemote(), mine) == ()
    assert [process.run_id for process in find_leftovers(LocalRemote(), other)] == [other]


def test_a_run_id_is_compared_whole(start: Start) -> None:
    run_id = uuid.uuid4().hex
    start(WILLING, f"{run_id}0")
    assert find_leftovers(LocalRemote(), run_id) == ()
