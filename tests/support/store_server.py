"""The store's server over TCP, started for a test and ended by its id."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import started
from support.store_client import DEADLINE_S, StoreClient

LOOPBACK = "127.0.0.1"


def free_port(ip: str = LOOPBACK) -> int:
    """A port that nobody has now."""
    with socket.socket() as found:
        found.bind((ip, 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A server that runs, where it listens, and where it leaves its statistics."""

    process: subprocess.Popen[str]
    address: tuple[str, int]
    stats: Path
    backing: Path
    """The folder that it serves; of no meaning where it serves none."""

    def client(self, epoch: int | None = None) -> StoreClient:
        """A client that is connected and has said nothing."""
        return StoreClient(self.address, epoch)

    def joined(self, epoch: int | None = None, **wanted: int) -> StoreClient:
        """A client with a session."""
        client = self.client(epoch)
        client.hello(**wanted)
        return client

    def end(self) -> dict[str, Any]:
        """Ask it to end; its statistics."""
        self.process.send_signal(signal.SIGTERM)
        complaint = self.process.communicate(timeout=DEADLINE_S)[1]
        assert (self.process.returncode, complaint) == (0, "")
        stats: dict[str, Any] = json.loads(self.stats.read_text())
        return stats

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)


Serve = Callable[..., Server]
"""Starts a server: options of `store_server_tcp` but for the address, which may be given as `address`."""


@contextlib.contextmanager
def serving(program: Path, folder: Path) -> Iterator[Serve]:
    """A function that starts servers with statistics in `folder`; what still runs at the end has to end well."""
    servers: list[Server] = []

    def begin(*options: str, address: tuple[str, int] | None = None) -> Server:
        address = address or (LOOPBACK, free_port())
        stats = folder / f"server{len(servers)}.stats.json"
        argv = [str(program), "--listen", f"{address[0]}:{address[1]}", "--stats", str(stats), *options]
        backing = Path(options[options.index("--backing") + 1]) if "--backing" in options else folder
        servers.append(Server(started.start(argv), address, stats, backing))
        return servers[-1]

    try:
        yield begin
    except BaseException:
        for server in servers:
            server.kill()
        raise
    for server in servers:
        if server.process.returncode is None:
            server.end()
