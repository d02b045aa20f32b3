"""Read and change one hugepage pool of the kernel, each read-modify-write under one lock.

Argument: {"action": "read" | "add" | "remove", "root", "size_kb", "node": int | null, "lock": path, ...}.
* read: nothing else.
* add: "nr", "free" as read before, and "added": pages to add. Written only if both still stand ("superseded": true
  otherwise); when the kernel gives fewer, the pool is put back and "given" says how many there were.
* remove: "added", and "at_least": remove no more than what lies above this count (null: no such bound). Pages in use
  are never removed.
Answer: {"nr", "free", "reserved", "available_kb", "total_kb"} as they stand afterwards, and what the action adds.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from typing import Any

LOCK_DEADLINE_S = 20.0


class Pool:
    """One pool: pages of one size, of the whole kernel or of one NUMA node."""

    def __init__(self, root: str, size_kb: int, node: int | None) -> None:
        self.root = root
        self.node = node
        top = "sys/kernel/mm" if node is None else f"sys/devices/system/node/node{node}"
        self.folder = os.path.join(root, top, "hugepages", f"hugepages-{size_kb}kB")

    def exists(self) -> bool:
        """Whether the kernel has this size and node."""
        return os.path.isdir(self.folder)

    def number(self, name: str) -> int:
        """One of the pool's counts."""
        with open(os.path.join(self.folder, name)) as file:
            return int(file.read())

    def write(self, pages: int) -> None:
        """Ask the kernel for so many pages; it may give fewer without an error."""
        with open(os.path.join(self.folder, "nr_hugepages"), "w") as file:
            file.write(str(pages))

    def state(self) -> dict[str, int]:
        """Pages there, free for anybody, and reserved; memory in KiB."""
        # Reserved pages are counted as free by the kernel but belong to a mapping; nodes have no count of their own.
        reserved = self.number("resv_hugepages") if self.node is None else 0
        memory = self._memory()
        return {
            "nr": self.number("nr_hugepages"),
            "free": self.number("free_hugepages") - reserved,
            "reserved": reserved,
            "available_kb": memory[0],
            "total_kb": memory[1],
        }

    def _memory(self) -> tuple[int, int]:
        """Memory in KiB that the kernel could give, and all there is, on the node or the whole machine."""
        name = "proc/meminfo" if self.node is None else f"sys/devices/system/node/node{self.node}/meminfo"
        values = {}
        with open(os.path.join(self.root, name)) as file:
            for line in file:
                words = line.split("kB")[0].replace(":", " ").split()
                if words and words[-1].isdigit():
                    values[words[-2]] = int(words[-1])
        if "MemAvailable" in values:
            return values["MemAvailable"], values["MemTotal"]
        return values["MemFree"] + values.get("FilePages", 0), values["MemTotal"]


def add(pool: Pool, nr: int, free: int, added: int) -> dict[str, int | bool]:
    """Add pages if the pool is as it was read; all of them or none."""
    before = pool.state()
    if (before["nr"], before["free"]) != (nr, free):
        return {"superseded": True, **before}
    pool.write(nr + added)
    given = pool.number("nr_hugepages") - nr
    if given != added:
        pool.write(nr)
        return {"superseded": False, "given": max(0, given), **pool.state()}
    return {"superseded": False, "given": given, **pool.state()}


def remove(pool: Pool, added: int, at_least: int | None) -> dict[str, int | bool]:
    """Take away up to `added` pages that nobody uses."""
    before = pool.state()
    wanted = added if at_least is None else min(added, max(0, before["nr"] - at_least))
    give_back = max(0, min(wanted, before["nr"], before["free"]))
    if give_back:
        pool.write(before["nr"] - give_back)
    after = pool.state()
    return {"wanted": wanted, "removed": before["nr"] - after["nr"], **after}


def lock(path: str) -> int:
    """An exclusive lock that ends with this process. Exits with status 1 after a deadline."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_DEADLINE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"{path} is held by another process for {LOCK_DEADLINE_S:.0f} s")
            time.sleep(0.02)


def main(arguments: dict[str, Any]) -> dict[str, int | bool]:
    """Do the action and return the answer; see the top of this file."""
    pool = Pool(arguments["root"], arguments["size_kb"], arguments["node"])
    if not pool.exists():
        return {"missing": True}
    if arguments["action"] == "read":
        return dict(pool.state())
    lock(arguments["lock"])
    if arguments["action"] == "add":
        return add(pool, arguments["nr"], arguments["free"], arguments["added"])
    return remove(pool, arguments["added"], arguments["at_least"])


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
