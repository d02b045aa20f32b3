"""The controller's side of the courier: files to and from a host, each a whole stream with a deadline on silence."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from orchestrator.errors import CommandFailed, HostUnreachable
from orchestrator.remote.stream import Stream

SILENCE_S = 10.0
FSYNC_S = 60.0
REUSE_S = 2.0
"""The host's side ends when it is left alone for 4 s; one that has been idle for longer than this is not used again."""
CHUNK = 1 << 18


class Courier:
    """One running courier program. Not thread-safe. After any error but CommandFailed it is broken: close it."""

    def __init__(self, host: str, stream: Stream) -> None:
        self._host = host
        self._stream = stream
        self._buffer = bytearray()
        self._used = time.monotonic()
        self._broken = False

    @property
    def usable(self) -> bool:
        """Whether another transfer may be given to it."""
        return not self._broken and time.monotonic() - self._used < REUSE_S

    def put(self, local: Path | bytes, remote: str, mode: int) -> None:
        """Write a file on the host. Raises CommandFailed, HostUnreachable."""
        if isinstance(local, bytes):
            self._request(op="put", path=remote, mode=mode, size=len(local))
            self._send(local)
        else:
            with local.open("rb") as file:
                left = os.fstat(file.fileno()).st_size
                self._request(op="put", path=remote, mode=mode, size=left)
                while left and (data := file.read(min(left, CHUNK))):
                    self._send(data)
                    left -= len(data)
                if left:
                    self._broken = True
                    raise CommandFailed(f"{local} became shorter while it was sent", host=self._host)
        self._answer(remote, "write", FSYNC_S)

    def get(self, remote: str, local: Path) -> None:
        """Fetch a file. Raises CommandFailed, HostUnreachable."""
        self._request(op="get", path=remote)
        self._receive(self._answer(remote, "read"), local)

    def get_tree(self, remote: str, local: Path) -> None:
        """Fetch all regular files under a folder. Raises CommandFailed, HostUnreachable."""
        self._request(op="tree", path=remote)
        local.mkdir(parents=True, exist_ok=True)
        while not (answer := self._answer(remote, "read")).get("end"):
            inside = PurePosixPath(answer["path"])
            if inside.is_absolute() or ".." in inside.parts:
                self._broken = True
                raise CommandFailed(f"sent a file outside of the folder: {inside}", host=self._host)
            self._receive(answer, local / inside)

    def close(self) -> None:
        """Break the stream off, which ends the program. Idempotent."""
        self._stream.close()

    def _receive(self, answer: dict[str, Any], local: Path) -> None:
        local.parent.mkdir(parents=True, exist_ok=True)
        temporary = local.with_name(f"{local.name}.part-{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                self._copy(answer["size"], file)
            temporary.replace(local)
        except OSError as error:
            self._broken = True  # the rest of the file is still on its way
            raise CommandFailed(f"cannot write {local} on the controller: {error.strerror}", host=self._host) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _copy(self, left: int, file: BinaryIO) -> None:
        while left:
            data = bytes(self._buffer) or self._read(SILENCE_S)
            self._buffer = bytearray(data[left:])
            data = data[:left]
            file.write(data)
            left -= len(data)

    def _request(self, **values: object) -> None:
        self._send(json.dumps(values).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        try:
            self._stream.write(data, SILENCE_S)
        except OSError as error:
            raise self._lost(error) from error

    def _read(self, timeout_s: float) -> bytes:
        try:
            data = self._stream.read(timeout_s)
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost(None)
        return data

    def _lost(self, error: OSError | None) -> HostUnreachable:
        self._broken = True
        why = self._stream.complaint() or ("no answer" if isinstance(error, TimeoutError) else str(error or "it ended"))
        return HostUnreachable(f"file transfer broke off: {why}", host=self._host, remedy="see that the host is up")

    def _answer(self, path: str, verb: str, timeout_s: float = SILENCE_S) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._buffer += self._read(timeout_s)
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = rest
        self._used = time.monotonic()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CommandFailed(f"cannot {verb} {answer.get('path') or path}: {answer['error']}", host=self._host)
        return answer
