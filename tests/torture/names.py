"""Operations on names: folders, links, renames."""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass

from torture.drawing import Draws, Operation, Place
from torture.tree import Kind, Node, Path, World, refuse

NOREPLACE, EXCHANGE = 1, 2
AT_FDCWD = -100


@dataclass(frozen=True)
class Mkdir(Operation):
    """A new folder."""

    path: Path
    mode: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Somewhere."""
        return cls(draws.free(), draws.rng.choice((0o777, 0o755, 0o700)))

    def expect(self, world: World) -> None:
        """It was not there."""
        world.make(self.path, Kind.FOLDER, self.mode)

    def perform(self, place: Place) -> None:
        """One mkdir()."""
        os.mkdir(place.at(self.path), self.mode)


@dataclass(frozen=True)
class Rmdir(Operation):
    """Remove a folder; a full one stays."""

    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly an empty one."""
        empty = [path for path in draws.paths(Kind.FOLDER) if not draws.world.find(path).children]
        return cls(draws.rng.choice(empty) if empty and draws.chance(0.95) else draws.existing(Kind.FOLDER))

    def expect(self, world: World) -> None:
        """It was there, and empty."""
        node = world.find(self.path)
        if node.kind is not Kind.FOLDER:
            refuse(errno.ENOTDIR)
        if node.children:
            refuse(errno.ENOTEMPTY)
        world.remove(self.path)

    def perform(self, place: Place) -> None:
        """One rmdir()."""
        os.rmdir(place.at(self.path))


@dataclass(frozen=True)
class Unlink(Operation):
    """Take the name of a file or symlink away; what is open stays."""

    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly what is no folder."""
        return cls(draws.existing(Kind.FILE, Kind.SYMLINK, removes=True))

    def expect(self, world: World) -> None:
        """It was there."""
        if world.find(self.path).kind is Kind.FOLDER:
            refuse(errno.EISDIR)
        world.remove(self.path)

    def perform(self, place: Place) -> None:
        """One unlink()."""
        os.unlink(place.at(self.path))


@dataclass(frozen=True)
class Rename(Operation):
    """Another name, where mostly nothing is."""

    source: Path
    target: Path
    flags: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """A folder takes along what is in it."""
        kinds = tuple(Kind) if draws.chance(0.5) else (Kind.FILE,)
        return cls(draws.existing(*kinds), draws.free(), draws.rng.choice((0, NOREPLACE)))

    def expect(self, world: World) -> None:
        """In the order of the kernel's checks."""
        node = world.find(self.source)
        replaced = world.folder_of(self.target).children.get(self.target[-1])
        if self.flags & NOREPLACE and replaced is not None:
            refuse(errno.EEXIST)
        if self.flags & EXCHANGE and replaced is None:
            refuse(errno.ENOENT)
        if self.target[: len(self.source)] == self.source and self.target != self.source:
            refuse(errno.EINVAL)
        if self.source[: len(self.target)] == self.target and self.target != self.source:
            refuse(errno.EINVAL if self.flags & EXCHANGE else errno.ENOTEMPTY)
        if replaced is node:
            return
        if replaced is not None and not self.flags & EXCHANGE:
            _check_replaceable(node, replaced)
        _move(world, self.source, self.target, replaced if self.flags & EXCHANGE else None)

    def perform(self, place: Place) -> None:
        """renameat2(), which takes flags."""
        libc = ctypes.CDLL(None, use_errno=True)
        source, target = (os.fsencode(place.at(path)) for path in (self.source, self.target))
        if libc.renameat2(AT_FDCWD, source, AT_FDCWD, target, self.flags) != 0:
            refuse(ctypes.get_errno())


def _check_replaceable(node: Node, replaced: Node) -> None:
    if node.kind is Kind.FOLDER:
        if replaced.kind is not Kind.FOLDER:
            refuse(errno.ENOTDIR)
        if replaced.children:
            refuse(errno.ENOTEMPTY)
    elif replaced.kind is Kind.FOLDER:
        refuse(errno.EISDIR)


def _move(world: World, source: Path, target: Path, back: Node | None) -> None:
    """Take a node to its new name, and what is exchanged for it to the old one."""
    node, come_from, go_to = world.find(source), world.folder_of(source), world.folder_of(target)
    world.enter(target, node)
    if back is None:
        world.remove(source)
    else:
        world.enter(source, back)
    come_from.mtime_ns = go_to.mtime_ns = None


@dataclass(frozen=True)
class Replace(Rename):
    """A name that is taken: what had it is replaced, or changes places."""

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly files over files."""
        kinds = tuple(Kind) if draws.chance(0.2) else (Kind.FILE, Kind.SYMLINK)
        flags = EXCHANGE if draws.chance(0.4) else 0
        return cls(draws.existing(*kinds), draws.existing(*kinds, removes=flags == 0), flags)


@dataclass(frozen=True)
class Link(Operation):
    """One more name for a file or symlink."""

    source: Path
    target: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly of a file."""
        return cls(draws.existing(Kind.FILE, Kind.SYMLINK), draws.free())

    def expect(self, world: World) -> None:
        """A folder has one name only."""
        node = world.find(self.source)
        if self.target[-1] in world.folder_of(self.target).children:
            refuse(errno.EEXIST)
        if node.kind is Kind.FOLDER:
            refuse(errno.EPERM)
        world.enter(self.target, node)

    def perform(self, place: Place) -> None:
        """The symlink itself, not what it leads to."""
        os.link(place.at(self.source), place.at(self.target), follow_symlinks=False)


@dataclass(frozen=True)
class Symlink(Operation):
    """A symlink to a name in its own folder, there or not."""

    path: Path
    target: str

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly to what is there."""
        path = draws.free()
        folder = draws.world.find(path[:-1]) if draws.world.has(path[:-1]) else draws.world.root
        there = list(folder.children)
        return cls(path, draws.rng.choice(there) if there and draws.chance(0.8) else draws.any()[-1])

    def expect(self, world: World) -> None:
        """Its mode is always the same."""
        world.make(self.path, Kind.SYMLINK, 0o777).target = self.target

    def perform(self, place: Place) -> None:
        """One symlink()."""
        os.symlink(self.target, place.at(self.path))


@dataclass(frozen=True)
class Readlink(Operation):
    """Where a symlink leads."""

    changes = False
    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Any."""
        return cls(draws.existing(Kind.SYMLINK))

    def expect(self, world: World) -> str:
        """Its target."""
        node = world.find(self.path)
        return node.target if node.kind is Kind.SYMLINK else refuse(errno.EINVAL)

    def perform(self, place: Place) -> str:
        """One readlink()."""
        return os.readlink(place.at(self.path))
