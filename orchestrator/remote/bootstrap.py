"""How a program of ours gets onto a host that has nothing of ours: its modules go first through its own stdin.

They are sent as one JSON object, source by module name, and become modules there without a file being written. A
traceback names a module by its file here, in angle brackets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

Program = Literal["agent", "courier"]

PYTHON = "/usr/bin/python3"
PACKAGE = "orchestrator.remote.on_host"
MODULES: Mapping[Program, tuple[str, ...]] = {
    "agent": (
        "agent",
        "child",
        "command",
        "deadman",
        "errors",
        "frames",
        "lease",
        "loop",
        "processes",
        "sinks",
        "spawn",
        "supervised",
    ),
    "courier": ("courier", "errors"),
}
"""What each program consists of: the module of its name, whose `main` is called, and what that imports of ours."""

# Reads exactly the announced bytes and not one more: what follows belongs to the program. Packages hold nothing.
_LOADER = """\
import json, os, sys
from importlib.machinery import ModuleSpec
def read(n):
    data = b""
    while len(data) < n:
        part = os.read(0, n - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
sources = json.loads(read(int(read(8))))
class Sent:
    def find_spec(name, path=None, target=None):
        if name in sources:
            return ModuleSpec(name, Sent)
        if any(other.startswith(name + ".") for other in sources):
            return ModuleSpec(name, Sent, is_package=True)
    def create_module(spec):
        pass
    def exec_module(module):
        name = module.__name__
        exec(compile(sources.get(name, ""), "<" + name.replace(".", "/") + ".py>", "exec"), module.__dict__)
sys.meta_path.insert(0, Sent)
from {module} import main
main()
"""


def command(program: Program, *, sudo: bool) -> tuple[str, ...]:
    """The argv that starts a program on a host: isolated, unbuffered, without site packages; through sudo if asked."""
    python = (PYTHON, "-u", "-I", "-S", "-c", _LOADER.format(module=f"{PACKAGE}.{program}"))
    return ("sudo", "-n", "--", *python) if sudo else python


def source(program: Program) -> bytes:
    """What the program's stdin must begin with: its modules, packed."""
    folder = files(PACKAGE)
    return pack({f"{PACKAGE}.{name}": folder.joinpath(f"{name}.py").read_text("utf-8") for name in MODULES[program]})


def pack(sources: Mapping[str, str]) -> bytes:
    """Modules as the loader reads them: the length of what follows in 8 digits, and the JSON object."""
    data = json.dumps(sources).encode()
    return b"%08d" % len(data) + data
