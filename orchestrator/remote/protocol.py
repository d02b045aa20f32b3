"""How a host is reached, as one Protocol: run, put, get, start.

Backends (Fabric over SSH, one that records, one that injects faults) live beside this file; everything above knows
only what is here. On the host, every command and process runs under one agent per connection (see `on_host`) that
ends all of them when its pipe to the controller closes or its heartbeat stays out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """A command that ended. `exit_code` is negative for a signal, as in `subprocess`."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True)
class StopDeadlines:
    """Seconds to wait after each signal before the next: SIGINT, SIGTERM, then SIGKILL."""

    int_s: float = 2.0
    term_s: float = 1.0
    kill_s: float = 1.0


@dataclass(frozen=True)
class ProcessSpec:
    """A supervised process to start.

    `directory` (absolute, made if missing; also the working directory) gets `<name>.argv` (one line, quoted for a
    shell), `<name>.stdout`, `<name>.stderr` and `<name>.status` (JSON; `state` is `running`, and `ended` at the end,
    then with `exit_code`, `reason`, `detail` and `seconds`). `cpus` is the affinity that the process is started with;
    empty means all. `ready` is the first word of the line on stdout that says the process is ready; empty means ready
    once started. `done` is that of a later line that says its work is done while it stays to be stopped; empty if there
    is none. `deadline_s` is counted on the host's own clock from the start; when it has passed the process is
    ended. The environment variable `DPDK_ORCHESTRATOR_RUN` holds `run_id`.
    """

    name: str
    argv: tuple[str, ...]
    directory: str
    run_id: str
    cpus: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "@ready"
    done: str = ""
    ready_timeout_s: float = 15.0
    deadline_s: float = 120.0
    stop: StopDeadlines = field(default_factory=StopDeadlines)


@dataclass(frozen=True)
class ExitStatus:
    """How a supervised process ended.

    `reason` is `exit` (by itself), `stopped`, `deadline`, `log` (its log files could not be written), `eof` or
    `heartbeat` (the controller was gone), or `lost`. `detail` says what was wrong, for example which file could not
    be written and why.
    """

    exit_code: int
    reason: str
    seconds: float
    stderr_tail: str = ""
    detail: str = ""


class Supervised(Protocol):
    """A process started on a host. Its pid is the host's own."""

    @property
    def spec(self) -> ProcessSpec:
        """What was asked for."""

    @property
    def pid(self) -> int:
        """Process id, and process group id, in the host's PID namespace."""

    def wait_ready(self) -> str:
        """Block until the ready line came; return what follows the token on that line.

        Raises DeadlineExceeded after `spec.ready_timeout_s`, CommandFailed if the process ended first; both name the
        host and the process and end with the last lines of its stderr.
        """

    def wait(self, timeout_s: float) -> ExitStatus:
        """Block until the process ended. Raises DeadlineExceeded, or HostUnreachable when the connection is lost."""

    def wait_done(self, timeout_s: float) -> ExitStatus | None:
        """Block until the done line came (None), or the process ended without it (its status).

        Raises DeadlineExceeded, or HostUnreachable when the connection is lost.
        """

    def poll(self) -> ExitStatus | None:
        """The exit status if the process has ended, without asking the host."""

    def stop(self) -> ExitStatus:
        """INT, TERM, KILL to the process group with `spec.stop` between them; idempotent."""


class Remote(Protocol):
    """One host. Not thread-safe: one thread at a time per Remote."""

    @property
    def host(self) -> str:
        """The host's name in the inventory."""

    def connect(self) -> None:
        """Open the connection and the agent. Raises HostUnreachable (unreachable, key refused, host key unknown or
        changed). Idempotent; the other methods call it when needed.
        """

    def hold(self, run_id: str, owner: str, remedy: str = "") -> None:
        """Take the host's lease until `close`, end of the agent, or `release`. Raises HostBusy naming the holder.

        `remedy` is what others are told to do who come meanwhile, where it is not to wait for the run to end.
        """

    def release(self) -> None:
        """Give the lease back. Idempotent."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        timeout_s: float = 30.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Completed:
        """Run a command to its end under the agent (it does not outlive the controller), as root, LC_ALL=C.

        argv reaches execve as it is, without a shell; a script is run as `["sh", "-s", "--", ARG...]` with the script
        in `stdin`. Raises CommandFailed if `check` and the status is not 0 (message ends with the last lines of
        stderr), DeadlineExceeded after `timeout_s` (the command is killed).
        """

    def put(self, local: Path | bytes, remote: str, *, mode: int = 0o644) -> None:
        """Write a file atomically (temporary name, fsync, rename); parent folders are made. Raises CommandFailed
        (for example no space left, naming the file).
        """

    def get(self, remote: str, local: Path) -> None:
        """Fetch one file; parent folders of `local` are made. Raises CommandFailed if it is not there."""

    def get_tree(self, remote: str, local: Path) -> None:
        """Fetch every regular file under the folder `remote` into `local`, in one stream."""

    def start(self, spec: ProcessSpec) -> Supervised:
        """Start a supervised process. Raises CommandFailed if it cannot be started."""

    def quiet(self, seconds: float) -> None:
        """From now on and for `seconds`, send nothing to the host, and tell its agent not to expect heartbeats."""

    def close(self) -> None:
        """End every process and command on the host that this Remote started, then the connection. Idempotent."""
