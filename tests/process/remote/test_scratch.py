"""Folders that go with a process, and what is left of killed stores: on this machine, by a real agent."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed
from orchestrator.hosts.scratch import clean_scratch, make_folders, memory_folder, remove_folders
from orchestrator.remote.local import LocalRemote

TYPE = "fuse.scratchtest"
MNT_DETACH = 2


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[LocalRemote]:
    made = LocalRemote("alpha", tmp_path / "work")
    yield made
    made.close()


def mounted(path: Path) -> bool:
    return any(line.split(" ")[1] == str(path) for line in Path("/proc/self/mounts").read_text().splitlines())


@pytest.fixture
def dead_mount(tmp_path: Path) -> Iterator[Path]:
    """A FUSE mount whose program has ended."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    path = tmp_path / "mounted"
    path.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
    assert libc.mount(b"test", str(path).encode(), TYPE.encode(), 0, options) == 0, os.strerror(ctypes.get_errno())
    os.close(fuse)
    yield path
    if mounted(path):
        libc.umount2(str(path).encode(), MNT_DETACH)


def test_folders_are_made_and_go_with_all_that_is_in_them(remote: LocalRemote, tmp_path: Path) -> None:
    folders = [str(tmp_path / "a" / "b"), str(tmp_path / "with space")]
    make_folders(remote, folders)
    make_folders(remote, folders)
    (tmp_path / "a" / "b" / "file").write_text("x")
    remove_folders(remote, folders)
    remove_folders(remote, folders)
    assert not any(Path(folder).exists() for folder in folders)
    assert (tmp_path / "a").is_dir()


def test_what_is_still_mounted_there_is_unmounted(remote: LocalRemote, dead_mount: Path) -> None:
    remove_folders(remote, [str(dead_mount)])
    assert not mounted(dead_mount)
    assert not dead_mount.exists()


def test_a_mount_that_nobody_answers_goes_and_one_of_another_type_stays(remote: LocalRemote, dead_mount: Path) -> None:
    nowhere = str(dead_mount.parent / "none")
    assert clean_scratch(remote, mount_type="fuse.other", memory=nowhere) == []
    assert mounted(dead_mount)
    assert clean_scratch(remote, mount_type=TYPE, memory=nowhere) == [str(dead_mount)]
    assert not mounted(dead_mount)


def test_folders_in_memory_go_unless_somebody_has_them_open(remote: LocalRemote, tmp_path: Path) -> None:
    for name in ("ours-1", "ours-2", "other"):
        (tmp_path / "memory" / name / "sub").mkdir(parents=True)
    (tmp_path / "memory" / "ours-file").write_text("")
    held = os.open(tmp_path / "memory" / "ours-2" / "sub", os.O_RDONLY)
    try:
        clean = clean_scratch(remote, mount_type=TYPE, memory=str(tmp_path / "memory"), prefix="ours-")
    finally:
        os.close(held)
    assert clean == [str(tmp_path / "memory" / "ours-1")]
    assert sorted(path.name for path in (tmp_path / "memory").iterdir()) == ["other", "ours-2", "ours-file"]


def test_an_empty_prefix_is_refused(remote: LocalRemote, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="an empty prefix"):
        clean_scratch(remote, mount_type=TYPE, memory=str(tmp_path), prefix="")


def test_a_folder_in_memory_is_known_as_ours_by_its_name() -> None:
    assert memory_folder("key-store") == "/dev/shm/dporch-key-store"
