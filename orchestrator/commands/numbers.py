"""Numbers from the command line, where they are text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.errors import UsageError

T = TypeVar("T", int, float)


def whole(option: str, text: str) -> int:
    """A whole number. Raises UsageError naming the option."""
    return _read(int, "a whole number", option, text)


def optional_whole(option: str, text: str | None) -> int | None:
    """The same, for an option that may be left out."""
    return None if text is None else whole(option, text)


def number(option: str, text: str) -> float:
    """A number. Raises UsageError naming the option."""
    return _read(float, "a number", option, text)


def optional_number(option: str, text: str | None) -> float | None:
    """The same, for an option that may be left out."""
    return None if text is None else number(option, text)


def _read(kind: Callable[[str], T], what: str, option: str, text: str) -> T:
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not {what}", remedy=f"such as {option} 8") from None
