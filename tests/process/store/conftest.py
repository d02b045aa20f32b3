"""The store's file system without a network: built once, mounted in a folder of each test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.store_mount import Mount, Mounted, mounted

SOURCES = Path(__file__).parents[3] / "dpdk_apps"


@pytest.fixture(scope="session")
def store_local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that mounts a store, with the address and undefined sanitizers."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts")
    for tool in ("meson", "ninja", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if subprocess.run(["pkg-config", "--exists", "fuse3"], check=False).returncode != 0:
        pytest.skip("libfuse3-dev is not installed")
    build = tmp_path_factory.mktemp("store_build")
    options = ["-Ddpdk=disabled", "-Db_sanitize=address,undefined", "-Doptimization=1"]
    program = "store/local/store_local"
    for command in (["meson", "setup", str(build), str(SOURCES), *options], ["ninja", "-C", str(build), program]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / program


@pytest.fixture
def mount(store_local: Path, tmp_path: Path) -> Iterator[Mount]:
    """A function that mounts a store; it is unmounted at the end, and was ended well."""
    # Other users are to come through to the mount.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    with mounted(store_local, tmp_path) as begin:
        yield begin


@pytest.fixture
def store(mount: Mount) -> Mounted:
    """A store that is mounted in the usual way."""
    return mount()


@pytest.fixture(params=["none", "auto"])
def either_cache(mount: Mount, request: pytest.FixtureRequest) -> Mounted:
    """A store with each way to cache."""
    return mount("--cache", request.param)
