"""Operations on what is known of files, and those that only look."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from torture.drawing import Draws, Operation, Place
from torture.tree import Attributes, Kind, Node, Path, World, refuse

MODES = (0o644, 0o600, 0o755, 0o000, 0o777, 0o4755, 0o2755, 0o6711, 0o1777, 0o2644)
USERS = (0, 1000, 1001)
XATTRS = (*(f"user.x{i}" for i in range(5)), "trusted.y")


@dataclass(frozen=True)
class Chmod(Operation):
    """Other permissions."""

    path: Path
    mode: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Also with set-ID bits."""
        return cls(draws.existing(Kind.FILE, Kind.FOLDER), draws.rng.choice(MODES))

    def expect(self, world: World) -> None:
        """As root asks for."""
        world.follow(self.path).mode = self.mode

    def perform(self, place: Place) -> None:
        """One chmod()."""
        os.chmod(place.at(self.path), self.mode)


@dataclass(frozen=True)
class Chown(Operation):
    """Another user, group or both; files lose their set-ID bits by it."""

    path: Path
    uid: int
    gid: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """-1: as it is."""
        uid, gid = draws.rng.choice((-1, *USERS)), draws.rng.choice(USERS)
        return cls(draws.existing(*Kind), uid, gid)

    def expect(self, world: World) -> None:
        """A set-group-ID bit without execution by the group is no such bit, and stays."""
        node = world.find(self.path)
        node.uid = node.uid if self.uid < 0 else self.uid
        node.gid = self.gid
        if node.kind is Kind.FILE:
            node.mode &= ~(stat.S_ISUID | (stat.S_ISGID if node.mode & stat.S_IXGRP else 0))

    def perform(self, place: Place) -> None:
        """Of a symlink itself."""
        os.lchown(place.at(self.path), self.uid, self.gid)


@dataclass(frozen=True)
class Utime(Operation):
    """Other times, which stay until the content changes."""

    path: Path
    mtime_ns: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """With nanoseconds."""
        return cls(draws.existing(*Kind), draws.rng.randrange(1, 2 * 10**18))

    def expect(self, world: World) -> None:
        """Exactly this."""
        world.find(self.path).mtime_ns = self.mtime_ns

    def perform(self, place: Place) -> None:
        """Of a symlink itself."""
        os.utime(place.at(self.path), ns=(self.mtime_ns, self.mtime_ns), follow_symlinks=False)


@dataclass(frozen=True)
class SetXattr(Operation):
    """Set or remove an extended attribute."""

    path: Path
    name: str
    value: bytes | None
    flags: int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Removal where it is there."""
        path, name = draws.existing(*Kind), draws.rng.choice(XATTRS)
        if draws.world.has(path) and draws.world.find(path).kind is Kind.SYMLINK and draws.chance(0.8):
            name = "trusted.y"
        there = draws.world.has(path) and name in draws.world.find(path).xattrs
        if there and draws.chance(0.4):
            return cls(path, name, None, 0)
        flags = draws.rng.choice((0, os.XATTR_REPLACE if there else os.XATTR_CREATE))
        return cls(path, name, draws.rng.randbytes(draws.rng.randrange(300)), flags)

    def expect(self, world: World) -> None:
        """A symlink has none of users."""
        node = world.find(self.path)
        if node.kind is Kind.SYMLINK and self.name.startswith("user."):
            refuse(errno.EPERM)
        there = self.name in node.xattrs
        if not there and (self.value is None or self.flags == os.XATTR_REPLACE):
            refuse(errno.ENODATA)
        if there and self.flags == os.XATTR_CREATE:
            refuse(errno.EEXIST)
        if self.value is None:
            del node.xattrs[self.name]
        else:
            node.xattrs[self.name] = self.value

    def perform(self, place: Place) -> None:
        """Of a symlink itself."""
        where = place.at(self.path)
        if self.value is None:
            os.removexattr(where, self.name, follow_symlinks=False)
        else:
            os.setxattr(where, self.name, self.value, self.flags, follow_symlinks=False)


def xattrs_of(where: str) -> dict[str, bytes]:
    """The extended attributes of a path; not those that the kernel sets."""
    names = [name for name in os.listxattr(where, follow_symlinks=False) if name.startswith(("user.", "trusted."))]
    return {name: os.getxattr(where, name, follow_symlinks=False) for name in names}


@dataclass(frozen=True)
class LookXattrs(Operation):
    """All extended attributes of a file."""

    changes = False
    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Mostly of one that has some."""
        having = [path for path, node in draws.world.walk() if node.xattrs]
        return cls(draws.rng.choice(having) if having and draws.chance(0.8) else draws.existing(*Kind))

    def expect(self, world: World) -> dict[str, bytes]:
        """Exactly these."""
        return dict(world.find(self.path).xattrs)

    def perform(self, place: Place) -> dict[str, bytes]:
        """List, then get each."""
        return xattrs_of(place.at(self.path))


@dataclass(frozen=True)
class Stat(Operation):
    """What stat() tells of a path, or of an open file that may have no name."""

    changes = False
    of: Path | int

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Both."""
        number = draws.handle(lambda _: True) if draws.chance(0.4) else None
        return cls(number if number is not None else draws.existing(*Kind))

    def expect(self, world: World) -> Attributes:
        """All that is known."""
        node: Node = world.handles[self.of].node if isinstance(self.of, int) else world.find(self.of)
        return node.attributes

    def perform(self, place: Place) -> Attributes:
        """Of a symlink itself."""
        if isinstance(self.of, int):
            return Attributes.seen(os.fstat(place.descriptors[self.of]))
        return Attributes.seen(os.lstat(place.at(self.of)))


@dataclass(frozen=True)
class List(Operation):
    """What is in a folder, with the kinds that readdir() tells."""

    changes = False
    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Also of the folder of the run itself."""
        return cls(() if draws.chance(0.2) else draws.existing(Kind.FOLDER))

    def expect(self, world: World) -> list[tuple[str, Kind]]:
        """Each name exactly once."""
        node = world.find(self.path)
        if node.kind is Kind.SYMLINK:
            node = world.follow(self.path)
        if node.kind is not Kind.FOLDER:
            refuse(errno.ENOTDIR)
        return sorted((name, child.kind) for name, child in node.children.items())

    def perform(self, place: Place) -> list[tuple[str, Kind]]:
        """By scandir()."""
        with os.scandir(place.at(self.path)) as entries:
            return sorted((entry.name, Kind(stat.S_IFMT(_type(entry)))) for entry in entries)


def _type(entry: os.DirEntry[str]) -> int:
    """By what readdir() told, without a stat()."""
    if entry.is_symlink():
        return stat.S_IFLNK
    return stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else stat.S_IFREG


@dataclass(frozen=True)
class Statfs(Operation):
    """What the file system says of itself."""

    changes = False
    path: Path

    @classmethod
    def draw(cls, draws: Draws) -> Operation:
        """Of any file or folder."""
        return cls(draws.existing(Kind.FILE, Kind.FOLDER))

    def expect(self, world: World) -> bool:
        """It makes sense."""
        world.follow(self.path)
        return True

    def perform(self, place: Place) -> bool:
        """Room that can be, and names as long as ours."""
        found = os.statvfs(place.at(self.path))
        return 0 <= found.f_bavail <= found.f_bfree <= found.f_blocks and found.f_frsize > 0 and found.f_namemax == 255
