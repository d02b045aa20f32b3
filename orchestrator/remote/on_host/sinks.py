"""Where the output of a child goes: into an answer, or into a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CAPTURE_LIMIT = 16 << 20
LINE_LIMIT = 1 << 16
TAIL_BYTES = 4096


def text(data: bytes | bytearray) -> str:
    """Bytes as they go into a frame."""
    return bytes(data).decode("utf-8", "replace")


class Capture:
    """Keeps what a command wrote, up to a limit."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.cut = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = CAPTURE_LIMIT - len(self.data)
        self.cut = self.cut or len(data) > room
        self.data += data[:room]

    def close(self) -> None:
        """Nothing is held open."""

    def text(self) -> str:
        """All of it, saying so if the end is missing."""
        return text(self.data) + (f"\n[cut after {CAPTURE_LIMIT >> 20} MiB]\n" if self.cut else "")


class Log:
    """Copies a stream into a file, keeps its end, and looks for lines that begin with a token."""

    def __init__(
        self,
        path: str,
        on_error: Callable[[str, OSError], None],
        tokens: tuple[tuple[str, Callable[[str], None]], ...] = (),
    ) -> None:
        self.path = path
        self.fd: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self.tail = self.line = b""
        self.on_error = on_error
        self.awaited = [(token.encode(), callback) for token, callback in tokens if token]

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream. A file that cannot be written is reported once, and then left."""
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        rest = memoryview(data)
        try:
            while self.fd is not None and rest:
                rest = rest[os.write(self.fd, rest) :]
        except OSError as error:
            self.close()
            self.on_error(self.path, error)
        if self.awaited:
            self.look_for_tokens(data)

    def look_for_tokens(self, data: bytes) -> None:
        """Report each awaited token once, when a line has it as its first word; tokens come in their order."""
        *lines, self.line = (self.line + data).split(b"\n")
        self.line = self.line[:LINE_LIMIT]
        for line in lines:
            words = line.split(None, 1)
            if self.awaited and words and words[0] == self.awaited[0][0]:
                _, callback = self.awaited.pop(0)
                callback(text(words[1]).strip() if len(words) > 1 else "")

    def close(self) -> None:
        """Close the file."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
