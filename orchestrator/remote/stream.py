"""A two-way byte stream to a program on a host, whatever carries it."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """stdin and stdout of one program. One thread may read while another writes; any may close."""

    def read(self, timeout_s: float | None) -> bytes:
        """The next bytes, or b"" at the end. Raises TimeoutError, OSError."""

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`. Raises TimeoutError, OSError."""

    def close(self) -> None:
        """Break the stream off. Never blocks; wakes a reader and a writer that do. Idempotent."""

    def complaint(self) -> str:
        """What the program has written to stderr, as far as it is here."""
