"""Operations on what is in files that are open."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from dataclasses import dataclass

from torture.drawing import SIZE_MOST, Draws, Operation, Place
from torture.opening import Open
from torture.tree import Node, OpenFile, World, refuse

KEEP_SIZE, PUNCH_HOLE = 1, 2


def _writable(world: World, number: int, code: int = errno.EBADF) -> OpenFile:
    opened = world.handles[number]
    return opened if opened.writable else refuse(code)


def _readable(world: World, number: int) -> OpenFile:
    opened = world.handles[number]
    return opened if opened.readable else refuse(errno.EBADF)


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
        opened = _writable(world, self.number)
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
        opened = _writable(world, self.number)
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
        content = _readable(world, self.number).node.content
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
        opened = _readable(world, self.number)
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


@dataclass(frozen=True)
class Allocate(Operation):
    """fallocate(): room for a range, or a hole in it."""

    number: int
    mode: int
    offset: int
    length: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """With and without growing; holes half of the time."""
        number = draws.handle(lambda opened: opened.writable)
        if number is None:
            return Open.for_(draws, os.O_RDWR)
        length = draws.size()
        mode = draws.rng.choice((0, KEEP_SIZE, KEEP_SIZE | PUNCH_HOLE, KEEP_SIZE | PUNCH_HOLE))
        return cls(number, mode, draws.offset(draws.world.handles[number], length), length)

    def expect(self, world: World) -> None:
        """A range that is new, and one that is a hole, reads as zeroes."""
        node, end = _writable(world, self.number).node, self.offset + self.length
        node.mtime_ns = None
        if self.mode & PUNCH_HOLE:
            end = min(end, len(node.content))
            node.content[self.offset : end] = bytes(max(0, end - self.offset))
        elif not self.mode and end > len(node.content):
            node.resize(end)

    def perform(self, place: Place) -> None:
        """By the C library: Python has no call with a mode."""
        libc = ctypes.CDLL(None, use_errno=True)
        span = (ctypes.c_int64(self.offset), ctypes.c_int64(self.length))
        if libc.fallocate64(place.descriptors[self.number], self.mode, *span) != 0:
            refuse(ctypes.get_errno())


@dataclass(frozen=True)
class Copy(Operation):
    """copy_file_range() from one file into another."""

    source: int
    target: int
    offset_in: int
    offset_out: int
    length: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Between different files."""
        source = draws.handle(lambda opened: opened.readable and len(opened.node.content) > 0)
        if source is None:
            return Open.for_(draws, os.O_RDONLY)
        handles = draws.world.handles
        other = handles[source].node
        target = draws.handle(lambda file: file.writable and not file.appends and file.node is not other)
        if target is None or handles[target].node is other:
            return Open.for_(draws, os.O_RDWR)
        length = draws.size()
        start = draws.rng.randrange(len(other.content) + 1)
        return cls(source, target, start, draws.offset(handles[target], length), length)

    def expect(self, world: World) -> int:
        """How much was copied: up to the end of the source."""
        source, target = _readable(world, self.source), _writable(world, self.target)
        if target.appends:
            refuse(errno.EBADF)
        length = max(0, min(self.length, len(source.node.content) - self.offset_in))
        overlaps = self.offset_out < self.offset_in + length and self.offset_in < self.offset_out + length
        if source.node is target.node and overlaps:
            refuse(errno.EINVAL)
        if length > 0:
            target.node.put(self.offset_out, bytes(source.node.content[self.offset_in : self.offset_in + length]))
        return length

    def perform(self, place: Place) -> int:
        """Until nothing more comes: it may copy less than asked for."""
        source, target = place.descriptors[self.source], place.descriptors[self.target]
        done = 0
        while done < self.length:
            at = (self.offset_in + done, self.offset_out + done)
            copied = os.copy_file_range(source, target, self.length - done, *at)
            if copied == 0:
                break
            done += copied
        return done


@dataclass(frozen=True)
class Map(Operation):
    """Change a shared mapping of a file, sync it, and read it."""

    number: int
    offset: int
    data: bytes

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """A file that is open for both, and not empty."""
        number = draws.handle(lambda file: file.readable and file.writable and len(file.node.content) > 0)
        if number is None or not (node := draws.world.handles[number].node).content:
            return Open.for_(draws, os.O_RDWR)
        offset = draws.rng.randrange(len(node.content))
        return cls(number, offset, draws.data()[: len(node.content) - offset])

    def expect(self, world: World) -> bytes:
        """The whole file as it is after the change."""
        opened = world.handles[self.number]
        if not (opened.readable and opened.writable):
            refuse(errno.EACCES)
        node: Node = opened.node
        if len(node.content) < self.offset + len(self.data):
            refuse(errno.ENXIO)
        node.put(self.offset, self.data)
        return bytes(node.content)

    def perform(self, place: Place) -> bytes:
        """All of the file is mapped; a file that became shorter than the model knows must not end us by SIGBUS."""
        descriptor = place.descriptors[self.number]
        if os.fstat(descriptor).st_size < self.offset + len(self.data):
            refuse(errno.ENXIO)
        with mmap.mmap(descriptor, 0) as memory:
            memory[self.offset : self.offset + len(self.data)] = self.data
            memory.flush()
            return bytes(memory)
