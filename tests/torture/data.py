"""Operations on what is in files that are open."""

from __future__ import annotations

import os
from dataclasses import dataclass

from torture.drawing import SIZE_MOST, Draws, Operation, Place
from torture.opening import Open
from torture.tree import World


@dataclass(frozen=True)
class PWrite(Operation):
    """Write at an offset, also behind the end. With O_APPEND Linux writes to the end all the same."""

    number: int
    offset: int
    data: bytes

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly without O_APPEND."""
        number = draws.handle(lambda opened: opened.writable and not opened.appends)
        if number is None:
            return Open.for_(draws, os.O_RDWR)
        opened = draws.world.handles[number]
        data = draws.data()
        data = draws.shorter(opened, data) if opened.appends else data
        return cls(number, draws.offset(opened, len(data)), data)

    def expect(self, world: World) -> int:
        """How much was written: all."""
        opened = world.writable(self.number)
        opened.node.put(len(opened.node.content) if opened.appends else self.offset, self.data)
        return len(self.data)

    def perform(self, place: Place) -> int:
        """One pwrite()."""
        return os.pwrite(place.descriptors[self.number], self.data, self.offset)


@dataclass(frozen=True)
class Write(Operation):
    """Write where the file's position is, which may be set before."""

    number: int
    seek: int | None
    data: bytes

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Without O_APPEND."""
        number = draws.handle(lambda opened: opened.writable and not opened.appends)
        if number is None:
            return Open.for_(draws, os.O_RDWR)
        opened, data = draws.world.handles[number], draws.data()
        data = draws.shorter(opened, data) if opened.appends else data
        full = opened.position + len(data) > SIZE_MOST
        return cls(number, draws.offset(opened, len(data)) if full or draws.chance(0.3) else None, data)

    def expect(self, world: World) -> tuple[int, int]:
        """How much was written, and the position after it."""
        opened = world.writable(self.number)
        start = opened.position if self.seek is None else self.seek
        if opened.appends:
            start = len(opened.node.content)
        opened.node.put(start, self.data)
        opened.position = start + len(self.data)
        return len(self.data), opened.position

    def perform(self, place: Place) -> tuple[int, int]:
        """Put the position, write, tell the position."""
        descriptor = place.descriptors[self.number]
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.seek is not None:
            os.lseek(descriptor, self.seek, os.SEEK_SET)
        try:
            written = os.write(descriptor, self.data)
        except OSError:
            os.lseek(descriptor, before, os.SEEK_SET)
            raise
        return written, os.lseek(descriptor, 0, os.SEEK_CUR)


@dataclass(frozen=True)
class Append(Write):
    """Write to the end of a file with O_APPEND: what is done twice is there twice."""

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """With O_APPEND."""
        number = draws.handle(lambda opened: opened.appends and len(opened.node.content) < SIZE_MOST)
        if number is None or not draws.world.handles[number].appends:
            return Open.for_(draws, os.O_RDWR | os.O_APPEND)
        return cls(number, None, draws.shorter(draws.world.handles[number], draws.data()))


@dataclass(frozen=True)
class PRead(Operation):
    """Read at an offset."""

    changes = False
    number: int
    offset: int
    size: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Also over the end, and behind it."""
        number = draws.handle(lambda opened: opened.readable)
        if number is None:
            return Open.for_(draws, os.O_RDONLY)
        size = SIZE_MOST if draws.chance(0.1) else draws.size()
        return cls(number, 0 if size == SIZE_MOST else draws.offset(draws.world.handles[number], 0), size)

    def expect(self, world: World) -> bytes:
        """What must be there."""
        content = world.readable(self.number).node.content
        return bytes(content[self.offset : self.offset + self.size])

    def perform(self, place: Place) -> bytes:
        """One pread()."""
        return os.pread(place.descriptors[self.number], self.size, self.offset)


@dataclass(frozen=True)
class Read(Operation):
    """Read where the position is; from the beginning once the end was reached."""

    changes = False
    number: int
    seek: int | None
    size: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Whatever size."""
        number = draws.handle(lambda opened: opened.readable)
        if number is None:
            return Open.for_(draws, os.O_RDONLY)
        opened = draws.world.handles[number]
        return cls(number, 0 if opened.position >= len(opened.node.content) else None, draws.size())

    def expect(self, world: World) -> bytes:
        """What must be there."""
        opened = world.readable(self.number)
        start = opened.position if self.seek is None else self.seek
        data = bytes(opened.node.content[start : start + self.size])
        opened.position = start + len(data)
        return data

    def perform(self, place: Place) -> bytes:
        """Put the position and read."""
        descriptor = place.descriptors[self.number]
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.seek is not None:
            os.lseek(descriptor, self.seek, os.SEEK_SET)
        try:
            return os.read(descriptor, self.size)
        except OSError:
            os.lseek(descriptor, before, os.SEEK_SET)
            raise
