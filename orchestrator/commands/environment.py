"""The environment of a run as its results keep it: every host before and after, the controller, the builds."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version

from orchestrator.apps.build import BuildResult
from orchestrator.commands.checkout import ROOT
from orchestrator.commands.session import Session
from orchestrator.hosts.environment import Environment, read_environment
from orchestrator.remote.fleet import each, values
from orchestrator.results.layout import ExperimentFolder, When, to_json, write_atomic

DEADLINE_S = 30.0
PACKAGES = ("fabric", "paramiko", "pandas", "pyarrow", "numpy")


def record(folder: ExperimentFolder, hosts: Session, when: When) -> dict[str, Environment]:
    """Read every host's environment and write it. Raises one error that names every host that failed."""
    found = values(
        each(
            hosts.remotes,
            lambda remote: read_environment(remote, hosts.inventory.host(remote.host)),
            deadline_s=DEADLINE_S,
        )
    )
    for host, environment in found.items():
        folder.write_environment(when, host, environment)
    return found


def record_builds(folder: ExperimentFolder, builds: Mapping[str, BuildResult]) -> None:
    """Write what every host built, with which tools, and the digest of each program."""
    facts = {host: {**asdict(result), "binaries": dict(result.binaries)} for host, result in builds.items()}
    write_atomic(folder.root / "environment" / "builds.json", to_json({"schema": 1, "hosts": facts}))


def record_controller(folder: ExperimentFolder) -> None:
    """Write what the controller runs: commit and whether the checkout has changes, Python and its packages."""
    commit = _git("rev-parse", "HEAD")
    facts: dict[str, object] = {
        "schema": 1,
        "git_commit": commit,
        "git_dirty": bool(_git("status", "--porcelain")) if commit else None,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }
    write_atomic(folder.root / "environment" / "controller.json", to_json(facts))


def _git(*arguments: str) -> str | None:
    """What git says of the checkout; None where it is none."""
    try:
        done = subprocess.run(("git", *arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
