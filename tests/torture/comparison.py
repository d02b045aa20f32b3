"""A whole tree, and all that is open in it, held against the model."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial

from torture.attributes import xattrs_of
from torture.drawing import Place
from torture.tree import Attributes, Kind, Node, OpenFile, Path, World


def difference(world: World, place: Place, patiently: Callable[[Callable[[], str]], str], *, restarts: bool) -> str:
    """The first thing that is other than in the world; empty where all is so.

    `patiently` looks again where it must. `restarts` allows ESTALE of an open file without a name.
    """
    for path, node in [((), world.root), *world.walk()]:
        found = patiently(partial(_of_name, place, path, node))
        if found:
            return f"{'/'.join(path) or '.'!r}: {found}"
    for number, opened in world.handles.items():
        found = patiently(partial(_of_handle, place, number, opened, restarts=restarts))
        if found:
            return f"open file {number}: {found}"
    return ""


def _of_name(place: Place, path: Path, node: Node) -> str:
    where = place.at(path)
    try:
        seen = Attributes.seen(os.lstat(where))
    except FileNotFoundError:
        return "is not there"
    if path and not node.attributes.agrees(seen):
        return f"is {seen}, must be {node.attributes}"
    if path and (xattrs := xattrs_of(where)) != node.xattrs:
        return f"has the attributes {sorted(xattrs)}, must have {sorted(node.xattrs)}, or other values"
    if node.kind is Kind.FOLDER:
        names = sorted(os.listdir(where))
        return "" if names == sorted(node.children) else f"holds {names}, must hold {sorted(node.children)}"
    if node.kind is Kind.SYMLINK:
        return "" if os.readlink(where) == node.target else f"leads to {os.readlink(where)}, must to {node.target}"
    with open(where, "rb", buffering=0) as file:
        return _of_content(file.fileno(), node)


def _of_handle(place: Place, number: int, opened: OpenFile, *, restarts: bool) -> str:
    descriptor = place.descriptors[number]
    try:
        seen = Attributes.seen(os.fstat(descriptor))
        if not opened.node.attributes.agrees(seen):
            return f"is {seen}, must be {opened.node.attributes}"
        return _of_content(descriptor, opened.node) if opened.readable else ""
    except OSError as failed:
        if failed.errno == errno.ESTALE and restarts and opened.node.links == 0:
            return ""
        raise


def _of_content(descriptor: int, node: Node) -> str:
    return mismatch(bytes(node.content), os.pread(descriptor, len(node.content) + 1, 0))


def mismatch(wanted: bytes, seen: bytes) -> str:
    """Where bytes differ; empty where they do not."""
    if wanted == seen:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(wanted, seen, strict=False)) if a != b), min(len(wanted), len(seen)))
    around = f"{seen[at : at + 16].hex(' ')} where {wanted[at : at + 16].hex(' ')} must be"
    return f"{len(seen)} bytes where {len(wanted)} must be; from byte {at} on: {around}"
