"""The run: operations one after another, each held against every world that can still be the real one."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from torture import attributes, data, names, opening, ranges
from torture.comparison import difference, mismatch
from torture.drawing import Draws, Operation, Place, short
from torture.tree import Attributes, World

KINDS: tuple[type[Operation], ...] = (
    opening.Create, opening.Open, opening.Close, opening.Fsync, opening.Truncate,
    data.PWrite, data.Write, data.Append, data.PRead, data.Read,
    ranges.Allocate, ranges.Copy, ranges.Map,
    names.Mkdir, names.Rmdir, names.Unlink, names.Rename, names.Replace, names.Link, names.Symlink, names.Readlink,
    attributes.Chmod, attributes.Chown, attributes.Utime, attributes.SetXattr, attributes.LookXattrs,
    attributes.Stat, attributes.List, attributes.Statfs,
)  # fmt: skip
"""Each is done as often as any other."""
UNKNOWN = frozenset({errno.EIO, errno.ETIMEDOUT})
"""With these an operation may have been done, or not."""
WORLDS_MOST = 64
LAST = 30
TRIES = 4
OPEN_FILES = frozenset({"number", "source", "target", "of"})
"""What operations call the numbers of open files."""
PATIENCE_S = 30.0


def kinds_drawn(*, restarts: bool) -> tuple[type[Operation], ...]:
    """Those that a run does: a page of a mapping that cannot be read for a restart would end it by SIGBUS."""
    return tuple(kind for kind in KINDS if not restarts or kind is not ranges.Map)


class Wrong(AssertionError):
    """The file system did what it must not; the text tells seed, operation and what came before."""


@dataclass(frozen=True)
class Result:
    """What came of an operation: an error, or a value."""

    error: int = 0
    value: object = None

    @classmethod
    def of(cls, call: Callable[[], object]) -> Result:
        """Call, and keep the error that it raises."""
        try:
            return cls(0, call())
        except OSError as refused:
            if refused.errno is None:
                raise
            return cls(refused.errno)

    @property
    def unknown(self) -> bool:
        """Whether it may have been done or not."""
        return self.error in UNKNOWN

    def agrees(self, seen: Result) -> bool:
        """Whether what was seen is what this, which must be, allows."""
        if self.error == seen.error and isinstance(self.value, Attributes) and isinstance(seen.value, Attributes):
            return self.value.agrees(seen.value)
        return self == seen

    def text(self) -> str:
        """For people: long values are cut."""
        return errno.errorcode.get(self.error, str(self.error)) if self.error else short(self.value)


@dataclass
class Report:
    """What a run did."""

    seed: int
    operations: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    lost: int = 0
    comparisons: int = 0
    slowest_s: float = 0.0
    took_s: float = 0.0

    @property
    def total(self) -> int:
        """Operations of all kinds."""
        return self.operations.total()

    def add(self, other: Report) -> None:
        """Another one that ran at the same time."""
        self.operations += other.operations
        self.refused += other.refused
        self.unknown += other.unknown
        self.lost += other.lost
        self.comparisons += other.comparisons
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.took_s = max(self.took_s, other.took_s)

    def share(self, kind: type[Operation]) -> float:
        """Of all operations."""
        return self.operations[kind.__name__] / self.total


@dataclass
class Checker:
    """Runs operations in a folder that is empty and that nobody else touches."""

    place: Place
    seed: int
    compare_every: int = 10_000
    restarts: bool = False
    """Whether what serves the folder may begin anew: a file without a name may be ESTALE then, though it is open."""
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        umask = os.umask(0)
        os.umask(umask)
        self.worlds = [World(umask)]
        self.draws = Draws(random.Random(self.seed), self.worlds[0])  # noqa: S311 (to be repeated, not to be secret)
        self.report = Report(self.seed)
        self.last: deque[str] = deque(maxlen=LAST)

    def run(self, operations: int, deadline_s: float = float("inf")) -> Report:
        """So many operations, then a whole comparison. Raises Wrong, also where it takes longer than the deadline."""
        dealt = self._deal()
        while self.report.total < operations:
            self._do_one(next(dealt))
            if self.report.total % self.compare_every == 0 or len(self.worlds) > WORLDS_MOST:
                self.compare()
            self.report.took_s = time.monotonic() - self.begun
            if self.report.took_s > deadline_s:
                raise self._wrong(f"{self.report.total} of {operations} operations took longer than {deadline_s:.0f} s")
        self.compare()
        return self.report

    def _deal(self) -> Iterator[type[Operation]]:
        """Each kind once, in an order drawn anew each time."""
        while True:
            # The names and the files that opening adds by itself are taken away as well.
            deck: list[type[Operation]] = [*kinds_drawn(restarts=self.restarts), opening.Close, names.Unlink]
            self.draws.rng.shuffle(deck)
            yield from deck

    def _do_one(self, kind: type[Operation]) -> None:
        """One of the kind, and before it what it needs, such as a file that is open for it."""
        for _ in range(TRIES):
            operation = kind.draw(self.draws)
            self.step(operation)
            if type(operation) is kind:
                return

    def step(self, operation: Operation) -> None:
        """Do it in the file system and in every world; one in which something else must come is not the real one."""
        before = time.monotonic()
        seen = Result.of(partial(operation.perform, self.place))
        self.report.slowest_s = max(self.report.slowest_s, time.monotonic() - before)
        kind = type(operation).__name__
        self.report.operations[kind] += 1
        self.report.refused[kind] += bool(seen.error)
        self.last.append(f"{operation} -> {seen.text()}")
        if seen.error == errno.ESTALE and self._lost(operation):
            return
        if seen.unknown:
            self.report.unknown += 1
            self._fork(operation)
            return
        wanted = [(world, Result.of(partial(operation.expect, world))) for world in self.worlds]
        left = [world for world, result in wanted if result.agrees(seen)]
        if not left:
            raise self._wrong(_disagreement(seen, wanted[0][1]))
        self._go_on_with(left)

    def _fork(self, operation: Operation) -> None:
        """It was done or it was not; in either case nothing was opened and no position has moved."""
        worlds = self.worlds
        if operation.changes:
            done = [world.another() for world in worlds]
            done = [world for world in done if not Result.of(partial(operation.expect, world)).error]
            worlds = [*worlds, *done]
        positions = {number: opened.position for number, opened in self.worlds[0].handles.items()}
        for world in worlds:
            world.handles = {number: world.handles[number] for number in self.place.descriptors}
            for number, opened in world.handles.items():
                opened.position = positions[number]
        self._go_on_with(worlds)
        if operation.changes:
            self._tell_sizes()

    def _tell_sizes(self) -> None:
        """Have the kernel learn the sizes of what is open. It computes the position after an append from the size that
        it knows (docs/store-file-system.md), and of an operation that failed, and was done, it knows nothing.
        """
        for descriptor in self.place.descriptors.values():
            self._patiently(partial(_learn_size, descriptor))

    def _lost(self, operation: Operation) -> bool:
        """Whether that may be, for a file that the operation is about; it is closed then."""
        values = [value for name, value in vars(operation).items() if name in OPEN_FILES]
        numbers = [value for value in values if isinstance(value, int) and self.restarts]
        numbers = [number for number in numbers if any(w.handles[number].node.links == 0 for w in self.worlds)]
        for number in numbers:
            self._forget(number)
        return bool(numbers)

    def _forget(self, number: int) -> None:
        self.report.lost += 1
        with contextlib.suppress(OSError, KeyError):  # a close() that failed has closed it
            os.close(self.place.descriptors.pop(number))
        for world in self.worlds:
            del world.handles[number]

    def compare(self) -> None:
        """Hold the whole tree against the worlds; one is left."""
        self.report.comparisons += 1
        differences = []
        for world in self.worlds:
            found = difference(world, self.place, self._patiently, restarts=self.restarts)
            if not found:
                self._go_on_with([world])
                return
            differences.append(found)
        raise self._wrong("the tree is another one: " + "; or ".join(differences[:3]))

    def _patiently(self, look: Callable[[], str]) -> str:
        """Look again where looking itself failed as it may."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return look()
            except OSError as failed:
                if failed.errno not in UNKNOWN or time.monotonic() > end:
                    raise self._wrong(f"could not be compared: {failed}") from failed

    def _go_on_with(self, worlds: list[World]) -> None:
        self.worlds = worlds
        self.draws.world = worlds[0]

    def _wrong(self, what: str) -> Wrong:
        last = "\n  ".join(self.last)
        return Wrong(f"seed {self.seed}, operation {self.report.total}: {what}\nThe last operations:\n  {last}")


def _learn_size(descriptor: int) -> str:
    try:
        os.fstat(descriptor)
    except OSError as failed:
        if failed.errno != errno.ESTALE:  # of a file without a name: the next operation on it tells
            raise
    return ""


def _disagreement(seen: Result, wanted: Result) -> str:
    if isinstance(seen.value, bytes) and isinstance(wanted.value, bytes):
        return mismatch(wanted.value, seen.value)
    return f"came {seen.text()}, must be {wanted.text()}"
