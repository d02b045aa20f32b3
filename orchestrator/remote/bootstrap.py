"""How a program of ours gets onto a host that has nothing of ours: its source goes first through its own stdin."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

PYTHON = "/usr/bin/python3"

# Reads exactly the announced bytes and not one more: what follows belongs to the program.
_LOADER = """\
import os
def read(n):
    data = b""
    while len(data) < n:
        part = os.read(0, n - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
exec(compile(read(int(read(8))), "{name}", "exec"))
"""


def command(program: Literal["agent", "courier"], *, sudo: bool) -> tuple[str, ...]:
    """The argv that starts a program on a host: isolated, unbuffered, without site packages; through sudo if asked."""
    loader = _LOADER.format(name=f"<{program}>")
    python = (PYTHON, "-u", "-I", "-S", "-c", loader)
    return ("sudo", "-n", "--", *python) if sudo else python


def source(program: Literal["agent", "courier"]) -> bytes:
    """What the program's stdin must begin with: its length in 8 digits and its source."""
    text = files("orchestrator.remote").joinpath(f"{program}.py").read_bytes()
    return b"%08d" % len(text) + text
