"""The host's side of file transfers: whole files in one stream, with the rights of the agent.

It is not SFTP because that runs as the SSH user, who may not write where the tool must, and because a whole tree in
one stream waits for no round trips. It ends at EOF, and by SIGALRM when the controller leaves it without a word for
`IDLE_S`.

A request is one JSON line, for `put` followed by `size` bytes. Answers are JSON lines; one with `size` is followed by
that many bytes. `error` says why something could not be done.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import sys
from typing import IO, Any

from orchestrator.remote.on_host.errors import why

IDLE_S = 4
CHUNK = 1 << 18


def answer(out: IO[bytes], **values: Any) -> None:
    """Write one answer."""
    out.write(json.dumps(values).encode() + b"\n")


def send_file(out: IO[bytes], path: str, name: str) -> None:
    """Send one regular file. One that shrinks meanwhile is filled up with zeros, so that the stream stays in step."""
    with open(path, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        answer(out, path=name, size=left)
        while left:
            data = file.read(min(left, CHUNK)) or bytes(min(left, CHUNK))
            signal.alarm(IDLE_S)
            out.write(data)
            left -= len(data)


def put(request: dict[str, Any], source: IO[bytes]) -> OSError | None:
    """Receive a file into a temporary name, and rename it when it is safely on disk. Returns an error or None."""
    path, left = request["path"], request["size"]
    temporary = f"{path}.part-{os.getpid()}"
    failure: OSError | None = None
    fd = -1
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        failure = error
    while left:
        data = source.read(min(left, CHUNK))
        signal.alarm(IDLE_S)
        if not data:
            break
        left -= len(data)
        try:
            rest = memoryview(data)
            while failure is None and rest:
                rest = rest[os.write(fd, rest) :]
        except OSError as error:
            failure = error  # the rest is read all the same: the stream stays in step
    signal.alarm(0)  # a slow disk is no silent controller
    try:
        if failure is None and not left:
            os.fchmod(fd, request["mode"])
            os.fsync(fd)
            os.rename(temporary, path)
    except OSError as error:
        failure = error
    if fd >= 0:
        os.close(fd)
    if failure is not None or left:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    if left:
        raise EOFError
    return failure


def tree(request: dict[str, Any], out: IO[bytes]) -> None:
    """Send every regular file under a folder; links are not followed."""
    root: str = request["path"]
    failures: list[OSError] = []
    for folder, _, names in os.walk(root, onerror=failures.append):
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    send_file(out, path, os.path.relpath(path, root))
            except FileNotFoundError:
                continue  # it went away while we walked
    if failures:
        raise failures[0]
    answer(out, end=True)


def serve(source: IO[bytes], out: IO[bytes]) -> None:
    """Carry out requests until EOF."""
    while True:
        signal.alarm(IDLE_S)
        line = source.readline()
        if not line:
            return
        request = json.loads(line)
        try:
            if request["op"] == "put":
                failure = put(request, source)
                answer(out, **({"error": why(failure)} if failure else {"end": True}))
            elif request["op"] == "get":
                send_file(out, request["path"], "")
            else:
                tree(request, out)
        except OSError as error:
            answer(out, error=why(error), path=error.filename)
        out.flush()


def main() -> None:
    """Serve on stdin and stdout."""
    with open(0, "rb", CHUNK, closefd=False) as stdin, open(1, "wb", CHUNK, closefd=False) as stdout:
        try:
            serve(stdin, stdout)
        except (EOFError, BrokenPipeError):
            sys.exit(1)
