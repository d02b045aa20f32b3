"""Files of a mounted store: what is in them, and what is known of them."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.store_mount import Mount, Mounted

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])


def test_what_is_written_is_read_and_lies_in_the_folder_behind(either_cache: Mounted) -> None:
    content = os.urandom(3_000_001)
    (either_cache.at / "file").write_bytes(content)
    assert (either_cache.at / "file").read_bytes() == content
    assert (either_cache.backing / "file").read_bytes() == content


def test_a_file_is_truncated_and_grows_with_zeroes(either_cache: Mounted) -> None:
    file = either_cache.at / "file"
    file.write_bytes(b"x" * 10_000)
    os.truncate(file, 100)
    os.truncate(file, 200)
    assert file.read_bytes() == b"x" * 100 + b"\0" * 100
    with file.open("r+b") as open_file:
        open_file.truncate(5)
    assert file.stat().st_size == 5
    file.open("wb").close()
    assert file.stat().st_size == 0


def test_holes_are_found_made_and_kept(store: Mounted) -> None:
    file = os.open(store.at / "sparse", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(file, b"end", 64 << 20)
        assert os.lseek(file, 0, os.SEEK_DATA) == 64 << 20
        assert os.lseek(file, 0, os.SEEK_HOLE) == 0
        assert os.fstat(file).st_blocks * 512 < 1 << 20
        with pytest.raises(OSError, match="No such device or address"):
            os.lseek(file, (64 << 20) + 3, os.SEEK_DATA)
        os.posix_fallocate(file, 0, 1 << 20)
        assert os.fstat(file).st_blocks * 512 >= 1 << 20
        assert os.pread(file, 3, 64 << 20) == b"end"
    finally:
        os.close(file)


def test_a_removed_file_is_there_while_it_is_open(either_cache: Mounted) -> None:
    path = either_cache.at / "file"
    path.write_bytes(b"before")
    with path.open("r+b", buffering=0) as file:
        path.unlink()
        assert not path.exists()
        assert not list(either_cache.at.iterdir())
        assert file.read() == b"before"
        file.write(b" and after")
        os.fchmod(file.fileno(), 0o600)
        assert os.fstat(file.fileno()).st_nlink == 0
        assert os.pread(file.fileno(), 100, 0) == b"before and after"


def test_appends_of_two_mounts_do_not_overwrite_each_other(mount: Mount, store: Mounted) -> None:
    other = mount(backing=store.backing)
    files = [os.open(m.at / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for m in (store, other)]
    for i in range(50):
        os.write(files[i % 2], b"%03d\n" % i)
    for file in files:
        os.close(file)
    assert (store.backing / "log").read_bytes() == b"".join(b"%03d\n" % i for i in range(50))


def test_append_can_be_switched_on(store: Mounted) -> None:
    file = os.open(store.at / "log", os.O_WRONLY | os.O_CREAT)
    os.write(file, b"12345678")
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, b"9")
    os.close(file)
    assert (store.backing / "log").read_bytes() == b"123456789"


def test_shared_mappings_reach_the_folder_behind(either_cache: Mounted) -> None:
    path = either_cache.at / "mapped"
    path.write_bytes(b"a" * 8192)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
        memory[4095:4097] = b"XY"
        memory.flush()
    expected = b"a" * 4095 + b"XY" + b"a" * 4095
    assert (either_cache.backing / "mapped").read_bytes() == expected
    assert path.read_bytes() == expected


def test_copy_within_the_store(store: Mounted) -> None:
    content = os.urandom(1 << 20)
    (store.at / "from").write_bytes(content)
    source, target = os.open(store.at / "from", os.O_RDONLY), os.open(store.at / "to", os.O_WRONLY | os.O_CREAT)
    assert os.copy_file_range(source, target, 1000, 1, 7) == 1000
    os.close(source)
    os.close(target)
    assert (store.at / "to").read_bytes() == b"\0" * 7 + content[1:1001]


def test_times_and_modes_are_set(store: Mounted) -> None:
    file = store.at / "file"
    file.touch(mode=0o640)
    os.utime(file, ns=(1_000_000_001, 2_000_000_002))
    file.chmod(0o4711)
    seen = file.stat()
    assert (seen.st_atime_ns, seen.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    assert stat.S_IMODE(seen.st_mode) == 0o4711
    os.utime(file)
    assert abs(file.stat().st_mtime - (store.backing / "file").stat().st_mtime) == 0
    assert file.stat().st_mtime > 1_000_000_000


def test_extended_attributes(store: Mounted) -> None:
    file = store.at / "file"
    file.touch()
    os.setxattr(file, "user.colour", b"blue")
    os.setxattr(file, "user.large", b"x" * 2000)
    assert os.getxattr(file, "user.colour") == b"blue"
    assert sorted(os.listxattr(file)) == ["user.colour", "user.large"]
    assert os.getxattr(store.backing / "file", "user.large") == b"x" * 2000
    os.removexattr(file, "user.colour")
    with pytest.raises(OSError, match="No data available"):
        os.getxattr(file, "user.colour")
    with pytest.raises(FileExistsError):
        os.setxattr(file, "user.large", b"", os.XATTR_CREATE)
    with pytest.raises(OSError, match="not supported"):
        os.setxattr(file, "security.made_up", b"")


@pytest.mark.parametrize("kind", ["symlink", "pipe", "file"])
def test_roots_attributes_lie_on_all_that_has_a_name(store: Mounted, kind: str) -> None:
    at = store.at / kind
    {"symlink": lambda: at.symlink_to("nothing"), "pipe": lambda: os.mkfifo(at), "file": at.touch}[kind]()
    os.setxattr(at, "trusted.seen", b"yes", follow_symlinks=False)
    assert os.listxattr(at, follow_symlinks=False) == ["trusted.seen"]
    assert os.getxattr(at, "trusted.seen", follow_symlinks=False) == b"yes"
    assert os.getxattr(store.backing / kind, "trusted.seen", follow_symlinks=False) == b"yes"
    os.removexattr(at, "trusted.seen", follow_symlinks=False)
    assert os.listxattr(at, follow_symlinks=False) == []
    if kind != "file":
        with pytest.raises(PermissionError):
            os.setxattr(at, "user.seen", b"yes", follow_symlinks=False)


def test_what_a_backing_file_system_refuses_arrives(store: Mounted) -> None:
    with pytest.raises(OSError, match="File name too long") as refused:
        (store.at / ("n" * 256)).touch()
    assert refused.value.errno == errno.ENAMETOOLONG
    os.mkfifo(store.at / "pipe")
    with pytest.raises(OSError, match="Invalid argument"):
        os.truncate(store.at / "pipe", 0)


def test_another_mount_sees_what_was_written_and_closed(mount: Mount, store: Mounted) -> None:
    other = mount("--cache", "auto", backing=store.backing)
    path: Path = other.at / "file"
    (store.at / "file").write_bytes(b"first")
    assert path.read_bytes() == b"first"
    (store.at / "file").write_bytes(b"the second, which is longer")
    assert path.read_bytes() == b"the second, which is longer"


def test_programs_run_from_it(either_cache: Mounted) -> None:
    program = either_cache.at / "echo"
    shutil.copy("/bin/echo", program)
    assert subprocess.run([str(program), "hello"], capture_output=True, text=True, check=True).stdout == "hello\n"
