"""The store's programs, built once: mounted without a network in a folder of each test's own, or served over TCP."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.store_mount import Join, Mount, Mounted, joining, mounted, served
from support.store_server import Serve, serving

SOURCES = Path(__file__).parents[3] / "dpdk_apps"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that builds a program, with the address and undefined sanitizers."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts, and serves files of all users")
    for tool in ("meson", "ninja", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if subprocess.run(["pkg-config", "--exists", "fuse3"], check=False).returncode != 0:
        pytest.skip("libfuse3-dev is not installed")
    build = tmp_path_factory.mktemp("store_build")
    options = ["-Ddpdk=disabled", "-Db_sanitize=address,undefined", "-Doptimization=1"]

    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def ninja(program: str) -> Path:
        run("ninja", "-C", str(build), program)
        return build / program

    run("meson", "setup", str(build), str(SOURCES), *options)
    return ninja


@pytest.fixture(scope="session")
def store_local(built: Callable[[str], Path]) -> Path:
    """The program that mounts a store."""
    return built("store/local/store_local")


@pytest.fixture(scope="session")
def store_server(built: Callable[[str], Path]) -> Path:
    """The store's server over TCP."""
    return built("store/server/store_server_tcp")


@pytest.fixture
def serve(store_server: Path, tmp_path: Path) -> Iterator[Serve]:
    """A function that starts servers over TCP; those that still run at the end are ended, and ended well."""
    with serving(store_server, tmp_path) as begin:
        yield begin


@pytest.fixture
def backing(tmp_path: Path) -> Path:
    """An empty folder for a server to serve."""
    folder = tmp_path / "backing"
    folder.mkdir()
    return folder


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """The test's own folder, through which other users come."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


@pytest.fixture
def join(built: Callable[[str], Path], open_folder: Path, serve: Serve) -> Iterator[Join]:
    """A function that mounts what a server serves over TCP; it is unmounted before the servers end, and ended well."""
    assert serve is not None
    with joining(built("store/mount/store_mount_tcp"), open_folder) as begin:
        yield begin


@pytest.fixture
def way() -> str:
    """How a mount comes to its files: `local` or `tcp`. Modules for which it matters are run with both."""
    return "local"


@pytest.fixture
def mount(way: str, request: pytest.FixtureRequest, open_folder: Path) -> Iterator[Mount]:
    """A function that mounts a store; it is unmounted at the end, and was ended well."""
    if way == "local":
        with mounted(request.getfixturevalue("store_local"), open_folder) as begin:
            yield begin
    else:
        yield served(request.getfixturevalue("serve"), request.getfixturevalue("join"), open_folder)


@pytest.fixture
def store(mount: Mount) -> Mounted:
    """A store that is mounted in the usual way."""
    return mount()


@pytest.fixture(params=["none", "auto"])
def either_cache(mount: Mount, request: pytest.FixtureRequest) -> Mounted:
    """A store with each way to cache."""
    return mount("--cache", request.param)
