"""Folders, names and links of a mounted store, and that nothing leads out of its folder."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

import pytest
from support.store_mount import Mount, Mounted

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
AT_FDCWD = -100


def rename_with(flags: int, old: Path, new: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, bytes(old), AT_FDCWD, bytes(new), flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def test_a_tree_is_made_listed_and_removed(store: Mounted) -> None:
    for i in range(20):
        (store.at / "a" / f"folder{i}").mkdir(parents=True)
        (store.at / "a" / f"folder{i}" / "file").write_text(str(i))
    assert {path.name for path in (store.at / "a").iterdir()} == {f"folder{i}" for i in range(20)}
    with pytest.raises(OSError, match="Directory not empty"):
        (store.at / "a").rmdir()
    for i in range(20):
        (store.at / "a" / f"folder{i}" / "file").unlink()
        (store.at / "a" / f"folder{i}").rmdir()
    (store.at / "a").rmdir()
    assert not list(store.backing.iterdir())


def test_a_large_folder_is_listed_once_each(store: Mounted) -> None:
    names = {f"a-name-that-is-rather-long-{i:04}" for i in range(2000)}
    for name in names:
        (store.backing / name).touch()
    listed = [path.name for path in store.at.iterdir()]
    assert len(listed) == len(names)
    assert set(listed) == names
    sizes = [entry.stat().st_size for entry in os.scandir(store.at)]
    assert sizes == [0] * 2000


def test_renames_replace_or_not_or_exchange(store: Mounted) -> None:
    one, two = store.at / "one", store.at / "two"
    one.write_text("1")
    two.write_text("2")
    with pytest.raises(FileExistsError):
        rename_with(RENAME_NOREPLACE, one, two)
    rename_with(RENAME_EXCHANGE, one, two)
    assert (one.read_text(), two.read_text()) == ("2", "1")
    with pytest.raises(OSError, match="Invalid argument"):
        rename_with(RENAME_WHITEOUT, one, two)
    one.rename(two)
    assert two.read_text() == "2"
    assert list(store.at.iterdir()) == [two]
    (store.at / "folder").mkdir()
    rename_with(RENAME_NOREPLACE, two, store.at / "folder" / "three")
    assert (store.backing / "folder" / "three").read_text() == "2"


def test_a_folder_does_not_move_into_itself(store: Mounted) -> None:
    (store.at / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="Invalid argument"):
        (store.at / "a").rename(store.at / "a" / "b" / "c")


def test_hard_links_are_one_file(store: Mounted) -> None:
    (store.at / "one").write_text("same")
    os.link(store.at / "one", store.at / "two")
    assert (store.at / "one").stat().st_nlink == 2
    assert (store.at / "one").stat().st_ino == (store.at / "two").stat().st_ino
    (store.at / "one").unlink()
    assert (store.at / "two").read_text() == "same"


def test_special_files_are_kept_and_not_opened_by_the_server(store: Mounted) -> None:
    os.mkfifo(store.at / "pipe", 0o640)
    os.mknod(store.at / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    assert stat.S_ISFIFO((store.at / "pipe").stat().st_mode)
    assert (store.at / "device").stat().st_rdev == os.makedev(1, 3)
    with pytest.raises(PermissionError):  # mounted without devices
        (store.at / "device").read_bytes()


def test_a_symlink_is_read_as_it_is_and_leads_nowhere_on_the_server(store: Mounted, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("not yours")
    (store.backing / "absolute").symlink_to(secret)
    (store.backing / "relative").symlink_to("../secret")
    assert (store.at / "absolute").readlink() == secret
    for name in ("absolute", "relative"):
        # The client's kernel follows it in the client's own tree; the server gives the link itself.
        assert stat.S_ISLNK((store.at / name).lstat().st_mode)
        with pytest.raises(OSError, match=r"Too many levels|Not a directory"):
            os.open(store.at / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    (store.at / "long").symlink_to("x" * 4000)
    assert str((store.at / "long").readlink()) == "x" * 4000


def test_another_mount_in_the_folder_behind_is_not_entered(mount: Mount, store: Mounted) -> None:
    (store.backing / "inner").mkdir()
    (store.backing / "elsewhere").mkdir()
    inner = mount(backing=store.backing / "elsewhere")
    outer = mount(backing=store.backing.parent)
    with pytest.raises(OSError, match="Invalid cross-device link"):
        list((outer.at / inner.at.name).iterdir())


def test_what_is_synced_in_a_folder_is_synced(store: Mounted) -> None:
    folder = os.open(store.at, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    assert os.statvfs(store.at).f_bsize == os.statvfs(store.backing).f_bsize
