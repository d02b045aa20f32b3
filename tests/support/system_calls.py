"""The system calls of a program while something is done, and what was synced before it answered."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

DEADLINE_S = 20
CHANGES = "pwritev2,ftruncate,fchownat,fchmodat,unlinkat,renameat,renameat2,mkdirat,openat,linkat,setxattr,symlinkat"
SYNCS = re.compile(r"(fsync|fdatasync|syncfs)\(.* = 0")


def trace(pid: int, log: Path, answers: str, action: Callable[[], object]) -> list[str]:
    """The calls that change, sync or answer (named by `answers`) which the process made during `action`."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log.unlink(missing_ok=True)
    calls = f"trace=fsync,fdatasync,syncfs,{answers},{CHANGES}"
    command = ["strace", "-y", "-f", "-o", str(log), "-e", calls, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    assert "attached" in tracer.stderr.readline()
    try:
        action()
        time.sleep(0.1)
    finally:
        tracer.terminate()
        tracer.communicate(timeout=DEADLINE_S)
    return log.read_text().splitlines()


def synced_before_answer(calls: list[str], change: str, answer: re.Pattern[str]) -> bool:
    """Whether something was synced between the change and the next answer, or by the change itself."""
    for i, call in enumerate(calls):
        if change not in call:
            continue
        if "RWF_DSYNC" in call or "RWF_SYNC" in call:
            return True
        until_answer = []
        for later in calls[i + 1 :]:
            if answer.search(later):
                break
            until_answer.append(later)
        return any(SYNCS.search(later) for later in until_answer)
    raise AssertionError(f"{change} was never called: {calls}")
