"""Mounting the store's file system for a test, and what other users do in it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import started
from support.store_server import Serve, Server

DEADLINE_S = 20


@dataclass(frozen=True)
class Mounted:
    """A mounted store: where it is seen, the folder behind it, and the program that serves the mount."""

    at: Path
    backing: Path
    process: subprocess.Popen[str]
    stats: Path
    """Where the program leaves its statistics, if it has any."""

    def end(self) -> tuple[int, str]:
        """Ask the program to end: its exit code and what it said to people."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S), self.process.communicate()[1]

    def counts(self) -> dict[str, Any]:
        """The statistics of a program that has ended."""
        counts: dict[str, Any] = json.loads(self.stats.read_text())
        return counts


Mount = Callable[..., Mounted]
"""Mounts a store: options of who serves its files, and the folder behind it as `backing`."""

Join = Callable[..., Mounted]
"""Mounts what a server serves: the server, and options of `store_mount_tcp`."""


def is_mounted(at: Path) -> bool:
    return any(line.split(" ")[1] == str(at) for line in Path("/proc/self/mounts").read_text().splitlines())


@contextlib.contextmanager
def mounting(folder: Path) -> Iterator[Callable[..., Mounted]]:
    """A function that mounts below `folder`: the folder behind it, and an argv to which `--mount` (and, if it leaves
    `statistics`, `--stats`) is added.

    The mounts are ended and unmounted when the block is left, and that has to go well.
    """
    mounts: list[Mounted] = []

    def begin(backing: Path, *argv: str, statistics: bool = True) -> Mounted:
        at = folder / f"mount{len(mounts)}"
        at.mkdir()
        stats = at.with_suffix(".stats.json")
        more = ["--stats", str(stats)] if statistics else []
        mounts.append(Mounted(at, backing, started.start([*argv, "--mount", str(at), *more]), stats))
        return mounts[-1]

    try:
        yield begin
    finally:
        said = [_end(mount) for mount in mounts]
    assert not any(said), said


@contextlib.contextmanager
def mounted(program: Path, folder: Path) -> Iterator[Mount]:
    """A function that mounts stores without a network below `folder`."""
    with mounting(folder) as mount:

        def begin(*options: str, backing: Path | None = None) -> Mounted:
            backing = backing or _backing(folder)
            return mount(backing, str(program), "--backing", str(backing), *options, statistics=False)

        yield begin


@contextlib.contextmanager
def joining(program: Path, folder: Path) -> Iterator[Join]:
    """A function that mounts what servers serve."""
    with mounting(folder) as mount:

        def begin(server: Server, *options: str) -> Mounted:
            connect = f"{server.address[0]}:{server.address[1]}"
            return mount(server.backing, str(program), "--connect", connect, *options)

        yield begin


def served(serve: Serve, join: Join, folder: Path) -> Mount:
    """A function that mounts stores below `folder` over TCP; mounts of one folder have one server."""
    servers: dict[Path, Server] = {}

    def begin(*options: str, backing: Path | None = None) -> Mounted:
        backing = backing or _backing(folder)
        if backing not in servers:
            servers[backing] = serve_files(serve, backing, *options)
        return join(servers[backing])

    return begin


def serve_files(serve: Serve, backing: Path, *options: str, address: tuple[str, int] | None = None) -> Server:
    """A server of the files in `backing` that the next one at this address can go on for."""
    state = f"{backing}.state"
    return serve("--serve", "store", "--backing", str(backing), "--state", state, *options, address=address)


def _backing(folder: Path) -> Path:
    backing = folder / "backing"
    backing.mkdir(exist_ok=True, mode=0o755)
    return backing


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
