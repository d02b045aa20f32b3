"""A YAML file as plain data plus the line of every key and list item.

Scalars are read by YAML 1.2's core rules, not by PyYAML's 1.1 ones: there an unquoted `03:00.0` is the number 180,
`10:20:30:40:50:51` a count of seconds, and `no` means false. None of these can be meant in an inventory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from orchestrator.errors import UsageError
from orchestrator.inventory.problems import InventoryError, Problem

Location = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_NODES = 50_000
MAX_DEPTH = 40
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass
class Source:
    """A parsed file. `lines` maps a location (keys and list indices from the top) to its line, counted from 1."""

    file: str
    data: object = None
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def known(self, location: Location) -> Location:
        """The innermost part of `location` that stands in the file.

        Words that are no keys of the file are passed over: pydantic puts the names of a union's cases in between.
        """
        place: Location = ()
        for part in location:
            if (*place, part) in self.lines:
                place = (*place, part)
            elif isinstance(part, int):
                break
        return place

    def line(self, location: Location) -> int:
        """Line of `location`, or of what surrounds it where it is not in the file."""
        return self.lines.get(self.known(location), 1)

    def value(self, location: Location) -> object:
        """What stands at `location`. Raises KeyError or IndexError."""
        value: object = self.data
        for part in location:
            if not isinstance(value, dict | list):
                raise KeyError(location)
            value = value[part]  # type: ignore[index]  # a location of this file: ints stand in lists only
        return value

    def report(self, location: Location, what: str, instead: str) -> None:
        """Add a problem at the line of `location`."""
        self.problems.append(Problem(self.file, self.line(location), what, instead))


def read(path: Path) -> Source:
    """Read a file; what is wrong with its YAML but leaves the rest readable is in `problems`.

    Raises InventoryError if it is not YAML at all, UsageError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the inventory {path}: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MiB", remedy="name an inventory file")
    return parse(raw, str(path))


def parse(raw: bytes, file: str) -> Source:
    """As `read`, from the bytes of a file."""
    source = Source(file)
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(source, line, "the file is not UTF-8 text", "save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise _unreadable(
            source, mark.line + 1 if mark else 1, f"not valid YAML ({what})", "correct the syntax of this line"
        ) from error
    except yaml.reader.ReaderError as error:
        line = raw.decode("utf-8").count("\n", 0, error.position) + 1
        raise _unreadable(source, line, "a character that YAML does not allow", "remove it") from error
    except RecursionError as error:
        raise _unreadable(source, 1, "lists or mappings are nested too deeply", "write it flatter") from error
    if node is None:
        raise _unreadable(source, 1, "the file is empty", "write at least `hosts:` (see inventories/local.yml)")
    _Reader(source).top(node)
    return source


def _unreadable(source: Source, line: int, what: str, instead: str) -> InventoryError:
    return InventoryError([Problem(source.file, line, what, instead)])


class _Reader:
    """Turns the nodes of one file into data. Holds how many nodes were visited: aliases can multiply them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._visited = 0

    def top(self, node: yaml.Node) -> None:
        self._source.lines[()] = node.start_mark.line + 1
        self._source.data = self._value(node, (), ())

    def _value(self, node: yaml.Node, location: Location, parents: tuple[int, ...]) -> object:
        line = node.start_mark.line + 1
        self._visited += 1
        if self._visited > MAX_NODES or len(parents) > MAX_DEPTH:
            raise _unreadable(self._source, line, "too many or too deeply nested values", "write them without aliases")
        if id(node) in parents:
            raise _unreadable(self._source, line, "an alias that contains itself", "write the value out")
        inside = (*parents, id(node))
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._source.problems.append(
                Problem(self._source.file, line, f"the tag {node.tag} has no meaning here", "leave it out")
            )
        if isinstance(node, yaml.MappingNode):
            return {key: self._value(value, (*location, key), inside) for key, value in self._entries(node, location)}
        if isinstance(node, yaml.SequenceNode):
            items: list[object] = []
            for index, item in enumerate(node.value):
                self._source.lines[(*location, index)] = item.start_mark.line + 1
                items.append(self._value(item, (*location, index), inside))
            return items
        return scalar(node)

    def _entries(self, node: yaml.MappingNode, location: Location) -> Iterator[tuple[str, yaml.Node]]:
        """Keys and values of a mapping. Keys are text; one that is there twice keeps its first value."""
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(line, "a key that is a list or mapping", "write a word as key")
                continue
            key = key_node.value
            if key_node.tag.endswith(":merge"):
                self._report(line, "merge keys (<<) are not understood", "write the keys out")
            elif key in seen:
                self._report(line, f"key `{key}` is there twice (first on line {seen[key]})", "remove one of the two")
            else:
                seen[key] = line
                self._source.lines[(*location, key)] = line
                yield key, value

    def _report(self, line: int, what: str, instead: str) -> None:
        self._source.problems.append(Problem(self._source.file, line, what, instead))


def scalar(node: yaml.Node) -> bool | int | float | str | None:
    """The value of a scalar by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema)."""
    text = str(node.value)
    if getattr(node, "style", None) is not None or node.tag.endswith(":str"):
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"0x[0-9a-fA-F]{1,15}", text):
        return int(text, 16)
    if re.fullmatch(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?", text) and len(text) < 40:
        return float(text)
    return text
