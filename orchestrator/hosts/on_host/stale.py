"""Remove what killed DPDK runs of ours left behind, after proving that nobody holds it.

Argument: {"prefix": start of our file prefixes, "runtime": folder of the EAL's runtime folders, "hugetlbfs": [mount] or
null for all mounts, "memif": [folder]}. Answer: {"removed": [path], "held": {file prefix: [pid]}}; a pid of 0 is a
process that holds a lock but cannot be seen.

Proof, for everything of one file prefix together: no lock on the runtime folder's `config` (a primary holds it as long
as it lives), no flock on any hugepage or fbarray file (every DPDK process holds shared ones), and no process that
has one of the files open or mapped.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import socket
import stat
import struct
import sys
from typing import Any

FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid


def hugetlbfs_mounts() -> list[str]:
    """Where hugetlbfs is mounted."""
    with open("/proc/self/mounts") as file:
        lines = [line.split(" ") for line in file]
    return [words[1].replace("\\040", " ") for words in lines if words[2] == "hugetlbfs"]


def files_of(prefix: str, runtime: str, mounts: list[str]) -> dict[str, list[str]]:
    """Left-over files by file prefix; those of the runtime folder first."""
    found: dict[str, list[str]] = {}
    for name in entries(runtime):
        folder = os.path.join(runtime, name)
        if name.startswith(prefix) and os.path.isdir(folder) and not os.path.islink(folder):
            found[name] = [os.path.join(folder, entry) for entry in entries(folder)]
    pattern = re.compile(f"({re.escape(prefix)}.*)map_[0-9]+")
    for mount in mounts:
        for name in entries(mount):
            match = pattern.fullmatch(name)
            if match:
                found.setdefault(match.group(1), []).append(os.path.join(mount, name))
    return found


def entries(folder: str) -> list[str]:
    """Names in a folder, sorted; none if there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def lock_holder(path: str) -> int | None:
    """The pid (0: unknown) that holds a lock of either kind on a file; None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        if kind != fcntl.F_UNLCK:
            return max(0, int(pid))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    finally:
        os.close(descriptor)
    return None


def users(identities: dict[tuple[int, int], str]) -> dict[str, set[int]]:
    """File prefixes in use, from the files (device and inode) that processes have open or mapped."""
    found: dict[str, set[int]] = {}
    for pid in entries("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue
        for identity in [*mapped(pid), *opened(pid)]:
            if identity in identities:
                found.setdefault(identities[identity], set()).add(int(pid))
    return found


def mapped(pid: str) -> list[tuple[int, int]]:
    """Device and inode of the files that a process has mapped."""
    found = []
    try:
        with open(f"/proc/{pid}/maps", errors="replace") as file:
            for line in file:
                words = line.split(None, 5)
                if len(words) > 4 and words[4] != "0":
                    major, minor = words[3].split(":")
                    found.append((os.makedev(int(major, 16), int(minor, 16)), int(words[4])))
    except OSError:
        return found  # it ended meanwhile
    return found


def opened(pid: str) -> list[tuple[int, int]]:
    """Device and inode of the files that a process has open."""
    found = []
    for descriptor in entries(f"/proc/{pid}/fd"):
        try:
            status = os.stat(f"/proc/{pid}/fd/{descriptor}")
        except OSError:
            continue
        found.append((status.st_dev, status.st_ino))
    return found


def identities_of(files: dict[str, list[str]]) -> dict[tuple[int, int], str]:
    """File prefix by device and inode of its files."""
    identities = {}
    for prefix, paths in files.items():
        for path in paths:
            try:
                status = os.lstat(path)
            except OSError:
                continue
            identities[status.st_dev, status.st_ino] = prefix
    return identities


def clean_prefixes(files: dict[str, list[str]], runtime: str) -> tuple[list[str], dict[str, list[int]]]:
    """Remove the files of every prefix that nobody holds."""
    in_use = users(identities_of(files))
    removed: list[str] = []
    held: dict[str, list[int]] = {}
    for prefix, paths in files.items():
        holders = {holder for holder in map(lock_holder, paths) if holder is not None} | in_use.get(prefix, set())
        if holders:
            held[prefix] = sorted(holders)
            continue
        # A process that is just ending may remove its files itself, and one that is just starting makes new ones.
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
                removed.append(path)
        folder = os.path.join(runtime, prefix)
        if os.path.isdir(folder):
            try:
                os.rmdir(folder)
                removed.append(folder)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.ENOENT}:
                    raise
    return removed, held


def clean_sockets(folder: str) -> list[str]:
    """Remove sockets on which nobody listens: connect() says so."""
    removed = []
    for name in entries(folder):
        path = os.path.join(folder, name)
        # The host at the other end of the link sees the same folder, and may be cleaning it at the same time.
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                continue
            os.chdir(folder)  # a socket's path has room for 107 characters only
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
                client.settimeout(2.0)
                if client.connect_ex(name) == errno.ECONNREFUSED:
                    os.unlink(path)
                    removed.append(path)
    return removed


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Clean everything; see the top of this file."""
    prefix, runtime = arguments["prefix"], arguments["runtime"]
    if not prefix:
        sys.exit("an empty prefix would match the files of others")
    mounts = hugetlbfs_mounts() if arguments["hugetlbfs"] is None else arguments["hugetlbfs"]
    removed, held = clean_prefixes(files_of(prefix, runtime, mounts), runtime)
    for folder in arguments["memif"]:
        removed += clean_sockets(folder)
    return {"removed": removed, "held": held}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
