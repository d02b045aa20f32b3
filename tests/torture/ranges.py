"""Operations on ranges of open files: allocation, copies, mappings."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from dataclasses import dataclass

from torture.drawing import Draws, Operation, Place
from torture.opening import Open
from torture.tree import World, refuse

KEEP_SIZE, PUNCH_HOLE = 1, 2


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
        node, end = world.writable(self.number).node, self.offset + self.length
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
        source, target = world.readable(self.source), world.writable(self.target)
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
        node = opened.node
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
