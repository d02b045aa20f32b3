"""`Remote` over an agent and a courier; a backend only says how their streams are opened."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostBusy, HostUnreachable
from orchestrator.remote import bootstrap
from orchestrator.remote.process import ANSWER_S, AgentProcess, last_lines
from orchestrator.remote.protocol import Completed, ProcessSpec
from orchestrator.remote.session import AGENT_BEAT_TIMEOUT_S, Refused, Session
from orchestrator.remote.stream import Stream
from orchestrator.remote.transfer import Courier

HELLO_S = 10.0
BYE_S = 5.0
"""The agent takes at most 0.5 s of grace and 2 s of killing."""


class AgentRemote(ABC):
    """One host under an agent; implements `Remote`.

    A connection that was lost stays lost: every call raises HostUnreachable until `close`, after which `connect`
    begins anew. `facts` is what the agent said about its host (uid, pid, python, boot_id, hostname, clock).
    """

    def __init__(self, host: str, workdir: Path, *, beat_timeout_s: float = AGENT_BEAT_TIMEOUT_S) -> None:
        self._host = host
        self._workdir = workdir
        self._beat_timeout_s = beat_timeout_s
        self._session: Session | None = None
        self._courier: Courier | None = None
        self._closings = 0
        self.facts: dict[str, Any] = {}

    @abstractmethod
    def _open(self, program: bootstrap.Program) -> Stream:
        """Start one of the two programs (see `bootstrap.command`), connecting first if need be."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Drop what `_open` connected. Idempotent, never blocks for longer than a second or two."""

    def _explain(self, error: HostUnreachable) -> HostUnreachable:
        """What the user reads when the agent did not start; a backend knows more causes."""
        return error

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self._host

    def connect(self) -> None:
        """Open the connection and the agent; see `Remote`."""
        if self._session is not None:
            return
        closings = self._closings
        try:
            session = Session(self._host, self._open("agent"))
            self._session = session
            self.facts = session.open(bootstrap.source("agent"), HELLO_S, self._beat_timeout_s)
            if self._closings != closings:  # by a fleet that did not wait for us any longer
                raise HostUnreachable("closed while it was being connected", host=self._host)
        except DeadlineExceeded as error:
            self._abandon()
            raise HostUnreachable(
                f"the agent did not answer within {HELLO_S:g} s", host=self._host, remedy="see whether the host hangs"
            ) from error
        except HostUnreachable as error:
            self._abandon()
            raise self._explain(error) from error
        except BaseException:
            self._abandon()
            raise

    def hold(self, run_id: str, owner: str, remedy: str = "") -> None:
        """Take the host's lease; see `Remote`."""
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            workdir = str(self._workdir)
            self._call("hold", ANSWER_S, run_id=run_id, owner=owner, since=since, remedy=remedy, workdir=workdir)
        except Refused as error:
            if error.kind != "busy":
                raise
            holder = {"run_id": "?", "owner": "?", "since": "?"} | error.fields["holder"]
            raise HostBusy(
                f"in use by run {holder['run_id']} of {holder['owner']} since {holder['since']}",
                host=self._host,
                remedy=holder.get("remedy")
                or "wait for that run to end, or end its controller: the host is free as soon as it is gone",
            ) from error

    def release(self) -> None:
        """Give the lease back; see `Remote`."""
        if self._session is not None:
            self._call("release", ANSWER_S)

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
        """Run a command to its end; see `Remote`."""
        words = [str(word) for word in argv]
        try:
            reply = self._call(
                "run", timeout_s + ANSWER_S, argv=words, stdin=stdin, timeout_s=timeout_s, env=dict(env or {}), cwd=cwd
            )
        except Refused as error:
            if error.kind != "timeout":
                raise
            tail = last_lines(error.fields["tail"])
            what = f"`{_short(words)}` did not end within {timeout_s:g} s and was killed"
            raise DeadlineExceeded(f"{what}: {tail}" if tail else what, host=self._host) from error
        done = Completed(tuple(words), reply["exit_code"], reply["stdout"], reply["stderr"], reply["seconds"])
        if check and done.exit_code != 0:
            tail = last_lines(done.stderr) or last_lines(done.stdout)
            what = f"`{_short(words)}` exited with {done.exit_code}"
            raise CommandFailed(f"{what}: {tail}" if tail else what, host=self._host)
        return done

    def put(self, local: Path | bytes, remote: str, *, mode: int = 0o644) -> None:
        """Write a file atomically; see `Remote`."""
        self._transfer().put(local, remote, mode)

    def get(self, remote: str, local: Path) -> None:
        """Fetch one file; see `Remote`."""
        self._transfer().get(remote, local)

    def get_tree(self, remote: str, local: Path) -> None:
        """Fetch every regular file under a folder; see `Remote`. Links are not followed."""
        self._transfer().get_tree(remote, local)

    def start(self, spec: ProcessSpec) -> AgentProcess:
        """Start a supervised process; see `Remote`."""
        return AgentProcess(self._connected(), spec)

    def quiet(self, seconds: float) -> None:
        """Send nothing for `seconds`; see `Remote`. Another call before that ends the quiet period."""
        self._drop_courier()
        self._connected().quiet(seconds)

    def close(self) -> None:
        """End everything on the host that this started, then the connection; see `Remote`."""
        self._closings += 1
        self._drop_courier()
        session, self._session = self._session, None
        if session is not None:
            session.close(BYE_S)
        self._disconnect()

    def _connected(self) -> Session:
        self.connect()
        assert self._session is not None  # noqa: S101 - connect has just made it
        return self._session

    def _call(self, op: str, timeout_s: float, /, **values: object) -> dict[str, Any]:
        return self._connected().call(op, timeout_s, **values)

    def _transfer(self) -> Courier:
        if self._courier is not None and not self._courier.usable:
            self._drop_courier()
        if self._courier is None:
            session = self._connected()
            if session.lost:
                session.call("beat", ANSWER_S)  # raises, saying why it was lost
            stream = self._open("courier")
            try:
                stream.write(bootstrap.source("courier"), HELLO_S)
            except OSError as error:
                stream.close()
                raise HostUnreachable(f"cannot transfer files: {error}", host=self._host) from error
            self._courier = Courier(self._host, stream)
        return self._courier

    def _drop_courier(self) -> None:
        if self._courier is not None:
            self._courier.close()
            self._courier = None

    def _abandon(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close(0.0)
        self._disconnect()


def _short(words: Sequence[str]) -> str:
    line = shlex.join(words)
    return line if len(line) <= 160 else f"{line[:157]}..."
