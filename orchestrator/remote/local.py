"""A Remote whose host is this machine: the same agent and courier over socket pairs, without SSH.

For tests that want a real agent, real processes and real files but no SSH server.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from orchestrator.remote import bootstrap
from orchestrator.remote.agent_remote import AgentRemote
from orchestrator.remote.session import AGENT_BEAT_TIMEOUT_S

CHUNK = 1 << 18


class LocalStream:
    """A program started here, over a socket pair; implements `Stream`. Whoever closes it should reap it with `wait`."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._socket, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by wait
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(argv, stdin=fd, stdout=fd, stderr=self._errors)

    def read(self, timeout_s: float | None) -> bytes:
        """The next bytes; see `Stream`."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(CHUNK)

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`; see `Stream`. The timeout is the reader's where there is one."""
        if self._socket.gettimeout() is not None:
            self._socket.settimeout(timeout_s)
        self._socket.sendall(data)

    def close(self) -> None:
        """Break the stream off; see `Stream`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the far end, or an earlier close, was first

    def wait(self, timeout_s: float) -> int:
        """Reap the program after `close`; its exit status. Raises TimeoutExpired."""
        status = self.process.wait(timeout_s)
        self._socket.close()
        self._errors.close()
        return status

    def complaint(self) -> str:
        """What the program wrote to stderr."""
        try:
            self._errors.seek(0)
            return self._errors.read().decode(errors="replace").strip()
        except ValueError:
            return ""  # closed


class LocalRemote(AgentRemote):
    """This machine as a host; implements `Remote`. `workdir` is where its lease lies."""

    def __init__(self, host: str, workdir: Path, *, beat_timeout_s: float = AGENT_BEAT_TIMEOUT_S) -> None:
        super().__init__(host, workdir, beat_timeout_s=beat_timeout_s)
        self._streams: list[LocalStream] = []

    def _open(self, program: bootstrap.Program) -> LocalStream:
        argv = bootstrap.command(program, sudo=False)
        stream = LocalStream((sys.executable, *argv[1:]))
        self._streams.append(stream)
        return stream

    def _disconnect(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.close()
            try:
                stream.wait(5.0)
            except subprocess.TimeoutExpired:
                stream.process.kill()
                stream.wait(1.0)
