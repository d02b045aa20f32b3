"""How a mount begins and ends, whatever ends it."""

from __future__ import annotations

import contextlib
import mmap
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.store_mount import DEADLINE_S, Mount, Mounted, is_mounted


@contextlib.contextmanager
def left_open(path: Path) -> Iterator[int]:
    """A file that is open, and whose server is gone when it is closed."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(file, b"x")
        yield file
    finally:
        with contextlib.suppress(OSError):
            os.close(file)


def test_a_signal_unmounts_it(store: Mounted) -> None:
    (store.at / "file").write_text("kept")
    assert store.end() == (0, "")
    assert not is_mounted(store.at)
    assert (store.backing / "file").read_text() == "kept"


def test_it_ends_when_somebody_unmounts_it(store: Mounted) -> None:
    subprocess.run(["umount", str(store.at)], check=True)
    assert store.process.wait(DEADLINE_S) == 0


def test_a_killed_server_leaves_no_mount(store: Mounted) -> None:
    with left_open(store.at / "file") as file:
        store.process.kill()
        store.process.communicate(timeout=DEADLINE_S)
        end = time.monotonic() + DEADLINE_S
        while is_mounted(store.at) and time.monotonic() < end:
            time.sleep(0.02)
        assert not is_mounted(store.at)
        with pytest.raises(OSError, match=r"not connected|aborted"):
            os.write(file, b"y")


def test_it_ends_although_a_file_is_open(store: Mounted) -> None:
    with left_open(store.at / "file") as file:
        assert store.end() == (0, "")
        assert not is_mounted(store.at)
        with pytest.raises(OSError, match=r"not connected|aborted"):
            os.write(file, b"y")


def test_what_a_mapping_still_holds_is_written_at_the_end(mount: Mount) -> None:
    store = mount("--cache", "auto")
    (store.at / "file").write_bytes(b"a" * 4096)
    with (store.at / "file").open("r+b") as file, mmap.mmap(file.fileno(), 4096) as memory:
        memory[0:1] = b"b"
    assert store.end() == (0, "")
    assert (store.backing / "file").read_bytes() == b"b" + b"a" * 4095


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a tmpfs of the test's own."""
    folder = tmp_path / "memory"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_store_in_memory(mount: Mount, memory: Path) -> None:
    store = mount("--durability", "memory", backing=memory)
    content = os.urandom(1 << 20)
    (store.at / "file").write_bytes(content)
    assert (memory / "file").read_bytes() == content
    with pytest.raises(OSError, match="No space left"):
        (store.at / "large").write_bytes(b"\0" * (65 << 20))
    store.end()


@pytest.mark.parametrize(("durability", "in_memory"), [("dsync", True), ("memory", False)])
def test_a_durability_that_the_folder_cannot_give(
    store_local: Path, memory: Path, tmp_path: Path, durability: str, in_memory: bool
) -> None:
    backing = memory if in_memory else tmp_path
    command = [str(store_local), "--backing", str(backing), "--mount", str(tmp_path), "--durability", durability]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "use" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_overlay_is_refused(store_local: Path, tmp_path: Path) -> None:
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work,nfs_export=off"
    made = subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", str(tmp_path / "merged")], check=False)
    if made.returncode != 0:
        pytest.skip("overlayfs is not available")
    try:
        command = [str(store_local), "--backing", str(tmp_path / "merged"), "--mount", str(tmp_path / "lower")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    finally:
        subprocess.run(["umount", str(tmp_path / "merged")], check=True)
    assert done.returncode == 1
    assert "file handle" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--backing is missing"),
        (["--backing", "x"], "--mount is missing"),
        (["--backing", "x", "--mount", "y", "--cache", "all"], "write none or auto"),
        (["--backing", "x", "--mount", "y", "z"], "is no option"),
    ],
)
def test_wrong_use(store_local: Path, arguments: list[str], complaint: str) -> None:
    done = subprocess.run([str(store_local), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
