"""Who may do what in a mounted store: files belong to who made them, and permissions hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.store_mount import Mounted, run_as

pytestmark = pytest.mark.parametrize("way", ["local", "tcp"])

ANN, BOB, TEAM = 40001, 40002, 40003

WRITE = "import sys; open(sys.argv[1], 'w').write('mine')"
READ = "import sys; print(open(sys.argv[1]).read())"
REMOVE = "import os, sys; os.unlink(sys.argv[1])"


@pytest.fixture
def shared(store: Mounted) -> Path:
    """A folder in the store where everybody may make files."""
    folder = store.at / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def owner(path: Path) -> tuple[int, int]:
    return path.lstat().st_uid, path.lstat().st_gid


def test_everything_belongs_to_who_made_it(shared: Path, store: Mounted) -> None:
    script = """
import os, sys
os.chdir(sys.argv[1])
os.umask(0o027)
open("file", "w").close()
os.mkdir("folder")
os.symlink("file", "symlink")
os.mkfifo("pipe")
os.mknod("node")
"""
    assert run_as(ANN, script, str(shared)) == ""
    for name in ("file", "folder", "symlink", "pipe", "node"):
        assert owner(store.backing / "shared" / name) == (ANN, ANN)
    assert (store.backing / "shared" / "file").stat().st_mode & 0o777 == 0o640
    assert (store.backing / "shared" / "folder").stat().st_mode & 0o777 == 0o750


def test_others_may_not_read_write_or_list_what_is_private(shared: Path) -> None:
    (shared / "private").mkdir()
    os.chown(shared / "private", ANN, ANN)
    (shared / "private").chmod(0o700)
    (shared / "file").write_text("secret")
    os.chown(shared / "file", ANN, ANN)
    (shared / "file").chmod(0o600)
    assert run_as(ANN, READ, str(shared / "file")) == "secret"
    assert "Permission denied" in run_as(BOB, READ, str(shared / "file"))
    assert "Permission denied" in run_as(BOB, WRITE, str(shared / "file"))
    assert "Permission denied" in run_as(BOB, WRITE, str(shared / "private" / "file"))
    assert "Permission denied" in run_as(BOB, "import os, sys; os.listdir(sys.argv[1])", str(shared / "private"))
    for change in ("os.chmod(sys.argv[1], 0o777)", "os.chown(sys.argv[1], 40002, -1)", "os.utime(sys.argv[1], (1, 1))"):
        assert "not permitted" in run_as(BOB, f"import os, sys; {change}", str(shared / "file"))
    assert (shared / "file").read_text() == "secret"


def test_supplementary_groups_count(shared: Path) -> None:
    (shared / "team").mkdir()
    os.chown(shared / "team", 0, TEAM)
    (shared / "team").chmod(0o2770)
    assert run_as(ANN, WRITE, str(shared / "team" / "file"), groups=(TEAM,)) == ""
    assert owner(shared / "team" / "file") == (ANN, TEAM)
    (shared / "team" / "file").chmod(0o640)
    assert run_as(BOB, READ, str(shared / "team" / "file"), groups=(TEAM,)) == "mine"
    assert "Permission denied" in run_as(BOB, READ, str(shared / "team" / "file"))
    assert (
        run_as(ANN, "import os, sys; os.chown(sys.argv[1], -1, 40001)", str(shared / "team" / "file"), groups=(TEAM,))
        == ""
    )


def test_a_sticky_folder_keeps_what_others_made(shared: Path) -> None:
    shared.chmod(0o1777)
    assert run_as(ANN, WRITE, str(shared / "file")) == ""
    assert "not permitted" in run_as(BOB, REMOVE, str(shared / "file"))
    assert run_as(ANN, REMOVE, str(shared / "file")) == ""


@pytest.mark.parametrize("change", ["os.write(f, b'x')", "os.ftruncate(f, 1)"])
def test_a_write_by_somebody_else_clears_set_user_id(shared: Path, change: str) -> None:
    program = shared / "program"
    program.write_text("content")
    os.chown(program, ANN, ANN)
    program.chmod(0o6777)
    assert run_as(BOB, f"import os, sys; f = os.open(sys.argv[1], os.O_WRONLY); {change}", str(program)) == ""
    assert program.stat().st_mode & 0o7777 == 0o777


def test_only_root_makes_devices(shared: Path) -> None:
    script = "import os, sys; os.mknod(sys.argv[1], 0o20666, 0x103)"
    assert "not permitted" in run_as(ANN, script, str(shared / "device"))


def test_extended_attributes_need_the_files_permission(shared: Path) -> None:
    (shared / "file").write_text("x")
    (shared / "file").chmod(0o644)
    script = "import os, sys; os.setxattr(sys.argv[1], 'user.x', b'1')"
    assert "Permission denied" in run_as(ANN, script, str(shared / "file"))
    os.setxattr(shared / "file", "user.x", b"1")
    assert run_as(ANN, "import os, sys; print(os.getxattr(sys.argv[1], 'user.x'))", str(shared / "file")) == "b'1'"
