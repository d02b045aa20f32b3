"""The C programs that need no DPDK, built once for all tests of this folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[3] / "dpdk_apps"


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder: programs without DPDK and their unit tests, with the address and undefined sanitizers."""
    for tool in ("meson", "ninja", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if subprocess.run(["pkg-config", "--exists", "cmocka"], check=False).returncode != 0:
        pytest.skip("libcmocka-dev is not installed")
    build = tmp_path_factory.mktemp("dpdk_apps")
    options = ["-Ddpdk=disabled", "-Dtests=true", "-Db_sanitize=address,undefined", "-Doptimization=1"]
    for command in (["meson", "setup", str(build), str(SOURCES), *options], ["ninja", "-C", str(build)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build
