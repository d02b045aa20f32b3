"""What is on stable storage before an answer: seen in the system calls of the server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import system_calls
from support.store_mount import Mount, Mounted
from support.system_calls import trace

ANSWER = re.compile(r"write\((\d+</dev/fuse[^>]*>), ")


@pytest.fixture
def traced(tmp_path: Path) -> Callable[[Mounted, Callable[[], object]], list[str]]:
    """A function that gives the server's system calls while something is done."""
    return lambda store, action: trace(store.process.pid, tmp_path / "trace", "write", action)


def synced_before_answer(calls: list[str], change: str) -> bool:
    return system_calls.synced_before_answer(calls, change, ANSWER)


@pytest.mark.parametrize("flag", [os.O_DSYNC, os.O_SYNC])
@pytest.mark.parametrize("cache", ["none", "auto"])
def test_the_flags_of_a_file_are_honoured_in_log(
    mount: Mount, traced: Callable[..., list[str]], flag: int, cache: str
) -> None:
    store = mount("--durability", "log", "--cache", cache)
    file = os.open(store.at / "file", os.O_WRONLY | os.O_CREAT | flag)
    calls = traced(store, lambda: os.write(file, b"x" * 4096))
    os.close(file)
    wanted = "RWF_SYNC" if flag == os.O_SYNC else "RWF_DSYNC"
    assert any("pwritev2" in call and wanted in call for call in calls)


def test_a_single_write_may_ask_for_it(mount: Mount, traced: Callable[..., list[str]]) -> None:
    store = mount("--durability", "log")
    file = os.open(store.at / "file", os.O_WRONLY | os.O_CREAT)
    calls = traced(store, lambda: os.pwritev(file, [b"x" * 4096], 0, os.RWF_DSYNC))
    assert synced_before_answer(calls, "pwritev2(")
    calls = traced(store, lambda: os.pwritev(file, [b"x" * 4096], 0, 0))
    assert not synced_before_answer(calls, "pwritev2(")
    calls = traced(store, lambda: os.fsync(file))
    assert any("fsync(" in call for call in calls)
    os.close(file)


def do_create(at: Path) -> None:
    (at / "new").touch()


ACTIONS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "write": ("pwritev2(", lambda at: (at / "file").write_bytes(b"new")),
    "truncate": ("ftruncate(", lambda at: os.truncate(at / "file", 3)),
    "chmod": ("fchmodat(", lambda at: (at / "file").chmod(0o600)),
    "chown": ("fchownat(", lambda at: os.chown(at / "file", 1, 1)),
    "create": ("O_CREAT", do_create),
    "mkdir": ("mkdirat(", lambda at: (at / "newfolder").mkdir()),
    "symlink": ("symlinkat(", lambda at: (at / "newlink").symlink_to("file")),
    "link": ("linkat(", lambda at: (at / "other").hardlink_to(at / "file")),
    "rename": ("renameat", lambda at: (at / "file").rename(at / "renamed")),
    "unlink": ("unlinkat(", lambda at: (at / "file").unlink()),
    "rmdir": ("unlinkat(", lambda at: (at / "folder").rmdir()),
    "setxattr": ("setxattr(", lambda at: os.setxattr(at / "file", "user.x", b"1")),
}


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_change_is_synced_in_dsync(mount: Mount, traced: Callable[..., list[str]], kind: str) -> None:
    store = mount("--durability", "dsync")
    (store.at / "file").write_bytes(b"content")
    (store.at / "folder").mkdir()
    call, action = ACTIONS[kind]
    assert synced_before_answer(traced(store, lambda: action(store.at)), call)


def test_no_change_is_synced_in_log(mount: Mount, traced: Callable[..., list[str]]) -> None:
    store = mount("--durability", "log")
    (store.at / "file").write_bytes(b"content")
    for kind in ("write", "create", "rename"):
        call, action = ACTIONS[kind]
        assert not synced_before_answer(traced(store, lambda action=action: action(store.at)), call)
