"""The host's processes, as /proc shows them: who descends from whom, and who was started with what."""

from __future__ import annotations

import contextlib
import os


def children_of(pid: int) -> list[int]:
    """Direct children of a process, by the kernel's list where it has one and else by a walk through /proc."""
    try:
        found = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += [int(word) for word in file.read().split()]
        return found
    except FileNotFoundError:
        return [child for child, parent in parents().items() if parent == pid]
    except (ProcessLookupError, PermissionError):
        return []


def parents() -> dict[int, int]:
    """Parent of every process that can be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # it ended while we looked
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found = children_of(pid)
    for child in found:
        found += children_of(child)
    return found


def has_environment(pid: int, entry: str) -> bool:
    """Whether a process was started with exactly this `NAME=value`; not if it ended, or is not ours to read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return entry.encode() in file.read().split(b"\0")
    except OSError:
        return False


def with_environment(entry: str) -> list[int]:
    """Every process, but this one, whose environment holds exactly this `NAME=value`."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and has_environment(pid, entry)]


def send_signal(pid: int, number: int, group: bool = False) -> None:
    """Signal a process, or its group; one that has gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)
