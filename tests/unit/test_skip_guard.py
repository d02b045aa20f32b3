import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_passes():
    pass

@pytest.mark.skipif(True, reason={reason!r})
def test_skipped():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("ci", "reason", "status"),
    [
        ("true", "needs root: it mounts", 1),
        ("true", "needs 4 CPUs, this machine has 2", 0),
        ("true", "needs hardware: a NIC on vfio-pci", 0),
        ("", "needs root: it mounts", 0),
    ],
)
def test_ci_accepts_only_the_skips_that_are_listed(tmp_path: Path, ci: str, reason: str, status: int) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_cases.py").write_text(CASES.format(reason=reason))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert ("skipped, which CI does not accept" in done.stdout) == (status == 1)
    assert (f"test_skipped: {reason}" in done.stdout) == (status == 1)
