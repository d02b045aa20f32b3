"""A program that says when it is ready, started on this machine by a test."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def start(argv: Sequence[str], cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start `argv` and wait for its `@ready`; what it says instead is the error."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("@ready"):
        process.kill()
        raise AssertionError(f"{Path(argv[0]).name} said {line!r}: {process.communicate()[1]}")
    return process
