"""Parameters of scenarios: what `--set key=value` takes, in which unit and range, and how text becomes a value.

A value may be a list, `--set processes=1,2`: each element makes rows of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import UsageError

Value = int | float | str
Settings = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a scenario.

    `default` is a tuple because a default may be a sweep (`processes` 1 and 2). `choices` is for words; `low` and
    `high` (inclusive) are for numbers. `kind` is the type of each value.
    """

    name: str
    kind: type[int] | type[float] | type[str]
    default: tuple[Value, ...]
    help: str
    unit: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    form: str = ""
    """What a text looks like that is none of a few words."""

    @property
    def range(self) -> str:
        """The values that are allowed, for people."""
        if self.choices:
            return " | ".join(self.choices)
        return self.form or f"{_plain(self.low)} to {_plain(self.high)}"

    def parse(self, text: str) -> Value:
        """One value from text. Raises ValueError saying what is allowed."""
        if self.choices:
            if text not in self.choices:
                raise ValueError(f"{self.name}={text} is not one of {', '.join(self.choices)}")
            return text
        try:
            value = self.kind(text)
        except ValueError:
            raise ValueError(f"{self.name}={text} is not a number") from None
        if not isinstance(value, str) and not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{self.name}={text} is out of range: {self.range}{unit}")
        return value


def parse_settings(assignments: Sequence[str], parameters: Sequence[Parameter], scenario: str) -> Settings:
    """Values for every parameter: those that were set, defaults for the others.

    Raises UsageError with everything that is wrong with the assignments in one line.
    """
    known = {parameter.name: parameter for parameter in parameters}
    chosen: dict[str, tuple[Value, ...]] = {}
    problems: list[str] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not text:
            problems.append(f"--set {assignment}: write key=value")
        elif name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
            problems.append(f"--set {assignment}: {scenario} has no parameter {name}; {hint}")
        elif name in chosen:
            problems.append(f"--set {assignment}: {name} is set twice; write {name}=A,B for several values")
        else:
            try:
                values = tuple(known[name].parse(part) for part in text.split(","))
            except ValueError as error:
                problems.append(f"--set {assignment}: {error}")
            else:
                chosen[name] = tuple(dict.fromkeys(values))
    if problems:
        raise UsageError("; ".join(problems), remedy=f"see: invoke describe {scenario}")
    return {name: chosen.get(name, parameter.default) for name, parameter in known.items()}


def explicitly_set(assignments: Sequence[str]) -> frozenset[str]:
    """The names that the user set."""
    return frozenset(assignment.partition("=")[0] for assignment in assignments)


def _plain(number: float) -> str:
    return f"{number:g}" if number < 1e6 else f"{number:.0f}"
