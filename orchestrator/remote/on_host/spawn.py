"""Starting a child: its environment, its CPUs, and that it dies with the agent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.errors import Refused, why

if TYPE_CHECKING:
    from orchestrator.remote.on_host.frames import Frame

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
RUN_VARIABLE = "DPDK_ORCHESTRATOR_RUN"

libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of whatever a child leaves behind."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def environment(extra: dict[str, str], run_id: str) -> dict[str, str]:
    """A child's whole environment: a known PATH and locale, who we are, the run, and what was asked for."""
    kept = {name: os.environ[name] for name in ("HOME", "USER", "LOGNAME", "SHELL") if name in os.environ}
    run = {RUN_VARIABLE: run_id} if run_id else {}
    return {**kept, "PATH": PATH, "LC_ALL": "C", **extra, **run}


def spawn(request: Frame, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a child in its own session, on its CPUs, that dies with this agent. Raises Refused."""
    argv, cpus = request["argv"], request.get("cpus")
    agent = os.getpid()

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != agent:
            os._exit(127)

    before = os.sched_getaffinity(0)
    try:
        if cpus:
            take_cpus(cpus)
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=request.get("cwd"),
            env=env,
            bufsize=0,
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509 - the agent is one thread
        )
    except OSError as error:
        raise Refused(f"cannot start {error.filename or argv[0]}: {why(error)}") from error
    except ValueError as error:  # a NUL in an argument
        raise Refused(f"cannot start {argv[0]!r}: {error}") from error
    finally:
        os.sched_setaffinity(0, before)


def take_cpus(cpus: list[int]) -> None:
    """Set our own CPUs, for a child to inherit: thus one that is not there can be told. Raises Refused."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        raise Refused(f"cannot use CPUs {sorted(cpus)}: {why(error)}") from error
    given = os.sched_getaffinity(0)
    if given != set(cpus):
        raise Refused(f"cannot use CPUs {sorted(cpus)}: of these the host gives {sorted(given)}")
