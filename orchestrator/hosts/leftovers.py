"""Processes of a run that outlived it: found by the run id in their environment, never by a program's name.

Supervised processes do not outlive their controller; this is for what escaped all the same (an agent killed by hand).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.errors import HostSettingError
from orchestrator.hosts.script import run_script

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote

RUN_VARIABLE = "DPDK_ORCHESTRATOR_RUN"


@dataclass(frozen=True)
class Leftover:
    """A process of a run. `ended` is the signal that it took to end it (`TERM`, `KILL`), empty where none was sent."""

    pid: int
    run_id: str
    command: str
    ended: str = ""


def find_leftovers(remote: Remote, run_id: str | None = None) -> tuple[Leftover, ...]:
    """Processes of `run_id` on the host, or of any run."""
    return _ask(remote, run_id, end=False, grace_s=0.0)


def end_leftovers(remote: Remote, run_id: str | None = None, *, grace_s: float = 1.0) -> tuple[Leftover, ...]:
    """End them: TERM, and KILL after `grace_s` seconds. Hold the host's lease: without `run_id` no run is spared.

    Raises HostSettingError if one is still there 2 s after KILL.
    """
    ended = _ask(remote, run_id, end=True, grace_s=grace_s)
    stuck = [process for process in ended if process.ended == "no"]
    if stuck:
        raise HostSettingError(
            f"process {stuck[0].pid} ({stuck[0].command[:60]}) of run {stuck[0].run_id} does not end, even by KILL",
            host=remote.host,
            remedy="it hangs in the kernel; reboot the host",
        )
    return ended


def _ask(remote: Remote, run_id: str | None, *, end: bool, grace_s: float) -> tuple[Leftover, ...]:
    answer: dict[str, Any] = run_script(
        remote, "leftovers", {"variable": RUN_VARIABLE, "run": run_id, "end": end, "grace_s": grace_s}
    )
    return tuple(
        Leftover(process["pid"], process["run"], process["command"], process["ended"])
        for process in answer["processes"]
    )
