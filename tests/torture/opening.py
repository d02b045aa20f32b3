"""Operations by which files are opened, closed, synced and cut."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from torture.drawing import SIZE_MOST, Draws, Operation, Place
from torture.tree import Kind, OpenFile, Path, World, refuse

ACCESSES = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR)
EXTRAS = (0, 0, 0, os.O_APPEND, os.O_APPEND, os.O_APPEND, os.O_TRUNC, os.O_DSYNC, os.O_SYNC | os.O_APPEND)


def _keep(place: Place, number: int, descriptor: int, *, keep: bool) -> None:
    if keep:
        place.descriptors[number] = descriptor
    else:
        os.close(descriptor)


@dataclass(frozen=True)
class Create(Operation):
    """A new file, which stays open."""

    path: Path
    mode: int
    number: int
    keep: bool

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Somewhere."""
        return cls(draws.free(), draws.rng.choice((0o666, 0o644, 0o600, 0o755)), draws.number(), draws.keeps())

    def expect(self, world: World) -> None:
        """It was not there."""
        node = world.make(self.path, Kind.FILE, self.mode)
        if self.keep:
            world.handles[self.number] = OpenFile(node, os.O_RDWR)

    def perform(self, place: Place) -> None:
        """O_EXCL: it must be new."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        _keep(place, self.number, os.open(place.at(self.path), flags, self.mode), keep=self.keep)


@dataclass(frozen=True)
class Open(Operation):
    """A file that is there, also through a symlink."""

    path: Path
    flags: int
    number: int
    keep: bool

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """For reading or writing, in many ways."""
        access = draws.rng.choice(ACCESSES)
        extra = draws.rng.choice(EXTRAS) if access != os.O_RDONLY else 0
        kinds = (Kind.FILE, Kind.SYMLINK) if draws.chance(0.2) else (Kind.FILE,)
        return cls(draws.existing(*kinds), access | extra, draws.number(), draws.keeps())

    @classmethod
    def for_(cls, draws: Draws, flags: int) -> Operation:
        """A file to do something with that no open one is fit for; a new one where there is none."""
        files = draws.paths(Kind.FILE)
        if not files:
            return Create.draw(draws)
        return cls(draws.rng.choice(files), flags, draws.number(), keep=True)

    def expect(self, world: World) -> None:
        """Only files are opened here."""
        node = world.follow(self.path)
        if node.kind is Kind.FOLDER:
            refuse(errno.EISDIR)
        if self.flags & os.O_TRUNC:
            node.resize(0)
        if self.keep:
            world.handles[self.number] = OpenFile(node, self.flags)

    def perform(self, place: Place) -> None:
        """A folder can be opened for reading: that is refused here as well."""
        descriptor = os.open(place.at(self.path), self.flags)
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.close(descriptor)
            refuse(errno.EISDIR)
        _keep(place, self.number, descriptor, keep=self.keep)


@dataclass(frozen=True)
class Close(Operation):
    """Close a file; one without a name is gone then."""

    number: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Any."""
        number = draws.handle(lambda _: True)
        return cls(number) if number is not None else Open.for_(draws, os.O_RDWR)

    def expect(self, world: World) -> None:
        """No more of it."""
        del world.handles[self.number]

    def perform(self, place: Place) -> None:
        """The descriptor is gone also where it fails."""
        os.close(place.descriptors.pop(self.number))


@dataclass(frozen=True)
class Fsync(Operation):
    """fsync() or fdatasync() of an open file."""

    changes = False
    number: int
    data_only: bool

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Any."""
        number = draws.handle(lambda _: True)
        return cls(number, draws.chance(0.5)) if number is not None else Open.for_(draws, os.O_RDWR)

    def expect(self, world: World) -> None:
        """Nothing is to be seen of it."""

    def perform(self, place: Place) -> None:
        """One of the two."""
        (os.fdatasync if self.data_only else os.fsync)(place.descriptors[self.number])


@dataclass(frozen=True)
class Truncate(Operation):
    """truncate() of a path, or ftruncate() of an open file."""

    of: Path | int
    size: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Shorter or longer."""
        number = draws.handle(lambda opened: opened.writable) if draws.chance(0.5) else None
        size = draws.rng.randrange(SIZE_MOST) if draws.chance(0.1) else draws.size()
        return cls(number if number is not None else draws.existing(Kind.FILE), size)

    def expect(self, world: World) -> None:
        """What is new reads as zeroes."""
        node = world.writable(self.of, errno.EINVAL).node if isinstance(self.of, int) else world.follow(self.of)
        if node.kind is Kind.FOLDER:
            refuse(errno.EISDIR)
        node.resize(self.size)

    def perform(self, place: Place) -> None:
        """One of the two."""
        if isinstance(self.of, int):
            os.ftruncate(place.descriptors[self.of], self.size)
        else:
            os.truncate(place.at(self.of), self.size)
