"""Where our files lie on a host, below the host's `workdir`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from orchestrator.inventory.model import Host


def build_folder(host: Host, digest: str) -> str:
    """The folder of one build: `src/`, `out/` and the stamp of a finished build."""
    return str(Path(host.workdir) / "build" / digest)


def binary(host: Host, digest: str, app: str, folder: str = "") -> str:
    """The program `app` of one build; `folder` of `dpdk_apps` holds it, where it is not called like the program."""
    return f"{build_folder(host, digest)}/out/{folder or app}/{app}"


def run_folder(host: Host, run_id: str) -> str:
    """The folder of everything that one run writes on the host."""
    return str(Path(host.workdir) / "runs" / run_id)


def trial_folder(host: Host, run_id: str, key: str) -> str:
    """The folder in which the processes of one trial start and leave their files."""
    return f"{run_folder(host, run_id)}/{key}"


def scratch(own: str, folders: Iterable[str]) -> list[str]:
    """The folders that a process has besides `own`, in which it starts; see `PlannedProcess.folders`."""
    return [str(PurePosixPath(own, folder)) for folder in folders]
