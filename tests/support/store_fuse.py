"""FUSE requests as a kernel would send them, carried to the store's server by a client in Python."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import struct

from support.store_client import StoreClient

ROOT = 1
LOOKUP, OPEN, READ, WRITE, RELEASE, FSYNC, INIT, CREATE, SETLK = 1, 14, 15, 16, 18, 20, 26, 35, 32
_HEADER = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ENTRY_BYTES = 128


class FuseError(OSError):
    """The errno with which a request was answered."""

    def __init__(self, number: int) -> None:
        super().__init__(number, os.strerror(number))


class Files:
    """What a mounted store would ask for, by a client that has a session. The user is root."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self._unique = itertools.count(2, 2)

    def request(self, opcode: int, node: int, body: bytes = b"") -> bytes:
        """The bytes of a request."""
        return _HEADER.pack(_HEADER.size + len(body), opcode, next(self._unique), node, 0, 0, 0, 0, 0) + body

    def ask(self, opcode: int, node: int, body: bytes = b"") -> bytes:
        """Send a request; what is behind the header of its answer. Raises FuseError."""
        return self.read(self.client.ask(self.request(opcode, node, body)))

    @staticmethod
    def read(answer: bytes) -> bytes:
        """What is behind the header of an answer. Raises FuseError."""
        length, error, _ = _OUT.unpack_from(answer)
        assert length == len(answer)
        if error != 0:
            raise FuseError(-error)
        return answer[_OUT.size :]

    def init(self) -> None:
        self.ask(INIT, 0, struct.pack("<IIII12I", 7, 36, 1 << 17, 0, *[0] * 12))

    def create(self, name: str) -> tuple[int, int]:
        """Make a file in the root folder and open it: node id and file handle."""
        body = struct.pack("<IIII", os.O_RDWR | os.O_CREAT, 0o100644, 0, 0) + name.encode() + b"\0"
        answer = self.ask(CREATE, ROOT, body)
        return int.from_bytes(answer[:8], "little"), int.from_bytes(answer[_ENTRY_BYTES : _ENTRY_BYTES + 8], "little")

    def write_request(self, file: tuple[int, int], offset: int, data: bytes) -> bytes:
        node, handle = file
        body = struct.pack("<QQIIQII", handle, offset, len(data), 0, 0, os.O_RDWR, 0) + data
        return self.request(WRITE, node, body)

    def write(self, file: tuple[int, int], offset: int, data: bytes) -> None:
        answer = self.read(self.client.ask(self.write_request(file, offset, data)))
        assert int.from_bytes(answer[:4], "little") == len(data)

    def read_file(self, file: tuple[int, int], offset: int, size: int) -> bytes:
        node, handle = file
        return self.ask(READ, node, struct.pack("<QQIIQII", handle, offset, size, 0, 0, os.O_RDWR, 0))

    def lock(self, file: tuple[int, int]) -> bool:
        """Lock a whole file for writing; false where another client has it."""
        node, handle = file
        body = struct.pack("<QQQQIIII", handle, 1, 0, (1 << 63) - 1, fcntl.F_WRLCK, 1, 0, 0)
        try:
            self.ask(SETLK, node, body)
        except FuseError as error:
            if error.errno != errno.EAGAIN:
                raise
            return False
        return True
