"""Real programs on a mounted store: fio, git, SQLite."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.store_mount import Mounted

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("engine", ["psync", "io_uring"])
def test_fio_verifies_what_it_wrote(either_cache: Mounted, tmp_path: Path, engine: str) -> None:
    needs("fio")
    said = run(
        "fio", "--name=verify", f"--directory={either_cache.at}", f"--ioengine={engine}", "--rw=randwrite",
        "--bsrange=512-65536", "--size=8m", "--direct=1", "--iodepth=8", "--verify=crc32c", "--do_verify=1",
        "--verify_fatal=1", "--output-format=json", "--randseed=7",
        cwd=tmp_path,
    )  # fmt: skip
    job = json.loads(said[said.index("{") :])["jobs"][0]
    assert job["error"] == 0
    assert job["read"]["io_bytes"] >= 8 << 20
    assert job["write"]["io_bytes"] >= 8 << 20


def test_git_clones_a_repository_of_some_hundred_files(either_cache: Mounted, tmp_path: Path) -> None:
    needs("git")
    origin = tmp_path / "origin"
    run("git", "init", "-q", str(origin))
    for i in range(300):
        file = origin / f"folder{i % 17}" / f"file{i}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"content {i}\n" * (i + 1))
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    run("git", "add", "-A", cwd=origin)
    run("git", *who, "commit", "-q", "-m", "all", cwd=origin)
    clone = either_cache.at / "clone"
    run("git", "clone", "-q", f"file://{origin}", str(clone))
    assert run("git", "status", "--porcelain", cwd=clone) == ""
    run("git", "fsck", "--strict", cwd=clone)
    assert run("git", "rev-parse", "HEAD", cwd=clone) == run("git", "rev-parse", "HEAD", cwd=origin)
    (clone / "folder0" / "file0").write_text("changed\n")
    run("git", *who, "commit", "-q", "-a", "-m", "changed", cwd=clone)
    run("git", "gc", "-q", cwd=clone)
    run("git", "fsck", "--strict", cwd=clone)


def inserts(first: int) -> list[str]:
    """Twenty transactions."""
    return [f"INSERT INTO t VALUES ({first + i}, randomblob(3000));" for i in range(20)]  # noqa: S608 (numbers of our own)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_is_whole(either_cache: Mounted, journal: str) -> None:
    needs("sqlite3")
    database = str(either_cache.at / "data.db")
    assert (
        run("sqlite3", database, f"PRAGMA journal_mode={journal}; CREATE TABLE t (i INTEGER, v BLOB);")
        == f"{journal}\n"
    )
    writers = [subprocess.Popen(["sqlite3", "-cmd", ".timeout 20000", database, *inserts(1000 * w)]) for w in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert (
        run("sqlite3", database, "SELECT count(*), count(DISTINCT i) FROM t; PRAGMA integrity_check") == "60|60\nok\n"
    )
    run("sqlite3", database, "BEGIN; DELETE FROM t; ROLLBACK;")
    assert run("sqlite3", database, "SELECT count(*) FROM t; PRAGMA integrity_check") == "60\nok\n"
