"""Running one of the scripts of `on_host` on a host."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from orchestrator.errors import CommandFailed

if TYPE_CHECKING:
    from orchestrator.hosts.settings import JsonObject
    from orchestrator.remote.protocol import Remote


def run_script(remote: Remote, name: str, arguments: JsonObject, *, timeout_s: float = 30.0) -> dict[str, Any]:
    """Run `on_host/<name>.py` with `arguments` and return its answer.

    Raises CommandFailed if the script fails or answers no JSON object, and what the Remote raises.
    """
    source = resources.files("orchestrator.hosts.on_host").joinpath(f"{name}.py").read_text(encoding="utf-8")
    # Isolated and without site-packages: nothing of the host's own Python set-up is loaded, and the start is quicker.
    argv = ["python3", "-I", "-S", "-", json.dumps(arguments)]
    done = remote.run(argv, stdin=source, timeout_s=timeout_s)
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise CommandFailed(f"the script {name} answered {done.stdout[:80]!r}", host=remote.host) from error
    if not isinstance(answer, dict):
        raise CommandFailed(f"the script {name} answered {done.stdout[:80]!r}", host=remote.host)
    return answer
