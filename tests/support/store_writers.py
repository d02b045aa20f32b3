"""Applications that write to a mounted store while its server is killed, and know afterwards what has to be there.

They are a process of their own (`python -m support.store_writers FOLDER`), since a process that has files of a mount
open cannot start another while the server is away: closing them in the child is a request to the server.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

DEADLINE_S = 20
BLOCK = 4096
BLOCKS = 16
RECORD = struct.Struct("<QQ")
MAGIC = 0x64726F6365727C7C


class Appender(threading.Thread):
    """Appends numbered records to one open file until it is told to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.acknowledged: list[int] = []
        self.in_doubt: list[int] = []
        self.failure = ""
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        try:
            while not self.stopping.is_set():
                number += 1
                (self.acknowledged if self.write(number) else self.in_doubt).append(number)
            os.close(self.file)
        except (OSError, AssertionError) as error:
            self.failure = repr(error)

    def knows(self) -> dict[str, Any]:
        """What has to be there; see `Writers.end`."""
        return {"acknowledged": self.acknowledged, "in_doubt": self.in_doubt, "failure": self.failure}

    def write(self, number: int) -> bool:
        """Whether it was acknowledged; else nobody knows."""
        return _acknowledged(lambda: os.write(self.file, RECORD.pack(MAGIC, number)) == RECORD.size)


class Overwriter(Appender):
    """Writes numbered blocks over one another; reads each back."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        os.close(self.file)
        self.file = os.open(path, os.O_RDWR)
        self.possible: dict[int, set[int]] = {place: {0} for place in range(BLOCKS)}

    def knows(self) -> dict[str, Any]:
        return super().knows() | {"possible": [sorted(self.possible[place]) for place in range(BLOCKS)]}

    def write(self, number: int) -> bool:
        place = number % BLOCKS
        block = RECORD.pack(MAGIC, number) * (BLOCK // RECORD.size)
        acknowledged = _acknowledged(lambda: os.pwrite(self.file, block, place * BLOCK) == BLOCK)
        # One that is in doubt may be there, or what was there before.
        self.possible[place] = {number} if acknowledged else self.possible[place] | {number}
        check_block(os.pread(self.file, BLOCK, place * BLOCK), self.possible[place])
        return acknowledged


def _acknowledged(write: Any) -> bool:
    try:
        assert write()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False
    return True


def check_block(block: bytes, possible: set[int]) -> None:
    """A block is whole, and one of those that may be there."""
    record = block[: RECORD.size].ljust(RECORD.size, b"\0")
    assert block == record * (len(block) // RECORD.size)
    assert RECORD.unpack(record)[1] in possible


def check_log(content: bytes, acknowledged: list[int], in_doubt: list[int]) -> None:
    """What was acknowledged is there once, in its order; what is in doubt at most once."""
    records = [RECORD.unpack_from(content, at) for at in range(0, len(content), RECORD.size)]
    numbers = [number for magic, number in records if magic == MAGIC]
    assert len(numbers) == len(records)
    assert numbers == sorted(set(numbers))
    assert set(acknowledged) <= set(numbers) <= set(acknowledged) | set(in_doubt)


class Writers:
    """The process, as a test sees it: two logs and a file of blocks in `folder`."""

    logs = ("log0", "log1")
    blocks = "blocks"

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.store_writers", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "writing\n"

    def end(self) -> dict[str, dict[str, Any]]:
        """By file: `acknowledged`, `in_doubt`, `failure`, and of the blocks what is `possible`."""
        said: dict[str, dict[str, Any]] = json.loads(self.process.communicate(timeout=DEADLINE_S)[0])
        return said


def main(folder: Path) -> None:
    writers: dict[str, Appender] = {name: Appender(folder / name) for name in Writers.logs}
    writers[Writers.blocks] = Overwriter(folder / Writers.blocks)
    for writer in writers.values():
        writer.start()
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    sys.stdin.read()
    for writer in writers.values():
        writer.stopping.set()
    for writer in writers.values():
        writer.join()
    said = {name: writer.knows() for name, writer in writers.items()}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
