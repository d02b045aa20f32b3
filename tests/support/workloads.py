"""Real programs on a mounted store, each of which knows whether all is as it should be: fio, git, SQLite."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

IDLE_S = 2.0
AUTHOR = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")


def run(*command: str, cwd: Path | None = None) -> str:
    """What a program says that succeeds."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program: str) -> None:
    """Skip where a program is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def verify_with_fio(at: Path, own: Path, engine: str) -> None:
    """fio reads back what it wrote and compares checksums; `own` is for its own state."""
    needs("fio")
    said = run(
        "fio", "--name=verify", f"--directory={at}", f"--ioengine={engine}", "--rw=randwrite",
        "--bsrange=512-65536", "--size=8m", "--direct=1", "--iodepth=8", "--verify=crc32c", "--do_verify=1",
        "--verify_fatal=1", "--output-format=json", "--randseed=7",
        cwd=own,
    )  # fmt: skip
    job = json.loads(said[said.index("{") :])["jobs"][0]
    assert job["error"] == 0
    assert job["read"]["io_bytes"] >= 8 << 20
    assert job["write"]["io_bytes"] >= 8 << 20


def clone_with_git(at: Path, own: Path, files: int) -> None:
    """Clone a repository of so many files, which is made in `own`; work in it, and have git look at all objects."""
    needs("git")
    origin = own / "origin"
    run("git", "init", "-q", str(origin))
    for i in range(files):
        file = origin / f"folder{i % 17}" / f"file{i}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"content {i}\n" * (i % 300 + 1))
    run("git", "add", "-A", cwd=origin)
    run("git", *AUTHOR, "commit", "-q", "-m", "all", cwd=origin)
    clone = at / "clone"
    run("git", "clone", "-q", f"file://{origin}", str(clone))
    assert run("git", "status", "--porcelain", cwd=clone) == ""
    run("git", "fsck", "--strict", cwd=clone)
    assert run("git", "rev-parse", "HEAD", cwd=clone) == run("git", "rev-parse", "HEAD", cwd=origin)
    (clone / "folder0" / "file0").write_text("changed\n")
    run("git", *AUTHOR, "commit", "-q", "-a", "-m", "changed", cwd=clone)
    run("git", "gc", "-q", cwd=clone)
    run("git", "fsck", "--strict", cwd=clone)


def _inserts(first: int) -> list[str]:
    """Twenty transactions."""
    return [f"INSERT INTO t VALUES ({first + i}, randomblob(3000));" for i in range(20)]  # noqa: S608 (numbers of our own)


def write_a_database(at: Path, journal: str) -> None:
    """Three processes write to one SQLite database, with its journal of a kind; it is whole afterwards."""
    needs("sqlite3")
    database = str(at / "data.db")
    made = run("sqlite3", database, f"PRAGMA journal_mode={journal}; CREATE TABLE t (i INTEGER, v BLOB);")
    assert made == f"{journal}\n"
    writers = [subprocess.Popen(["sqlite3", "-cmd", ".timeout 20000", database, *_inserts(1000 * w)]) for w in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    whole = run("sqlite3", database, "SELECT count(*), count(DISTINCT i) FROM t; PRAGMA integrity_check")
    assert whole == "60|60\nok\n"
    run("sqlite3", database, "BEGIN; DELETE FROM t; ROLLBACK;")
    assert run("sqlite3", database, "SELECT count(*) FROM t; PRAGMA integrity_check") == "60\nok\n"


def _cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def burnt_while_idle(pid: int) -> float:
    """The share of a CPU that a process uses while nobody asks it for anything."""
    time.sleep(0.5)
    before = _cpu_seconds(pid)
    time.sleep(IDLE_S)
    return (_cpu_seconds(pid) - before) / IDLE_S
