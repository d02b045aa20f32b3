"""A seeded model checker on mounted stores, and that it finds what it is there to find."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.store_mount import Mounted
from torture.__main__ import SHARE_LEAST, main
from torture.checker import KINDS, Checker, Report, Wrong
from torture.drawing import Place

OPERATIONS = 4000
Check = Callable[..., Report]


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Check]:
    """A function that runs the checker below a folder."""
    if os.geteuid() != 0:
        pytest.skip("needs root: files change their users")
    places: list[Place] = []

    def run(under: Path = tmp_path, operations: int = OPERATIONS, seed: int = 1) -> Report:
        folder = under / "torture"
        folder.mkdir()
        places.append(Place(str(folder)))
        return Checker(places[-1], seed, compare_every=operations // 2).run(operations, deadline_s=90)

    yield run
    for place in places:
        place.close()


def test_a_store_is_what_it_must_be(either_cache: Mounted, check: Check) -> None:
    report = check(either_cache.at)
    assert report.unknown == 0
    assert all(report.share(kind) >= SHARE_LEAST for kind in KINDS)
    # What is refused is no test of what is kept.
    assert all(report.refused[kind.__name__] <= report.operations[kind.__name__] / 4 for kind in KINDS)


def test_so_is_one_whose_answers_mean_stable_storage(mount: Callable[..., Mounted], check: Check) -> None:
    check(mount("--durability", "dsync").at, operations=1000)


def broken(monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., Any], every: int = 20) -> list[int]:
    """Let each so many-th call of `os.name` be another; counts them."""
    real, calls = getattr(os, name), [0]

    def call(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        return (instead if calls[0] % every == 0 else real)(*arguments, **options)

    monkeypatch.setattr(os, name, call)
    return calls


REAL_OPEN, REAL_WRITE, REAL_PWRITE, REAL_FTRUNCATE = os.open, os.write, os.pwrite, os.ftruncate


def twice(descriptor: int, data: bytes) -> int:
    REAL_WRITE(descriptor, data)
    return REAL_WRITE(descriptor, data)


def flipped(descriptor: int, data: bytes, offset: int) -> int:
    return REAL_PWRITE(descriptor, bytes([data[0] ^ 1]) + data[1:], offset)


def not_at_all(*_: object, **__: object) -> None:
    return None


FAULTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "append done twice": ("write", twice),
    "bit of a write flipped": ("pwrite", flipped),
    "write lost": ("pwrite", lambda descriptor, data, offset: len(data)),
    "truncation lost": ("ftruncate", not_at_all),
    "truncation to another size": ("ftruncate", lambda descriptor, size: REAL_FTRUNCATE(descriptor, size + 1)),
    "unlink lost": ("unlink", not_at_all),
    "folder not made": ("mkdir", not_at_all),
    "link lost": ("link", not_at_all),
    "symlink lost": ("symlink", not_at_all),
    "permissions lost": ("chmod", not_at_all),
    "owner lost": ("lchown", not_at_all),
    "times lost": ("utime", not_at_all),
    "attribute lost": ("setxattr", not_at_all),
    "another error": ("rmdir", lambda path: os.close(-1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch, check: Check, fault: str) -> None:
    name, instead = FAULTS[fault]
    calls = broken(monkeypatch, name, instead)
    with pytest.raises(Wrong, match=r"seed 1, operation \d+: [\s\S]*The last operations:"):
        check()
    assert calls[0] >= 20


CHANGING = ("open", "write", "pwrite", "ftruncate", "unlink", "mkdir", "rmdir", "link", "symlink", "chmod", "lchown")


def fails_either_way(rng: random.Random, real: Callable[..., Any]) -> Callable[..., Any]:
    """The call done or not, and an error that tells neither."""

    def call(*arguments: Any, **options: Any) -> Any:
        if rng.random() < 0.5:
            done = real(*arguments, **options)
            if real is REAL_OPEN:
                os.close(done)
        raise OSError(rng.choice((errno.EIO, errno.ETIMEDOUT)), "nobody knows")

    return call


def test_what_fails_may_be_done_or_not(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    rng = random.Random(3)  # noqa: S311 (no secret)
    for name in CHANGING:
        broken(monkeypatch, name, fails_either_way(rng, getattr(os, name)))
    report = check()
    assert report.unknown >= OPERATIONS / 100
    assert report.comparisons >= 2


def test_what_fails_may_not_be_done_by_half(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    def by_half(descriptor: int, data: bytes, offset: int) -> int:
        REAL_PWRITE(descriptor, data[: max(1, len(data) // 2)], offset)
        raise OSError(errno.EIO, "half of it")

    broken(monkeypatch, "pwrite", by_half)
    with pytest.raises(Wrong):
        check()


def test_looking_is_repeated_where_it_fails(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    def times_out(*_: object, **__: object) -> None:
        raise OSError(errno.ETIMEDOUT, "too late")

    broken(monkeypatch, "lstat", times_out)
    broken(monkeypatch, "pread", times_out)
    assert check().unknown > 0


def test_the_same_seed_is_the_same_run(check: Check, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    same, again, other = (check(folder, 500, seed) for folder, seed in zip(folders, (7, 7, 8), strict=True))
    assert (same.operations, same.refused) == (again.operations, again.refused)
    assert same.refused != other.refused


def test_the_command_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str], check: Check) -> None:
    assert main(["--folder", str(tmp_path), "--seed", "5", "--operations", "3000"]) == 0
    assert capsys.readouterr().out.startswith("seed 5: 3000 operations of 29 kinds in ")
    assert not list(tmp_path.iterdir())


def test_several_at_once_share_the_operations(tmp_path: Path, capsys: pytest.CaptureFixture[str], check: Check) -> None:
    assert main(["--folder", str(tmp_path), "--seed", "5", "--operations", "3000", "--jobs", "3"]) == 0
    assert capsys.readouterr().out.startswith("seed 5: 3000 operations of 29 kinds in ")
    assert main(["--folder", str(tmp_path), "--jobs", "2", "--deadline-s", "0"]) == 1
    assert len(list(tmp_path.iterdir())) == 2, "what was found lies where it was found"


def test_the_command_fails_where_it_takes_too_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], check: Check
) -> None:
    assert main(["--folder", str(tmp_path), "--deadline-s", "0"]) == 1
    assert "of 100000 operations took longer than 0 s" in capsys.readouterr().err
