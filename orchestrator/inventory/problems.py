"""What is wrong with an inventory file: each problem with its line, all of them in one error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.errors import UsageError


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands, what it is, and what to write instead (`instead` begins with its verb)."""

    file: str
    line: int
    what: str
    instead: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.what} - {self.instead}"
        # Names from the file may hold line breaks or control characters; a problem is one line.
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class InventoryError(UsageError):
    """An inventory that cannot be used: every problem of the file, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the inventory")

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was most likely meant to be, or None if nothing is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def choose(name: str, known: Iterable[str]) -> str:
    """Advice that names the closest of `known` first and then all of them."""
    names = tuple(dict.fromkeys(known))
    if not names:
        return "remove it"
    near = closest(name, names)
    listed = ", ".join(names)
    return f"write {near} (there are: {listed})" if near and len(names) > 1 else f"write {near or f'one of: {listed}'}"
