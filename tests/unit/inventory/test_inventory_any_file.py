"""Whatever stands in a file, the answer is an inventory or an InventoryError that says where."""

import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.inventory.loader import loads
from orchestrator.inventory.problems import InventoryError

INVENTORIES = Path(__file__).parents[3] / "inventories"
COMMENT = re.compile(r"(?m)^\s*#.*\n|\s+#.*$")
TEXTS = [COMMENT.sub("", path.read_text()) for path in sorted(INVENTORIES.glob("*.yml"))]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["auto", "alpha", "alpha.mem0", "2-5,8", "9-1", "3b:00.0", "198.18.0.1/30", "~x/y", "memif", "wire"]
    ),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))


def load_or_say_where(text: str) -> None:
    error = None
    try:
        loads(text, "f.yml")
    except InventoryError as caught:
        error = caught
    if error is not None:
        assert error.problems
        last = len(text.splitlines()) + 1
        assert all(1 <= problem.line <= last for problem in error.problems)
        assert len(str(error).splitlines()) == len(error.problems)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def changed(value: object, path: tuple[Any, ...], action: str, new: object) -> object:
    """`value` with what stands at `path` replaced by, dropped for, doubled or renamed to `new`."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        items = [changed(item, rest, action, new) if i == head and rest else item for i, item in enumerate(value)]
        if not rest:
            items[head : head + 1] = {"drop": [], "double": [value[head]] * 2}.get(action, [new])
        return items
    assert isinstance(value, dict)
    if rest:
        return {key: changed(item, rest, action, new) if key == head else item for key, item in value.items()}
    if action == "rename":
        return {str(new) if key == head else key: item for key, item in value.items()}
    return {key: new if key == head else item for key, item in value.items() if key != head or action != "drop"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_changed_values_of_a_valid_file(data: st.DataObject) -> None:
    tree = yaml.safe_load(data.draw(st.sampled_from(TEXTS)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(tree)))
        action = data.draw(st.sampled_from(["replace", "drop", "double", "rename"]))
        tree = changed(tree, path, action, data.draw(values))
    load_or_say_where(yaml.safe_dump(tree, allow_unicode=data.draw(st.booleans())))


@settings(max_examples=60, deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    at=st.floats(0, 1),
    length=st.integers(0, 20),
    piece=st.text(max_size=8) | st.sampled_from(["&a ", "*a", "!!", "<<: ", "? ", "- ", "\t", "{", "]", "|", "#", "'"]),
)
def test_changed_characters_of_a_valid_file(text: str, at: float, length: int, piece: str) -> None:
    start = int(at * len(text))
    load_or_say_where(text[:start] + piece + text[start + length :])


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text(text: str) -> None:
    load_or_say_where(text)
