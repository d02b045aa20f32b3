"""Mounting the store's file system for a test, and what other users do in it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from support import started

DEADLINE_S = 20


@dataclass(frozen=True)
class Mounted:
    """A mounted store: where it is seen, the folder behind it, and the program that serves it."""

    at: Path
    backing: Path
    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str]:
        """Ask the program to end: its exit code and what it said to people."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S), self.process.communicate()[1]


Mount = Callable[..., Mounted]
"""Mounts a store: options of `store_local`, and the folder behind it as `backing`."""


def is_mounted(at: Path) -> bool:
    return any(line.split(" ")[1] == str(at) for line in Path("/proc/self/mounts").read_text().splitlines())


def start(program: Path, backing: Path, at: Path, *options: str) -> Mounted:
    """Start the program and wait until it says that it is ready."""
    argv = [str(program), "--backing", str(backing), "--mount", str(at), *options]
    return Mounted(at, backing, started.start(argv))


@contextlib.contextmanager
def mounted(program: Path, folder: Path) -> Iterator[Mount]:
    """A function that mounts stores below `folder`; they are ended and unmounted when the block is left."""
    stores: list[Mounted] = []

    def begin(*options: str, backing: Path | None = None) -> Mounted:
        at = folder / f"mount{len(stores)}"
        at.mkdir()
        if backing is None:
            backing = folder / "backing"
            backing.mkdir(exist_ok=True, mode=0o755)
        stores.append(start(program, backing, at, *options))
        return stores[-1]

    try:
        yield begin
    finally:
        said = [_end(store) for store in stores]
    assert not any(said), said


def _end(store: Mounted) -> str:
    """What went wrong with its end; nothing where the test has ended it."""
    if store.process.returncode is not None:
        return ""
    try:
        code, complaint = store.end()
        return "" if code == 0 else f"exit code {code}: {complaint}"
    except subprocess.TimeoutExpired:
        store.process.kill()
        return f"did not end within {DEADLINE_S} s: {store.process.communicate()[1]}"
    finally:
        if is_mounted(store.at):
            subprocess.run(["umount", "-l", str(store.at)], check=True)


def run_as(uid: int, script: str, *arguments: str, groups: tuple[int, ...] = ()) -> str:
    """What a Python script says that runs as this user (and group of the same number)."""
    # The interpreter may lie where only root comes to: it is the one that becomes somebody else.
    become = f"import os; os.setgroups({list(groups)}); os.setgid({uid}); os.setuid({uid})\n"
    done = subprocess.run(
        [sys.executable, "-c", become + script, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        cwd="/",
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
