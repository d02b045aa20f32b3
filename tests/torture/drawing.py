"""What an operation is, and how its arguments are drawn: mostly such that it can be done, sometimes not."""

from __future__ import annotations

import contextlib
import os
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torture.tree import Kind, OpenFile, Path, World

SIZE_MOST = 1 << 18
"""Bytes of a file: a write of all of it is one request."""
SIZES = (1, 7, 100, 511, 512, 513, 4095, 4096, 4097, 10_000, 33_000)
DEPTH_MOST = 3
ENTRIES_FEW, ENTRIES_MANY, HANDLES_MANY = 60, 200, 40
NAMES = (
    *(f"n{i}" for i in range(24)),
    "with space", "new\nline", "häß—lich", "-dash", ".hidden", "\udcff\udc80 bytes", "x" * 255, "y" * 254,
)  # fmt: skip


@dataclass
class Place:
    """Where operations are really done: a folder, and the descriptors of what is open there."""

    root: str
    descriptors: dict[int, int] = field(default_factory=dict)

    def at(self, path: Path) -> str:
        """The path in the file system."""
        return "/".join((self.root, *path))

    def close(self) -> None:
        """Close all that is open, whatever close() says of it."""
        while self.descriptors:
            with contextlib.suppress(OSError):
                os.close(self.descriptors.popitem()[1])


class Operation(ABC):
    """One system call (or few that belong together), by the model and in reality.

    Both raise OSError for what is refused, and give the same value where the world is the real one. `expect` changes
    the world only where it does not raise.
    """

    changes: ClassVar[bool] = True
    """Whether anything but the position of an open file may be other after it."""

    @classmethod
    @abstractmethod
    def draw(cls, draws: Draws) -> Operation:
        """One with drawn arguments; of another kind where nothing is there to do it with."""

    @abstractmethod
    def expect(self, world: World) -> object:
        """Do it in the model."""

    @abstractmethod
    def perform(self, place: Place) -> object:
        """Do it in the file system."""

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={short(value)}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


def short(value: object) -> str:
    """A value for people: a path as one, of long names and bytes what tells them apart."""
    match value:
        case bytes():
            return f"{len(value)} bytes {value[:8].hex(' ')}"
        case tuple() if value and all(isinstance(name, str) for name in value):
            return "/".join(ascii(name[:16])[1:-1] for name in value)
        case _:
            return repr(value) if len(repr(value)) < 300 else f"{value!r:.300}..."


@dataclass
class Draws:
    """Draws arguments for operations in a world."""

    rng: random.Random
    world: World
    opened: int = 0

    def chance(self, share: float) -> bool:
        """True in this share of calls."""
        return self.rng.random() < share

    def number(self) -> int:
        """A number for a file that is to be opened."""
        self.opened += 1
        return self.opened

    def keeps(self) -> bool:
        """Whether a file stays open."""
        return len(self.world.handles) < HANDLES_MANY

    def paths(self, *kinds: Kind) -> list[Path]:
        """Paths of all that is there of these kinds."""
        return [path for path, node in self.world.walk() if node.kind in kinds]

    def existing(self, *kinds: Kind, removes: bool = False) -> Path:
        """A path of one of the kinds; sometimes any path at all, also one that is not there."""
        paths = self.paths(*kinds)
        spare = removes and len(paths) < ENTRIES_FEW // 2 and self.chance(0.5)
        if not paths or spare or self.chance(0.02):
            return self.any()
        return self.rng.choice(paths)

    def any(self) -> Path:
        """A name in some folder, there or not."""
        folders = [path for path in self.paths(Kind.FOLDER) if len(path) <= DEPTH_MOST]
        return (*self.rng.choice([(), *folders]), self.rng.choice(NAMES))

    def free(self) -> Path:
        """A path for something new; sometimes it is there already, more often where there is much."""
        many = sum(1 for _ in self.world.walk()) > ENTRIES_MANY
        path = self.any()
        if self.chance(0.4 if many else 0.03):
            return self.existing(*Kind)
        for _ in range(20):
            if not self.world.has(path):
                break
            path = self.any()
        return path

    def handle(self, fits: Callable[[OpenFile], bool]) -> int | None:
        """An open file that fits; sometimes any. None where there is none."""
        handles = self.world.handles
        if self.chance(0.02) and handles:
            return self.rng.choice(list(handles))
        fitting = [number for number, opened in handles.items() if fits(opened)]
        return self.rng.choice(fitting) if fitting else None

    def size(self) -> int:
        """Bytes to read or write."""
        if self.chance(0.03):
            return self.rng.randrange(1, SIZE_MOST)
        return self.rng.choice(SIZES) if self.chance(0.5) else self.rng.randrange(1, 8192)

    def data(self) -> bytes:
        """Bytes that no other write has."""
        return self.rng.randbytes(self.size())

    def offset(self, opened: OpenFile | None, size: int) -> int:
        """Where to write so many bytes: somewhere in the file, at its end, or behind."""
        length = len(opened.node.content) if opened is not None else 0
        behind = self.rng.choice((0, 0, 0, 1, 4096, 100_000))
        offset = self.rng.randrange(length + behind + 1)
        if self.chance(0.3):
            offset &= ~4095
        return max(0, min(offset, SIZE_MOST - size))

    def shorter(self, opened: OpenFile | None, data: bytes) -> bytes:
        """The data, as far as a file that it is appended to may become so large."""
        length = len(opened.node.content) if opened is not None else 0
        return data[: max(1, SIZE_MOST - length)]
