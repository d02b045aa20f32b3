"""A supervised process as the controller sees it: fed by the agent's events, never by asking."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import CommandFailed, DeadlineExceeded, OrchestratorError
from orchestrator.remote.protocol import ExitStatus, ProcessSpec
from orchestrator.remote.session import Session

ANSWER_S = 10.0


def last_lines(text: str, count: int = 3) -> str:
    """The last lines that say something, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-count:])


def describe(status: ExitStatus) -> str:
    """How a process ended, in words: what was wrong first, then the end of its stderr."""
    how = f"was killed by signal {-status.exit_code}" if status.exit_code < 0 else f"exited with {status.exit_code}"
    because = {"exit": "", "log": ""}.get(status.reason, f" ({status.reason})")
    return ": ".join(part for part in (f"{how}{because}", status.detail, last_lines(status.stderr_tail)) if part)


class AgentProcess:
    """A process under an agent; implements `Supervised`."""

    def __init__(self, session: Session, spec: ProcessSpec) -> None:
        """Start it. Raises CommandFailed if it cannot be started."""
        self._session = session
        self._spec = spec
        self._ready: str | None = None if spec.ready else ""
        self._done = False
        self._status: ExitStatus | None = None
        try:
            self._handle, reply = session.call_with_events(
                "start",
                ANSWER_S,
                self._on_event,
                name=spec.name,
                argv=list(spec.argv),
                directory=spec.directory,
                run_id=spec.run_id,
                cpus=list(spec.cpus),
                env=dict(spec.env),
                ready=spec.ready,
                done=spec.done,
                deadline_s=spec.deadline_s,
                stop=[spec.stop.int_s, spec.stop.term_s, spec.stop.kill_s],
            )
        except CommandFailed as error:
            raise CommandFailed(error.what, host=session.host, process=spec.name) from error
        self._pid: int = reply["pid"]

    @property
    def spec(self) -> ProcessSpec:
        """What was asked for."""
        return self._spec

    @property
    def pid(self) -> int:
        """Process id, and process group id, in the host's PID namespace."""
        return self._pid

    def wait_ready(self) -> str:
        """Block until the ready line came; see `Supervised`."""
        spec = self._spec
        if not self._session.wait_for(
            lambda: self._ready is not None or self._status is not None, spec.ready_timeout_s
        ):
            raise self._late(f"printed no {spec.ready} within {spec.ready_timeout_s:g} s")
        if self._ready is None:
            assert self._status is not None  # noqa: S101 - one of the two ended the wait
            raise CommandFailed(
                f"ended before it was ready: it {describe(self._status)}", host=self._session.host, process=spec.name
            )
        return self._ready

    def wait(self, timeout_s: float) -> ExitStatus:
        """Block until the process ended; see `Supervised`."""
        if not self._session.wait_for(lambda: self._status is not None, timeout_s):
            raise self._late(f"did not end within {timeout_s:g} s")
        assert self._status is not None  # noqa: S101 - what the wait was for
        return self._status

    def wait_done(self, timeout_s: float) -> ExitStatus | None:
        """Block until the done line came; see `Supervised`."""
        if not self._session.wait_for(lambda: self._done or self._status is not None, timeout_s):
            raise self._late(f"printed no {self._spec.done} within {timeout_s:g} s")
        return None if self._done and self._status is None else self._status

    def poll(self) -> ExitStatus | None:
        """The exit status if the process has ended; `lost` if the connection has, and the agent with it."""
        if self._status is None and self._session.lost:
            return ExitStatus(exit_code=-9, reason="lost", seconds=0.0, detail=self._session.lost)
        return self._status

    def stop(self) -> ExitStatus:
        """INT, TERM, KILL to the process group; see `Supervised`."""
        if self._status is None:
            self._session.call("stop", ANSWER_S, process=self._handle)
        stop = self._spec.stop
        return self.wait(stop.int_s + stop.term_s + stop.kill_s + 1.0)

    def _late(self, what: str) -> DeadlineExceeded:
        try:
            tail = last_lines(self._session.call("tail", 2.0, process=self._handle)["stderr"])
        except OrchestratorError as error:
            tail = error.what
        return DeadlineExceeded(
            f"{what}: {tail}" if tail else f"{what}; it wrote nothing to stderr",
            host=self._session.host,
            process=self._spec.name,
        )

    def _on_event(self, frame: dict[str, Any]) -> None:
        if frame["event"] == "ready":
            self._ready = frame["text"]
        elif frame["event"] == "done":
            self._done = True
        elif frame["event"] == "exit":
            self._status = ExitStatus(
                exit_code=frame["exit_code"],
                reason=frame["reason"],
                seconds=frame["seconds"],
                stderr_tail=frame["stderr_tail"],
                detail=frame["detail"],
            )
