"""From a YAML file to an `Inventory`, or to one error that lists everything that is wrong with the file.

bytes -> Source (data + lines) -> pydantic (each value) + checks (across values) -> Inventory | InventoryError
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.errors import UsageError
from orchestrator.inventory.checks import check
from orchestrator.inventory.draft import draft
from orchestrator.inventory.model import Inventory
from orchestrator.inventory.problems import InventoryError, choose, closest
from orchestrator.inventory.source import Location, Source, parse, read
from orchestrator.inventory.wording import keys_of, model_at, thing, wording_at


def load(path: Path) -> Inventory:
    """Read and check an inventory file.

    Raises InventoryError with every problem of the file, UsageError if the file cannot be read.
    """
    return _understand(read(path))


def loads(text: str, file: str = "<text>") -> Inventory:
    """As `load`, from text; `file` is the name that errors give. Raises InventoryError."""
    return _understand(parse(text.encode("utf-8", "surrogatepass"), file))


def find(name_or_path: str, folder: Path) -> Path:
    """The file of an inventory: a path, or NAME for `folder`/NAME.yml.

    Raises UsageError that lists the inventories there are, the closest first.
    """
    if "/" in name_or_path or name_or_path.endswith((".yml", ".yaml")):
        path = Path(name_or_path)
    else:
        path = folder / f"{name_or_path}.yml"
    if _is_file(path):
        return path
    names = sorted(path.stem for path in folder.glob("*.yml"))
    near = closest(Path(name_or_path).name.removesuffix(".yml"), names)
    listed = f"there are: {', '.join(names)}" if names else f"there is none in {folder}"
    raise UsageError(
        f"there is no inventory {name_or_path!r}",
        remedy=f"did you mean {near}? ({listed})" if near else f"name an inventory or a path ({listed})",
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no such file can be there: its name is too long, or a folder may not be entered
        return False


def _understand(source: Source) -> Inventory:
    inventory: Inventory | None = None
    try:
        inventory = Inventory.model_validate(source.data)
    except ValidationError as error:
        _report(source, error.errors(include_url=False))
    check(draft(source))
    if source.problems or inventory is None:
        raise InventoryError(source.problems)
    return inventory


def _report(source: Source, errors: list[ErrorDetails]) -> None:
    """Say pydantic's errors in the words of those who write inventories, one for each place."""
    told: set[Location] = set()
    for error in sorted(errors, key=lambda error: -len(source.known(error["loc"]))):
        missing = error["type"] == "missing"
        at: Location = error["loc"]
        place = source.known(at)
        # What is said of a part need not be said again of the whole ("too few valid items", "no case of the union").
        if place in told and not missing:
            continue
        told.update(place[:length] for length in range(len(place) + 1))
        if error["type"] == "extra_forbidden" or at[-1:] == ("[key]",):
            _report_unknown_key(source, place)
        elif missing and isinstance(source.value(place), dict) and len(at) == len(place) + 1:
            model = model_at(place)
            key = str(at[-1])
            source.report(place, f"{thing(model)} has no `{key}`", f"write `{key}` ({wording_at((*place, key)).noun})")
        elif not place:
            source.report((), "the file does not hold keys and values", "write `hosts:` and what else there is")
        else:
            wording = wording_at(place)
            source.report(
                place, f"{_key(place)}{_shown(source.value(place))} is not {wording.noun}", f"write {wording.example}"
            )


def _report_unknown_key(source: Source, place: Location) -> None:
    key = str(place[-1])
    model = model_at(place[:-1])
    if place[:-1] == ("roles",):
        source.report(place, f"unknown role `{key}`", choose(key, ("sut", "generator")))
        return
    known = keys_of(model)
    near = closest(key, known)
    listed = ", ".join(known)
    instead = f"write {near} (its keys: {listed})" if near else f"leave it out (its keys: {listed})"
    source.report(place, f"{thing(model)} has no key `{key}`", instead)


def _key(place: Location) -> str:
    return f"{next(part for part in reversed(place) if isinstance(part, str))}: "


def _shown(value: object) -> str:
    """A value as an error shows it: short, in YAML's words and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
