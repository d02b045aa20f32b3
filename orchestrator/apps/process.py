"""A process of a trial, fully resolved: where it runs, on which CPUs, with which argv, and what it leaves behind."""

from __future__ import annotations

import signal

from pydantic import BaseModel, ConfigDict


class LcoreOnCpu(BaseModel):
    """An EAL lcore id and the CPU that its thread is pinned to; ids of one host are disjoint, CPUs may be shared."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lcore: int
    cpu: int


class PlannedProcess(BaseModel):
    """One process of one trial.

    Processes of one `stage` start together, after all processes of earlier stages printed their ready token; they stop
    in reverse. Exactly one process of a trial `measures`: when it is ready its warm-up begins, and it ends by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    host: str
    app: str
    argv: tuple[str, ...]
    stage: int
    cpus: tuple[int, ...]
    lcores: tuple[LcoreOnCpu, ...] = ()
    """Empty for processes that are no DPDK processes."""
    file_prefix: str = ""
    hugepage_bytes: int = 0
    """Hugepage memory that this process is expected to take from its host's pool (a secondary takes none)."""
    measures: bool = False
    polls: bool = True
    """Whether the process keeps its CPU busy while it has nothing to do."""
    beside: str = ""
    """The process whose CPU it is meant to share: it sleeps, or gives way, whenever that one has something to do."""
    folders: tuple[str, ...] = ()
    """Folders that are made before it starts, and that go with all that is in them after it has ended; relative to its
    own folder of the run, from which they are not fetched."""
    has_floor: bool = True
    """Whether it measures itself alone if `--floor` is appended to its argv; of a process that `measures`."""
    dies: bool = False
    """It kills itself in the window, because the trial is about that."""
    may_hang: bool = False
    """Such a death may leave a ring stuck that it works on: then it fails, or never returns and has to be killed."""

    def ended_as_asked(self, exit_code: int, reason: str) -> bool:
        """Whether an end that would be a fault elsewhere is part of the trial; `reason` as in `ExitStatus`."""
        if self.dies:
            return reason == "exit" and exit_code == -signal.SIGKILL
        return self.may_hang and reason in {"exit", "stopped"} and exit_code in {1, -signal.SIGKILL}
