"""A Remote around another one that goes wrong where it is told to; all else is done for real."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostUnreachable
from orchestrator.remote.protocol import Completed, ExitStatus, ProcessSpec, Remote, Supervised

Op = Literal[
    "connect", "hold", "release", "run", "put", "get", "get_tree", "start", "wait_ready", "wait", "stop", "quiet"
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong: the `nth` time (1 is the first) that `op` is asked for, and each time after that.

    * `refuse`: HostUnreachable, as of a host that does not take connections;
    * `fail`: CommandFailed;
    * `hang`: nothing for `hang_s` seconds or until `close`, then DeadlineExceeded;
    * `lose`: the connection is closed beneath, which ends what ran on the host; this and all later asks raise
      HostUnreachable.
    """

    op: Op
    kind: Literal["refuse", "fail", "hang", "lose"]
    nth: int = 1
    hang_s: float = 3600.0


class FaultyRemote:
    """Implements `Remote` over `inner`, with faults."""

    def __init__(self, inner: Remote, *faults: Fault) -> None:
        self._inner = inner
        self._faults = faults
        self._asked: dict[str, int] = {}
        self._closed = threading.Event()
        self._lost = False

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._inner.host

    def strike(self, op: Op, process: str = "") -> None:
        """Count one ask for `op`, and raise if a fault is due."""
        self._asked[op] = self._asked.get(op, 0) + 1
        if self._lost:
            raise HostUnreachable("connection lost: injected", host=self.host, process=process)
        for fault in self._faults:
            if fault.op != op or self._asked[op] < fault.nth:
                continue
            if fault.kind == "refuse":
                raise HostUnreachable("refuses connections (injected)", host=self.host, process=process)
            if fault.kind == "fail":
                raise CommandFailed(f"{op} failed (injected)", host=self.host, process=process)
            if fault.kind == "hang":
                self._closed.wait(fault.hang_s)
                raise DeadlineExceeded(f"{op} did not end (injected)", host=self.host, process=process)
            self._lost = True
            self._inner.close()
            raise HostUnreachable("connection lost: injected", host=self.host, process=process)

    def connect(self) -> None:
        """See `Remote`."""
        self.strike("connect")
        self._inner.connect()

    def hold(self, run_id: str, owner: str, remedy: str = "") -> None:
        """See `Remote`."""
        self.strike("hold")
        self._inner.hold(run_id, owner, remedy)

    def release(self) -> None:
        """See `Remote`."""
        self.strike("release")
        self._inner.release()

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
        """See `Remote`."""
        self.strike("run")
        return self._inner.run(argv, stdin=stdin, timeout_s=timeout_s, check=check, env=env, cwd=cwd)

    def put(self, local: Path | bytes, remote: str, *, mode: int = 0o644) -> None:
        """See `Remote`."""
        self.strike("put")
        self._inner.put(local, remote, mode=mode)

    def get(self, remote: str, local: Path) -> None:
        """See `Remote`."""
        self.strike("get")
        self._inner.get(remote, local)

    def get_tree(self, remote: str, local: Path) -> None:
        """See `Remote`."""
        self.strike("get_tree")
        self._inner.get_tree(remote, local)

    def start(self, spec: ProcessSpec) -> Supervised:
        """See `Remote`."""
        self.strike("start", spec.name)
        return FaultyProcess(self, self._inner.start(spec))

    def quiet(self, seconds: float) -> None:
        """See `Remote`."""
        self.strike("quiet")
        self._inner.quiet(seconds)

    def close(self) -> None:
        """Close what is beneath, and end a hang."""
        self._closed.set()
        self._inner.close()


class FaultyProcess:
    """Implements `Supervised` over another one, with the faults of its Remote."""

    def __init__(self, remote: FaultyRemote, inner: Supervised) -> None:
        self._remote = remote
        self._inner = inner

    @property
    def spec(self) -> ProcessSpec:
        """See `Supervised`."""
        return self._inner.spec

    @property
    def pid(self) -> int:
        """See `Supervised`."""
        return self._inner.pid

    def wait_ready(self) -> str:
        """See `Supervised`."""
        self._remote.strike("wait_ready", self.spec.name)
        return self._inner.wait_ready()

    def wait(self, timeout_s: float) -> ExitStatus:
        """See `Supervised`."""
        self._remote.strike("wait", self.spec.name)
        return self._inner.wait(timeout_s)

    def wait_done(self, timeout_s: float) -> ExitStatus | None:
        """See `Supervised`; a fault of `wait` strikes here too."""
        self._remote.strike("wait", self.spec.name)
        return self._inner.wait_done(timeout_s)

    def poll(self) -> ExitStatus | None:
        """See `Supervised`."""
        return self._inner.poll()

    def stop(self) -> ExitStatus:
        """See `Supervised`."""
        self._remote.strike("stop", self.spec.name)
        return self._inner.stop()
