"""A supervised process: a child that stays, with files of its own that tell how it was started and how it ended."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from typing import TYPE_CHECKING

from orchestrator.remote.on_host.child import Child
from orchestrator.remote.on_host.errors import Refused, why
from orchestrator.remote.on_host.sinks import Log, text
from orchestrator.remote.on_host.spawn import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.remote.on_host.child import Children
    from orchestrator.remote.on_host.frames import Frame

STATUS_BYTES = 4096


class Process(Child):
    """A supervised process with log files, a ready line, a deadline and a status file."""

    def __init__(self, children: Children, request: Frame) -> None:
        self.name, self.directory = request["name"], request["directory"]
        self.stop_steps = list(zip((signal.SIGINT, signal.SIGTERM, signal.SIGKILL), request["stop"]))
        base = os.path.join(self.directory, self.name)
        self.status_fd = -1
        logs: list[Log] = []
        try:
            os.makedirs(self.directory, exist_ok=True)
            self.status_fd = os.open(base + ".status", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            with open(base + ".argv", "w", encoding="utf-8") as file:
                file.write(shlex.join(request["argv"]) + "\n")
            # Room for the last status is taken now: a disk that fills up later does not keep it from being told.
            self.write_status({"schema": 1, "state": "starting"})
            logs.append(Log(base + ".stdout", self.on_log_error, self.tokens(request)))
            logs.append(Log(base + ".stderr", self.on_log_error))
            self.errors = logs[1]
            super().__init__(
                children,
                {**request, "cwd": self.directory},
                environment(request["env"], request["run_id"]),
                (logs[0], logs[1]),
            )
        except (OSError, Refused) as error:
            for log in logs:
                log.close()
            if self.status_fd >= 0:
                os.close(self.status_fd)
            if isinstance(error, Refused):
                raise
            raise Refused(f"cannot write {error.filename or base + '.*'}: {why(error)}") from error
        self.limit = self.loop.after(request["deadline_s"], lambda: self.escalate("deadline", self.stop_steps))
        try:
            self.write_status({"schema": 1, "state": "running", "pid": self.pid, "started": time.time()})
        except OSError as error:
            self.on_log_error(base + ".status", error)

    def write_status(self, status: Frame) -> None:
        """Overwrite the status file in place, in the block that it has had since the start."""
        data = json.dumps(status).encode()[:STATUS_BYTES].ljust(STATUS_BYTES - 1) + b"\n"
        os.pwrite(self.status_fd, data, 0)

    def tokens(self, request: Frame) -> tuple[tuple[str, Callable[[str], None]], ...]:
        """What to look for on stdout, and telling the controller of it."""

        def tell(event: str) -> Callable[[str], None]:
            return lambda rest: self.frames.send({"event": event, "process": self.handle, "text": rest})

        return (request["ready"], tell("ready")), (request.get("done", ""), tell("done"))

    def on_log_error(self, path: str, error: OSError) -> None:
        """A log that cannot be written makes the process's results worthless: end it and say so."""
        if not self.detail:
            self.detail = f"cannot write {path[-1000:]}: {why(error)}"
            self.frames.send({"event": "log_failed", "process": self.handle, "path": path, "what": self.detail})
            self.escalate("log", self.stop_steps)

    def ended(self, code: int) -> None:
        """Write the status file and tell the controller."""
        self.loop.cancel(self.limit)
        status = {
            "schema": 1,
            "state": "ended",
            "pid": self.pid,
            "exit_code": code,
            "reason": self.reason or "exit",
            "detail": self.detail,
            "seconds": time.monotonic() - self.started,
        }
        try:
            self.write_status(status)
            os.ftruncate(self.status_fd, len(json.dumps(status)))
        except OSError as error:
            status["detail"] = status["detail"] or f"cannot write {self.name}.status: {why(error)}"
        os.close(self.status_fd)
        self.frames.send(dict(status, event="exit", process=self.handle, stderr_tail=text(self.errors.tail)))
