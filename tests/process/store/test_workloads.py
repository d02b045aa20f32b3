"""Real programs on a mounted store: fio, git, SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.store_mount import Mounted
from support.workloads import clone_with_git, verify_with_fio, write_a_database

FILES = {"local": 300, "tcp": 2000}

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])


@pytest.mark.parametrize("engine", ["psync", "io_uring"])
def test_fio_verifies_what_it_wrote(either_cache: Mounted, tmp_path: Path, engine: str) -> None:
    verify_with_fio(either_cache.at, tmp_path, engine)


def test_git_clones_a_repository_of_many_files(either_cache: Mounted, tmp_path: Path, way: str) -> None:
    clone_with_git(either_cache.at, tmp_path, FILES[way])


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_is_whole(either_cache: Mounted, journal: str) -> None:
    write_a_database(either_cache.at, journal)
