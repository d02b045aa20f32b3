"""Numbers from the command line, where they are text."""

from __future__ import annotations

from orchestrator.errors import UsageError


def whole(option: str, text: str) -> int:
    """A whole number. Raises UsageError naming the option."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a whole number", remedy=f"such as {option} 8") from None


def optional_whole(option: str, text: str | None) -> int | None:
    """The same, for an option that may be left out."""
    return None if text is None else whole(option, text)


def number(option: str, text: str) -> float:
    """A number. Raises UsageError naming the option."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a number", remedy=f"such as {option} 8") from None


def optional_number(option: str, text: str | None) -> float | None:
    """The same, for an option that may be left out."""
    return None if text is None else number(option, text)
