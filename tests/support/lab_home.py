"""A lab for one test file: programs built from this checkout, and a hugetlbfs that is taken down again."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.dpdk_lab import Lab

APPS = Path(__file__).parents[2] / "dpdk_apps"
POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def build_apps(folder: Path, apps: Sequence[str], *options: str) -> Path:
    """The programs, built in a new folder with options of meson's; the folder of the build.

    One whose folder has not its name is given with it: `message/l2fwd`.
    """
    subprocess.run(["meson", "setup", "-Ddpdk=enabled", *options, folder, APPS], check=True, capture_output=True)
    targets = [app if "/" in app else f"{app}/{app}" for app in apps]
    subprocess.run(["ninja", "-C", folder, *targets], check=True, capture_output=True, timeout=250)
    return folder


@contextmanager
def more_pages(pages: int) -> Iterator[None]:
    """Have so many 2M pages free: the kernel's pool grows by what is missing, and shrinks again."""
    missing = max(0, pages - int((POOL / "free_hugepages").read_text()))
    size = POOL / "nr_hugepages"
    if missing:
        size.write_text(str(int(size.read_text()) + missing))
    try:
        if int((POOL / "free_hugepages").read_text()) < pages:
            pytest.skip(f"needs {pages} huge pages of 2 MiB, the kernel did not give them")
        yield
    finally:
        if missing:
            size.write_text(str(int(size.read_text()) - missing))


@contextmanager
def lab_home(binaries: Path, pages: int = 96) -> Iterator[Lab]:
    """A folder with a hugetlbfs of its own; nothing of it is left."""
    with more_pages(pages), tempfile.TemporaryDirectory(prefix="dt", dir="/run") as folder:
        lab = Lab(Path(folder), binaries)
        lab.huge.mkdir()
        mount = ["mount", "-t", "hugetlbfs", "-o", f"pagesize=2M,size={pages * 2}M", "none", str(lab.huge)]
        subprocess.run(mount, check=True)
        try:
            yield lab
        finally:
            subprocess.run(["umount", str(lab.huge)], check=True)
        for runtime in Path("/var/run/dpdk").glob(f"{lab.path.name}-*"):
            for left in runtime.iterdir():
                left.unlink()
            runtime.rmdir()


@contextmanager
def joined_namespaces(prefix: str) -> Iterator[tuple[str, str]]:
    """The names of two network namespaces that a veth joins; it is called `wire` in both, and nothing else is on it."""
    names = f"{prefix}a{os.getpid()}", f"{prefix}b{os.getpid()}"
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            off = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
            subprocess.run(["ip", "netns", "exec", name, *off], check=True)
        ends = ["wire", "netns", names[0], "type", "veth", "peer", "name", "wire", "netns", names[1]]
        subprocess.run(["ip", "link", "add", *ends], check=True)
        for name in names:
            subprocess.run(["ip", "-n", name, "link", "set", "wire", "up"], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)
