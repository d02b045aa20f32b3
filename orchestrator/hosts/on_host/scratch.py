"""Take away what killed stores left: mounts that nobody answers any more, and folders that nobody has open.

Argument: {"fstype": of our mounts, "memory": the tmpfs, "prefix": start of the names of our folders in it}. Answer:
{"unmounted": [path], "removed": [path]}.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import shutil
import sys
from typing import Any

MNT_DETACH = 2


def mounts_of(fstype: str) -> list[str]:
    """Where file systems of a type are mounted."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.split(" ") for line in file]
    return [words[1].replace("\\040", " ") for words in lines if words[2] == fstype]


def dead(path: str) -> bool:
    """Whether the program that served a FUSE mount has ended."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def unmount(path: str) -> bool:
    """Take a mount away; False if it is gone already."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.umount2(os.fsencode(path), MNT_DETACH) == 0)


def open_paths() -> set[str]:
    """What processes have open or as their working directory."""
    found = set()
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        links = ["/proc/" + pid + "/cwd"]
        with contextlib.suppress(OSError):
            links += ["/proc/" + pid + "/fd/" + name for name in os.listdir("/proc/" + pid + "/fd")]
        for link in links:
            with contextlib.suppress(OSError):
                found.add(os.readlink(link))
    return found


def left_folders(memory: str, prefix: str) -> list[str]:
    """Folders of ours in the tmpfs that nobody has open."""
    try:
        names = sorted(name for name in os.listdir(memory) if name.startswith(prefix))
    except OSError:
        return []
    folders = [path for path in (os.path.join(memory, name) for name in names) if os.path.isdir(path)]
    in_use = open_paths() if folders else set()
    return [path for path in folders if not any(used == path or used.startswith(path + "/") for used in in_use)]


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Clean everything; see the top of this file."""
    if not arguments["prefix"]:
        sys.exit("an empty prefix would match the folders of others")
    unmounted = [path for path in mounts_of(arguments["fstype"]) if dead(path) and unmount(path)]
    removed = []
    for path in left_folders(arguments["memory"], arguments["prefix"]):
        shutil.rmtree(path, ignore_errors=True)
        removed.append(path)
    return {"unmounted": unmounted, "removed": removed}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
