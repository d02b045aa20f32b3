"""Locks in a mounted store are held by the server, for all of its mounts."""

from __future__ import annotations

import fcntl
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.store_mount import DEADLINE_S, Mounted

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])

TAKE = """
import fcntl, signal, sys
file = open(sys.argv[1], "r+b")
{extra}
print("asking", flush=True)
fcntl.{call}(file, fcntl.LOCK_EX)
print("got it", flush=True)
sys.stdin.read()
"""


def other(path: Path, call: str, extra: str = "") -> subprocess.Popen[str]:
    """A process that waits for the lock, and holds it until its stdin ends."""
    script = TAKE.format(call=call, extra=extra)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "asking\n"
    return process


@pytest.fixture
def file(store: Mounted) -> Path:
    (store.at / "file").write_bytes(b"x" * 100)
    return store.at / "file"


@pytest.mark.parametrize("call", ["lockf", "flock"])
def test_who_waits_gets_the_lock_when_it_is_given_back(file: Path, call: str) -> None:
    with file.open("r+b") as held:
        getattr(fcntl, call)(held, fcntl.LOCK_EX)
        waiting = other(file, call)
        assert waiting.stdout is not None
        assert select.select([waiting.stdout], [], [], 0.2)[0] == []
    assert waiting.stdout.readline() == "got it\n"
    with file.open("r+b") as refused, pytest.raises(BlockingIOError):
        getattr(fcntl, call)(refused, fcntl.LOCK_EX | fcntl.LOCK_NB)
    waiting.kill()
    waiting.communicate(timeout=DEADLINE_S)
    with file.open("r+b") as free:
        getattr(fcntl, call)(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_waits_can_be_interrupted(file: Path) -> None:
    with file.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        extra = "def stop(*_): raise KeyboardInterrupt\nsignal.signal(signal.SIGUSR1, stop)"
        waiting = other(file, "lockf", extra)
        time.sleep(0.1)
        waiting.send_signal(signal.SIGUSR1)
        assert "KeyboardInterrupt" in waiting.communicate(timeout=DEADLINE_S)[1]


def test_ranges_are_apart(file: Path) -> None:
    with file.open("r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX, 10, 20)
        script = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
for start in range(0, 60, 10):
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, start)
        print(start)
    except BlockingIOError:
        pass
"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True, timeout=DEADLINE_S
        )
    assert done.stdout.split() == ["0", "10", "30", "40", "50"]
