"""The model: a tree of files, folders and symlinks as the file system must have it, and the files that are open."""

from __future__ import annotations

import copy
import enum
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

Path = tuple[str, ...]
"""Names from the folder of the run downwards; the folder itself is ()."""

SYMLINKS_MOST = 40
"""As the kernel follows in one path."""


class Kind(enum.Enum):
    """What a name leads to."""

    FILE = stat.S_IFREG
    FOLDER = stat.S_IFDIR
    SYMLINK = stat.S_IFLNK


@dataclass(frozen=True)
class Attributes:
    """What stat() tells. None: not known, or a file system's own business."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    links: int | None
    size: int | None
    mtime_ns: int | None

    @classmethod
    def seen(cls, found: os.stat_result) -> Attributes:
        """Of a real file. How many links a folder has and how large it is differs between file systems."""
        kind = Kind(stat.S_IFMT(found.st_mode))
        folder = kind is Kind.FOLDER
        return cls(
            kind,
            stat.S_IMODE(found.st_mode),
            found.st_uid,
            found.st_gid,
            None if folder else found.st_nlink,
            None if folder else found.st_size,
            found.st_mtime_ns,
        )

    def agrees(self, seen: Attributes) -> bool:
        """Whether all that is known of this is so in `seen`."""
        return all(mine is None or mine == getattr(seen, name) for name, mine in vars(self).items())


@dataclass(eq=False)
class Node:
    """A file, folder or symlink, by whatever names. `mtime_ns` is None where the file system set it."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    links: int = 0
    content: bytearray = field(default_factory=bytearray)
    target: str = ""
    children: dict[str, Node] = field(default_factory=dict)
    xattrs: dict[str, bytes] = field(default_factory=dict)
    mtime_ns: int | None = None

    @property
    def attributes(self) -> Attributes:
        """What stat() must tell."""
        size = len(os.fsencode(self.target)) if self.kind is Kind.SYMLINK else len(self.content)
        folder = self.kind is Kind.FOLDER
        links = None if folder else self.links
        return Attributes(self.kind, self.mode, self.uid, self.gid, links, None if folder else size, self.mtime_ns)

    def resize(self, size: int) -> None:
        """Cut off what is behind, or grow with zeroes."""
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        self.mtime_ns = None

    def put(self, offset: int, data: bytes) -> None:
        """Write; what lies between the old end and the offset is zeroes."""
        if offset > len(self.content):
            self.resize(offset)
        self.content[offset : offset + len(data)] = data
        self.mtime_ns = None


@dataclass(eq=False)
class OpenFile:
    """An open file description."""

    node: Node
    flags: int
    position: int = 0

    @property
    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self.flags & os.O_ACCMODE != os.O_WRONLY

    @property
    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self.flags & os.O_ACCMODE != os.O_RDONLY

    @property
    def appends(self) -> bool:
        """Whether each write goes to the end."""
        return bool(self.flags & os.O_APPEND)


def refuse(code: int) -> NoReturn:
    """What the file system must refuse."""
    raise OSError(code, os.strerror(code))


@dataclass(eq=False)
class World:
    """One way in which all can be. Where it is not known whether an operation was done there are two."""

    umask: int
    root: Node = field(default_factory=lambda: Node(Kind.FOLDER, 0o755, os.geteuid(), os.getegid()))
    handles: dict[int, OpenFile] = field(default_factory=dict)

    def another(self) -> World:
        """A world that is the same for now."""
        return copy.deepcopy(self)

    def find(self, path: Path) -> Node:
        """What the path leads to; a symlink itself. Raises OSError where there is nothing."""
        node = self.root
        for depth, name in enumerate(path):
            if node.kind is Kind.SYMLINK:
                node = self.follow(path[:depth])
            if node.kind is not Kind.FOLDER:
                refuse(errno.ENOTDIR)
            if name not in node.children:
                refuse(errno.ENOENT)
            node = node.children[name]
        return node

    def follow(self, path: Path) -> Node:
        """The same, behind symlinks, whose targets are names in their own folder."""
        for _ in range(SYMLINKS_MOST + 1):
            node = self.find(path)
            if node.kind is not Kind.SYMLINK:
                return node
            path = (*path[:-1], node.target)
        refuse(errno.ELOOP)

    def folder_of(self, path: Path) -> Node:
        """The folder that the path's last name is in."""
        folder = self.follow(path[:-1])
        if folder.kind is not Kind.FOLDER:
            refuse(errno.ENOTDIR)
        return folder

    def readable(self, number: int) -> OpenFile:
        """An open file that can be read."""
        opened = self.handles[number]
        return opened if opened.readable else refuse(errno.EBADF)

    def writable(self, number: int, code: int = errno.EBADF) -> OpenFile:
        """An open file that can be written to; the error where it cannot."""
        opened = self.handles[number]
        return opened if opened.writable else refuse(code)

    def has(self, path: Path) -> bool:
        """Whether the path leads to anything."""
        try:
            self.find(path)
        except OSError:
            return False
        return True

    def make(self, path: Path, kind: Kind, mode: int) -> Node:
        """A new node in a folder. Raises OSError as the file system must."""
        folder = self.folder_of(path)
        if path[-1] in folder.children:
            refuse(errno.EEXIST)
        node = Node(kind, mode if kind is Kind.SYMLINK else mode & ~self.umask, os.geteuid(), os.getegid())
        if folder.mode & stat.S_ISGID:
            node.gid = folder.gid
            node.mode |= stat.S_ISGID if kind is Kind.FOLDER else 0
        self.enter(path, node)
        return node

    def enter(self, path: Path, node: Node) -> None:
        """Give a node a name; the one that had it is out."""
        folder = self.folder_of(path)
        if path[-1] in folder.children:
            folder.children[path[-1]].links -= 1
        folder.children[path[-1]] = node
        folder.mtime_ns = None
        node.links += 1

    def remove(self, path: Path) -> None:
        """Take a name away."""
        folder = self.folder_of(path)
        folder.children.pop(path[-1]).links -= 1
        folder.mtime_ns = None

    def walk(self) -> Iterator[tuple[Path, Node]]:
        """Each name with its node, folders before what is in them; without the root."""
        waiting: list[tuple[Path, Node]] = [((), self.root)]
        while waiting:
            path, folder = waiting.pop()
            for name, node in folder.children.items():
                yield (*path, name), node
                if node.kind is Kind.FOLDER:
                    waiting.append(((*path, name), node))
