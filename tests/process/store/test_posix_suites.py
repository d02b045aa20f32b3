"""Suites of tests that others wrote, on a mounted store: CPython's of files and folders, and stress-ng's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.store_mount import Mounted

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])

PYTHON = "/usr/bin/python3"
"""Debian's, which has its tests as a package."""
CPYTHON = (
    "test_os", "test_posix", "test_shutil", "test_mmap", "test_fcntl", "test_tempfile", "test_fileio", "test_file",
    "test_bufio", "test_largefile", "test_mailbox", "test_dbm_dumb", "test_stat", "test_genericpath",
    "test_unicode_file_functions", "test_fileinput", "test_filecmp",
)  # fmt: skip
"""What uses files. Left out: test_io, test_zipfile, test_tarfile, test_glob and test_pathlib pass as well, but take
more than a minute; test_compileall fails on ext4 too."""
SLOW = "test_walk_many_open_files"
"""Walks folders in folders a hundred deep, each step of which looks up all above it: passes, in a minute."""
STRESSORS = (
    "access", "chdir", "chmod", "chown", "dentry", "dir", "dirdeep", "dirmany", "fallocate", "fcntl",
    "filename", "flock", "fpunch", "fstat", "getdent", "hdd", "inotify", "io", "iomix", "link", "locka", "lockf",
    "lockofd", "mknod", "msync", "open", "readahead", "rename", "revio", "seek", "sendfile", "symlink", "sync-file",
    "touch", "utime", "xattr",
)  # fmt: skip
"""Those of the class filesystem, and what else uses files. Left out: copy-file (of at least 128 MB); and, since they
use no file of the folder or FUSE has no word for them, bind-mount, binderfs, chattr, dnotify, eventfd, fanotify,
fiemap, file-ioctl, fsize, handle, inode-flags, ioprio, lease, procfs, verity."""
SMALL = ("--hdd-bytes", "4m", "--iomix-bytes", "4m", "--fallocate-bytes", "4m", "--seek-size", "4m", "--revio-bytes",
         "4m", "--readahead-bytes", "4m", "--msync-bytes", "4m", "--sync-file-bytes", "4m",
         "--sendfile-size", "1m")  # fmt: skip
STRESS_S = 12
STARVED_MOST = len(STRESSORS) // 4
"""Of those that share few CPUs, so many may still be making their files when the time is over."""


def suite(*command: str, at: Path, timeout_s: float) -> str:
    """What a suite says that uses this folder for all its files."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout_s,
        cwd=at,
        env={**os.environ, "TMPDIR": str(at)},
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


@pytest.mark.timeout(260)
def test_cpythons_tests_of_files(store: Mounted) -> None:
    found = subprocess.run([PYTHON, "-c", "import test.test_os"], capture_output=True, check=False)
    if found.returncode != 0:
        pytest.skip("libpython3.11-testsuite is not installed")
    options = ("--use", "largefile,subprocess", "--tempdir", str(store.at), "--ignore", SLOW)
    said = suite(PYTHON, "-m", "test", *options, *CPYTHON, at=store.at, timeout_s=250)
    assert f"All {len(CPYTHON)} tests OK." in said


def test_stress_ng_finds_all_as_it_left_it(either_cache: Mounted) -> None:
    if shutil.which("stress-ng") is None:
        pytest.skip("stress-ng is not installed")
    asked = [word for name in STRESSORS for word in (f"--{name}", "1")]
    options = ("--verify", "--timeout", str(STRESS_S), "--temp-path", str(either_cache.at), "--metrics-brief")
    said = suite("stress-ng", *asked, *SMALL, *options, at=either_cache.at, timeout_s=100)
    # One line of metrics each: what was skipped has none, nor has what did not get to its first operation.
    worked = {words[3] for words in map(str.split, said.splitlines()) if len(words) > 4 and words[3] in STRESSORS}
    assert len(worked) >= len(STRESSORS) - STARVED_MOST, said
    assert "skipped" not in said
