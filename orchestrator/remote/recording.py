"""A Remote without a host: it notes what was asked of it and answers from a script.

For unit tests of what decides what to ask of hosts; what hosts then do is tested on real ones.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import CommandFailed, DeadlineExceeded
from orchestrator.remote.protocol import Completed, ExitStatus, ProcessSpec


@dataclass(frozen=True)
class Call:
    """One thing that was asked: the method's name and its arguments by name."""

    op: str
    arguments: Mapping[str, object] = field(default_factory=dict)

    def __getitem__(self, name: str) -> object:
        return self.arguments[name]


@dataclass(frozen=True)
class Reply:
    """What commands that begin with the words of `argv` are answered; each reply is given once unless it `repeats`.

    The first reply of the script that fits is taken. `error` is raised instead of an answer.
    """

    argv: tuple[str, ...]
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    error: Exception | None = None
    repeats: bool = True


@dataclass
class RecordedProcess:
    """A process that is ready at once and runs until it is stopped; implements `Supervised`.

    With `status` it is one that ends by itself; with `ready` None, one that ends before it is ready.
    """

    host: str
    spec: ProcessSpec
    pid: int
    ready: str | None = ""
    status: ExitStatus | None = None
    calls: list[Call] = field(default_factory=list)

    def wait_ready(self) -> str:
        """Note it, and give the ready text. Raises CommandFailed if there is none."""
        self.calls.append(Call("wait_ready", {"name": self.spec.name}))
        if self.ready is None:
            raise CommandFailed("ended before it was ready", host=self.host, process=self.spec.name)
        return self.ready

    def wait(self, timeout_s: float) -> ExitStatus:
        """Note it, and give the status. Raises DeadlineExceeded for a process that was not told to end."""
        self.calls.append(Call("wait", {"name": self.spec.name, "timeout_s": timeout_s}))
        if self.status is None:
            raise DeadlineExceeded(f"did not end within {timeout_s:g} s", host=self.host, process=self.spec.name)
        return self.status

    def wait_done(self, timeout_s: float) -> ExitStatus | None:
        """Note it, and give the status of a process that ends by itself."""
        self.calls.append(Call("wait_done", {"name": self.spec.name, "timeout_s": timeout_s}))
        return self.status

    def poll(self) -> ExitStatus | None:
        """The status, if it has ended."""
        return self.status

    def stop(self) -> ExitStatus:
        """Note it, and end."""
        self.calls.append(Call("stop", {"name": self.spec.name}))
        self.status = self.status or ExitStatus(exit_code=0, reason="stopped", seconds=0.0)
        return self.status


class RecordingRemote:
    """Implements `Remote`. `calls` is what was asked, in order; `files` is what was put, and what `get` finds.

    A command for which the script has no reply succeeds and prints nothing. `processes` may hold, by name, how a
    process that will be started behaves: (ready text or None, status or None).
    """

    def __init__(
        self,
        host: str,
        replies: Sequence[Reply] = (),
        *,
        files: Mapping[str, bytes] | None = None,
        processes: Mapping[str, tuple[str | None, ExitStatus | None]] | None = None,
    ) -> None:
        self._host = host
        self._replies = list(replies)
        self._processes = dict(processes or {})
        self.calls: list[Call] = []
        self.files: dict[str, bytes] = dict(files or {})
        self.started: list[RecordedProcess] = []
        self.connected = False

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    @property
    def commands(self) -> list[str]:
        """Every command that was run, as one would type it."""
        return [shlex.join(call["argv"]) for call in self.calls if call.op == "run"]  # type: ignore[arg-type]

    def _note(self, op: str, **arguments: object) -> None:
        if op not in ("connect", "close"):
            self.connect()
        self.calls.append(Call(op, arguments))

    def connect(self) -> None:
        """Note it, the first time."""
        if not self.connected:
            self.connected = True
            self._note("connect")

    def hold(self, run_id: str, owner: str, remedy: str = "") -> None:
        """Note it."""
        self._note("hold", run_id=run_id, owner=owner, remedy=remedy)

    def release(self) -> None:
        """Note it."""
        self._note("release")

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
        """Answer with the first reply that fits. Raises its error, or CommandFailed as a real Remote does."""
        words = tuple(argv)
        self._note("run", argv=words, stdin=stdin, timeout_s=timeout_s, env=dict(env or {}), cwd=cwd)
        reply = next((r for r in self._replies if words[: len(r.argv)] == r.argv), Reply(words))
        if not reply.repeats:
            self._replies.remove(reply)
        if reply.error is not None:
            raise reply.error
        if check and reply.exit_code:
            what = f"`{shlex.join(words)}` exited with {reply.exit_code}: {reply.stderr.strip()}"
            raise CommandFailed(what, host=self._host)
        return Completed(words, reply.exit_code, reply.stdout, reply.stderr, 0.0)

    def put(self, local: Path | bytes, remote: str, *, mode: int = 0o644) -> None:
        """Keep the content in `files`."""
        self._note("put", remote=remote, mode=mode)
        self.files[remote] = local if isinstance(local, bytes) else local.read_bytes()

    def get(self, remote: str, local: Path) -> None:
        """Write what is in `files`. Raises CommandFailed if it is not there."""
        self._note("get", remote=remote, local=local)
        if remote not in self.files:
            raise CommandFailed(f"cannot read {remote}: No such file or directory (ENOENT)", host=self._host)
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(self.files[remote])

    def get_tree(self, remote: str, local: Path) -> None:
        """Write what is in `files` under the folder."""
        self._note("get_tree", remote=remote, local=local)
        folder = remote.rstrip("/") + "/"
        for name, content in self.files.items():
            if name.startswith(folder):
                file = local / name.removeprefix(folder)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)

    def start(self, spec: ProcessSpec) -> RecordedProcess:
        """Note it; the process behaves as `processes` says."""
        self._note("start", spec=spec)
        ready, status = self._processes.get(spec.name, ("", None))
        process = RecordedProcess(self._host, spec, 1000 + len(self.started), ready, status, self.calls)
        self.started.append(process)
        return process

    def quiet(self, seconds: float) -> None:
        """Note it."""
        self._note("quiet", seconds=seconds)

    def close(self) -> None:
        """Note it, if there was a connection."""
        if self.connected:
            self.connected = False
            self._note("close")
