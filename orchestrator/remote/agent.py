"""The host's side of a connection: it starts, watches and ends everything that runs on the host for one controller.

The controller sends this file to the host and speaks JSON lines with it over one SSH channel, so it uses nothing but
the standard library of Python 3.9. It is one thread around one selector: nothing polls. What it promises:

* EOF on its stdin ends every process that it started, at once (TERM, `GRACE_S`, KILL); so does a heartbeat that stays
  out for `beat_timeout_s`, except in a quiet period, to which the same time is added.
* It is the subreaper of its children, so it finds grandchildren that left their process group; and children die with
  it (PR_SET_PDEATHSIG) if it is killed itself.
* A command or process takes with it whatever it left running.

Requests are `{"id": n, "op": name, ...}`; a reply has the same id and either its values or `error`, an object with
`kind` (`failed`, `busy`, `timeout`) and `what`. Events have no id: `ready`, `done`, `exit`, `log_failed`.
"""

# It speaks in descriptors, runs on Python 3.9, and is one thread.
# ruff: noqa: PTH103, PTH112, PTH118, PTH123, PTH208, B905, PLW1509

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import selectors
import shlex
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Frame = dict[str, Any]

GRACE_S = 0.5
KILL_LIMIT_S = 2.0
CAPTURE_LIMIT = 16 << 20
OUTGOING_LIMIT = 256 << 20
TAIL_BYTES = 4096
CHUNK = 1 << 16
LEAVE_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
DRAIN_CHUNKS = 64
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
RUN_VARIABLE = "DPDK_ORCHESTRATOR_RUN"
PROCESS_VARIABLE = "DPDK_ORCHESTRATOR_PROCESS"

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A request that cannot be done, as told to the controller."""

    def __init__(self, what: str, kind: str = "failed", **fields: Any) -> None:
        super().__init__(what)
        self.fields = dict(fields, kind=kind, what=what)


def text(data: bytes | bytearray) -> str:
    """Bytes as they go into a frame."""
    return bytes(data).decode("utf-8", "replace")


def why(error: OSError) -> str:
    """An OSError in words, with its symbol."""
    return f"{error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)})"


def children_of(pid: int) -> list[int]:
    """Direct children of a process, by the kernel's list where it has one and else by a walk through /proc."""
    try:
        found = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += [int(word) for word in file.read().split()]
        return found
    except FileNotFoundError:
        return [child for child, parent in parents().items() if parent == pid]
    except (ProcessLookupError, PermissionError):
        return []


def parents() -> dict[int, int]:
    """Parent of every process that can be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # it ended while we looked
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    found = children_of(pid)
    for child in found:
        found += children_of(child)
    return found


def with_environment(entry: str) -> list[int]:
    """Every process, but this one, whose environment holds exactly this `NAME=value`."""
    wanted, found = entry.encode(), []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                continue  # it ended, or is not ours to read
    return found


def send_signal(pid: int, number: int, group: bool = False) -> None:
    """Signal a process, or its group; one that has gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)


class Capture:
    """Keeps what a command wrote, up to a limit."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.cut = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = CAPTURE_LIMIT - len(self.data)
        self.cut = self.cut or len(data) > room
        self.data += data[:room]

    def close(self) -> None:
        """Nothing is held open."""

    def text(self) -> str:
        """All of it, saying so if the end is missing."""
        return text(self.data) + (f"\n[cut after {CAPTURE_LIMIT >> 20} MiB]\n" if self.cut else "")


class Log:
    """Copies a stream into a file, keeps its end, and looks for lines that begin with a token."""

    def __init__(
        self,
        path: str,
        on_error: Callable[[str, OSError], None],
        tokens: tuple[tuple[str, Callable[[str], None]], ...] = (),
    ) -> None:
        self.path = path
        self.fd: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self.tail = self.line = b""
        self.on_error = on_error
        self.awaited = [(token.encode(), callback) for token, callback in tokens if token]

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream. A file that cannot be written is reported once, and then left."""
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        rest = memoryview(data)
        try:
            while self.fd is not None and rest:
                rest = rest[os.write(self.fd, rest) :]
        except OSError as error:
            self.close()
            self.on_error(self.path, error)
        if self.awaited:
            self.look_for_tokens(data)

    def look_for_tokens(self, data: bytes) -> None:
        """Report each awaited token once, when a line has it as its first word; tokens come in their order."""
        *lines, self.line = (self.line + data).split(b"\n")
        self.line = self.line[:CHUNK]
        for line in lines:
            words = line.split(None, 1)
            if self.awaited and words and words[0] == self.awaited[0][0]:
                _, callback = self.awaited.pop(0)
                callback(text(words[1]).strip() if len(words) > 1 else "")

    def close(self) -> None:
        """Close the file."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class Child:
    """A command or supervised process: its group, its streams, and how it is being ended."""

    def __init__(
        self,
        agent: Agent,
        request: Frame,
        environment: dict[str, str],
        sinks: tuple[Capture, Capture] | tuple[Log, Log],
    ) -> None:
        self.agent, self.handle, self.argv = agent, request["id"], request["argv"]
        self.reason, self.detail = "", ""
        self.timer: int | None = None
        self.token = f"{PROCESS_VARIABLE}={agent.token}.{self.handle}"
        self.pending = memoryview(request.get("stdin", "").encode())
        name, _, value = self.token.partition("=")
        self.started = time.monotonic()
        self.popen = agent.spawn(request, {**environment, name: value})
        self.pid = self.popen.pid
        assert self.popen.stdout is not None  # noqa: S101 - it is a pipe
        assert self.popen.stderr is not None  # noqa: S101 - it is a pipe
        self.streams: dict[IO[bytes], Capture | Log] = {self.popen.stdout: sinks[0], self.popen.stderr: sinks[1]}
        for stream in self.streams:
            os.set_blocking(stream.fileno(), False)
            agent.selector.register(stream, selectors.EVENT_READ, lambda stream=stream: self.read(stream))
        if self.popen.stdin is not None:
            os.set_blocking(self.popen.stdin.fileno(), False)
            agent.selector.register(self.popen.stdin, selectors.EVENT_WRITE, self.write)

    def write(self) -> None:
        """Feed the command's stdin; close it at the end, or when the command stopped reading."""
        assert self.popen.stdin is not None  # noqa: S101 - it was registered
        try:
            self.pending = self.pending[os.write(self.popen.stdin.fileno(), self.pending[:CHUNK]) :]
        except BlockingIOError:
            return
        except OSError:
            self.pending = self.pending[:0]
        if not self.pending:
            self.shut(self.popen.stdin)

    def read(self, stream: IO[bytes]) -> bool:
        """Pass on what a stream holds now. True if there may be more."""
        try:
            data = os.read(stream.fileno(), CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.shut(stream)
            return False
        self.streams[stream].feed(data)
        return True

    def shut(self, stream: IO[bytes]) -> None:
        """Close one of our ends."""
        if not stream.closed:
            self.agent.selector.unregister(stream)
            stream.close()

    def escalate(self, reason: str, steps: Sequence[tuple[int, float]]) -> None:
        """Send each step's signal, `(number, seconds until the next)`. The reason that comes first counts."""
        if not self.reason:
            self.reason = reason
            self.step(list(steps))

    def step(self, steps: Sequence[tuple[int, float]]) -> None:
        """Take the first step now and the others in their time. What left the group is found when it is reaped."""
        (number, seconds), later = steps[0], steps[1:]
        send_signal(self.pid, number, group=True)
        if number == signal.SIGTERM:
            send_signal(self.pid, signal.SIGCONT, group=True)
        if later:
            self.timer = self.agent.after(seconds, lambda: self.step(later))

    def ended(self, code: int) -> None:
        """It was reaped and all its streams were read to what they held."""

    def reap(self) -> None:
        """The process is a zombie: end what it left, read the rest, and take its status."""
        send_signal(self.pid, signal.SIGKILL, group=True)
        known = self.agent.children
        for pid in children_of(os.getpid()):
            if pid not in known and has_environment(pid, self.token):
                for one in [pid, *descendants(pid)]:
                    send_signal(one, signal.SIGKILL)
        for stream in list(self.streams):
            for _ in range(DRAIN_CHUNKS):
                if stream.closed or not self.read(stream):
                    break
            self.shut(stream)
        if self.popen.stdin is not None:
            self.shut(self.popen.stdin)
        for sink in self.streams.values():
            sink.close()
        self.agent.cancel(self.timer)
        _, status = os.waitpid(self.pid, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        self.popen.returncode = code
        self.ended(code)


def has_environment(pid: int, entry: str) -> bool:
    """Whether a process was started with exactly this `NAME=value`."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return entry.encode() in file.read().split(b"\0")
    except OSError:
        return False


class Command(Child):
    """Runs to its end and is answered with all its output."""

    def __init__(self, agent: Agent, request: Frame) -> None:
        self.captured = (Capture(), Capture())
        super().__init__(agent, request, agent.environment(request["env"], agent.run_id), self.captured)
        kill = [(signal.SIGTERM, 0.2), (signal.SIGKILL, 0)]
        self.limit = agent.after(request["timeout_s"], lambda: self.escalate("timeout", kill))

    def ended(self, code: int) -> None:
        """Answer the request."""
        self.agent.cancel(self.limit)
        out, err = (capture.text() for capture in self.captured)
        seconds = time.monotonic() - self.started
        if self.reason == "timeout":
            self.agent.refuse(self.handle, Refused("timed out", "timeout", tail=(err or out)[-TAIL_BYTES:]))
        else:
            self.agent.reply(self.handle, exit_code=code, stdout=out, stderr=err, seconds=seconds)


class Process(Child):
    """A supervised process with log files, a ready line, a deadline and a status file."""

    def __init__(self, agent: Agent, request: Frame) -> None:
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
                agent,
                {**request, "cwd": self.directory},
                agent.environment(request["env"], request["run_id"]),
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
        self.limit = agent.after(request["deadline_s"], lambda: self.escalate("deadline", self.stop_steps))
        try:
            self.write_status({"schema": 1, "state": "running", "pid": self.pid, "started": time.time()})
        except OSError as error:
            self.on_log_error(base + ".status", error)

    def write_status(self, status: Frame) -> None:
        """Overwrite the status file in place, in the block that it has had since the start."""
        data = json.dumps(status).encode()[:TAIL_BYTES].ljust(TAIL_BYTES - 1) + b"\n"
        os.pwrite(self.status_fd, data, 0)

    def tokens(self, request: Frame) -> tuple[tuple[str, Callable[[str], None]], ...]:
        """What to look for on stdout, and telling the controller of it."""

        def tell(event: str) -> Callable[[str], None]:
            return lambda rest: self.agent.send({"event": event, "process": self.handle, "text": rest})

        return (request["ready"], tell("ready")), (request.get("done", ""), tell("done"))

    def on_log_error(self, path: str, error: OSError) -> None:
        """A log that cannot be written makes the process's results worthless: end it and say so."""
        if not self.detail:
            self.detail = f"cannot write {path[-1000:]}: {why(error)}"
            self.agent.send({"event": "log_failed", "process": self.handle, "path": path, "what": self.detail})
            self.escalate("log", self.stop_steps)

    def ended(self, code: int) -> None:
        """Write the status file and tell the controller."""
        self.agent.cancel(self.limit)
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
        self.agent.send(dict(status, event="exit", process=self.handle, stderr_tail=text(self.errors.tail)))


class Agent:
    """The loop, the requests and the dead-man."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.fd_in, self.fd_out = fd_in, fd_out
        self.selector = selectors.DefaultSelector()
        self.incoming, self.outgoing = bytearray(), bytearray()
        self.children: dict[int, Child] = {}
        self.timers: dict[int, tuple[float, Callable[[], None]]] = {}
        self.timer_number = 0
        self.ending, self.done = "", False
        self.goodbye: int | None = None
        self.run_id = ""
        self.lease_fd: int | None = None
        self.beat_timeout_s, self.beat_due = 3.0, 0.0
        self.beat_timer: int | None = None
        self.token = f"{os.getpid()}-{time.monotonic_ns()}"

    # The loop

    def serve(self) -> None:
        """Serve until the controller is gone and nothing that was started for it is left."""
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        wake_in, wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for leave in LEAVE_SIGNALS:
            signal.signal(leave, lambda *_: None)
        os.set_blocking(self.fd_in, False)
        os.set_blocking(self.fd_out, False)
        self.selector.register(self.fd_in, selectors.EVENT_READ, self.receive)
        self.selector.register(wake_in, selectors.EVENT_READ, lambda: self.on_signal(os.read(wake_in, CHUNK)))
        self.alive()
        self.check_beat()
        while not self.done:
            due = min((when for when, _ in self.timers.values()), default=None)
            for key, _ in self.selector.select(None if due is None else max(0.0, due - time.monotonic())):
                if self.selector.get_map().get(key.fd) is key:  # an earlier callback may have closed it
                    key.data()
            now = time.monotonic()
            for number in [n for n, (when, _) in self.timers.items() if when <= now]:
                if number in self.timers:  # an earlier one of this round may have cancelled it
                    self.timers.pop(number)[1]()

    def after(self, seconds: float, action: Callable[[], None]) -> int:
        """Call `action` once, in `seconds`; returns what `cancel` takes."""
        self.timer_number += 1
        self.timers[self.timer_number] = (time.monotonic() + seconds, action)
        return self.timer_number

    def cancel(self, timer: int | None) -> None:
        """Forget a timer; one that has fired, or None, is no error."""
        if timer is not None:
            self.timers.pop(timer, None)

    def receive(self) -> None:
        """Read and carry out requests; EOF is the controller's end."""
        try:
            data = os.read(self.fd_in, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(self.fd_in)
            self.end("eof")
            return
        self.alive()
        self.incoming += data
        if b"\n" in data:
            *lines, self.incoming = self.incoming.split(b"\n")
            for line in lines:
                if not self.ending:
                    self.dispatch(json.loads(line))

    def dispatch(self, request: Frame) -> None:
        """Carry out one request and answer it, unless its answer comes later."""
        try:
            values = getattr(self, "op_" + request["op"])(request)
        except Refused as refused:
            self.refuse(request["id"], refused)
        except OSError as error:
            self.refuse(request["id"], Refused(f"{error.filename or request['op']}: {why(error)}"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # what else runs here is not to end for it
            self.refuse(request["id"], Refused(f"cannot do {request['op']!r}: {type(error).__name__}: {error}"))
        else:
            if values is not None:
                self.reply(request["id"], **values)

    def reply(self, number: int, **values: Any) -> None:
        """Answer a request."""
        self.send(dict(values, id=number))

    def refuse(self, number: int, refused: Refused) -> None:
        """Answer a request that cannot be done."""
        self.send({"id": number, "error": refused.fields})

    def send(self, frame: Frame) -> None:
        """Queue a frame. A controller that does not read never holds this loop up."""
        idle = not self.outgoing
        self.outgoing += json.dumps(frame).encode() + b"\n"
        if idle:
            self.flush()

    def flush(self) -> None:
        """Write what the pipe takes now."""
        try:
            while self.outgoing:
                del self.outgoing[: os.write(self.fd_out, self.outgoing[: 4 * CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self.outgoing.clear()
        waiting = self.fd_out in self.selector.get_map()
        if self.outgoing and not waiting:
            self.selector.register(self.fd_out, selectors.EVENT_WRITE, self.flush)
        elif waiting and not self.outgoing:
            self.selector.unregister(self.fd_out)
        if len(self.outgoing) > OUTGOING_LIMIT:
            self.outgoing.clear()
            self.end("lost")

    # The dead-man

    def alive(self, quiet_s: float = 0.0) -> None:
        """The controller was heard; it is next expected after the quiet period."""
        due = time.monotonic() + quiet_s + self.beat_timeout_s
        sooner, self.beat_due = due < self.beat_due, due
        if sooner:  # a quiet period ended early; else the timer that runs finds out by itself
            self.check_beat()

    def check_beat(self) -> None:
        """End all if the controller is overdue; else look again when it would be."""
        left = self.beat_due - time.monotonic()
        self.cancel(self.beat_timer)
        if left <= 0:
            self.end("heartbeat")
        elif not self.ending:
            self.beat_timer = self.after(left, self.check_beat)

    def end(self, reason: str) -> None:
        """End everything that was started and then this agent."""
        if self.ending:
            return
        self.ending = reason
        for child in list(self.children.values()):
            child.escalate(reason, [(signal.SIGTERM, 0)])
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGTERM)
        self.after(GRACE_S, self.kill_all)
        self.after(GRACE_S + KILL_LIMIT_S, self.leave)
        self.on_child()

    def kill_all(self) -> None:
        """Kill what is left, again and again: it may be starting more."""
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGKILL)
        self.after(0.05, self.kill_all)

    def leave(self) -> None:
        """Say goodbye, give the lease back, and end the loop."""
        if self.done:
            return
        self.done = True
        if self.lease_fd is not None:
            self.op_release({})
        if self.goodbye is not None:
            self.reply(self.goodbye, left=children_of(os.getpid()))
        limit = time.monotonic() + 1.0
        while self.outgoing and self.ending != "heartbeat" and time.monotonic() < limit:
            select.select([], [self.fd_out], [], 0.1)
            self.flush()

    def on_signal(self, numbers: bytes) -> None:
        """Signals arrive here as bytes, between callbacks and never within one."""
        if any(number in LEAVE_SIGNALS for number in numbers):
            self.end("lost")
        self.on_child()

    def on_child(self) -> None:
        """Take every child that ended; ours are finished, adopted ones only reaped."""
        try:
            while True:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is None:
                    return
                child = self.children.pop(found.si_pid, None)
                if child is None:
                    os.waitpid(found.si_pid, 0)
                else:
                    child.reap()
        except ChildProcessError:
            if self.ending:  # no child is left, and as a subreaper we would have inherited any other descendant
                self.leave()

    # What children need

    def environment(self, extra: dict[str, str], run_id: str) -> dict[str, str]:
        """A child's whole environment: a known PATH and locale, who we are, the run, and what was asked for."""
        kept = {name: os.environ[name] for name in ("HOME", "USER", "LOGNAME", "SHELL") if name in os.environ}
        run = {RUN_VARIABLE: run_id} if run_id else {}
        return {**kept, "PATH": PATH, "LC_ALL": "C", **extra, **run}

    def spawn(self, request: Frame, environment: dict[str, str]) -> subprocess.Popen[bytes]:
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
                # Set on ourselves and inherited, so that a CPU that is not there is an error that can be told.
                try:
                    os.sched_setaffinity(0, cpus)
                except OSError as error:
                    raise Refused(f"cannot use CPUs {sorted(cpus)}: {why(error)}") from error
                if os.sched_getaffinity(0) != set(cpus):
                    given = sorted(os.sched_getaffinity(0))
                    raise Refused(f"cannot use CPUs {sorted(cpus)}: of these the host gives {given}")
            popen = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=request.get("cwd"),
                env=environment,
                bufsize=0,
                start_new_session=True,
                preexec_fn=in_child,
            )
        except OSError as error:
            raise Refused(f"cannot start {error.filename or argv[0]}: {why(error)}") from error
        except ValueError as error:  # a NUL in an argument
            raise Refused(f"cannot start {argv[0]!r}: {error}") from error
        finally:
            os.sched_setaffinity(0, before)
        return popen

    def process(self, request: Frame) -> Process | None:
        """The running process with the handle in a request, or None."""
        found = (c for c in self.children.values() if isinstance(c, Process) and c.handle == request["process"])
        return next(found, None)

    # The requests

    def op_hello(self, request: Frame) -> Frame:
        """Who we are; sets how long a heartbeat may stay out."""
        self.beat_timeout_s = request["beat_timeout_s"]
        self.alive()
        self.check_beat()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        return {
            "uid": os.getuid(),
            "pid": os.getpid(),
            "python": sys.version.split()[0],
            "boot_id": boot_id,
            "hostname": os.uname().nodename,
            "clock": {"monotonic": time.monotonic(), "realtime": time.time()},
        }

    def op_beat(self, _request: Frame) -> Frame:
        """The controller lives, and wants to know that we do."""
        return {}

    def op_quiet(self, request: Frame) -> Frame:
        """For `seconds` no heartbeat is to be expected; any request ends the quiet period."""
        self.alive(request["seconds"])
        self.check_beat()
        return {}

    def op_run(self, request: Frame) -> None:
        """Run a command; answered when it has ended."""
        child = Command(self, request)
        self.children[child.pid] = child

    def op_start(self, request: Frame) -> Frame:
        """Start a supervised process."""
        directory, name = request["directory"], request["name"]
        for child in self.children.values():
            if isinstance(child, Process) and (child.name, child.directory) == (name, directory):
                raise Refused(f"a process of this name already writes to {directory}")
        child = Process(self, request)
        self.children[child.pid] = child
        return {"pid": child.pid}

    def op_stop(self, request: Frame) -> Frame:
        """Stop a process with its own deadlines; its `exit` event tells how it ended."""
        child = self.process(request)
        if child is not None:
            child.escalate("stopped", child.stop_steps)
        return {"running": child is not None}

    def op_tail(self, request: Frame) -> Frame:
        """The end of a running process's stderr."""
        child = self.process(request)
        return {"stderr": text(child.errors.tail) if child is not None else ""}

    def op_status(self, _request: Frame) -> Frame:
        """What runs now."""
        now = time.monotonic()
        return {
            "children": [
                {"handle": c.handle, "pid": c.pid, "argv": c.argv, "seconds": now - c.started}
                for c in self.children.values()
            ]
        }

    def op_hold(self, request: Frame) -> Frame:
        """Take the host's lease. The kernel gives it back when this agent ends, however that happens."""
        if self.lease_fd is None:
            self.lease_fd = self.take_lease(request)
        self.run_id = request["run_id"]
        lease = {"schema": 1, "run_id": self.run_id, "owner": request["owner"], "since": request["since"]}
        os.ftruncate(self.lease_fd, 0)
        os.pwrite(self.lease_fd, json.dumps(lease).encode() + b"\n", 0)
        return {}

    def take_lease(self, request: Frame) -> int:
        """Lock the lease file. A holder that died without giving it back may have left processes: they are ended."""
        workdir = request["workdir"]
        if not os.path.isdir(workdir):
            os.makedirs(workdir, 0o755)
            user, group = os.environ.get("SUDO_UID", os.getuid()), os.environ.get("SUDO_GID", os.getgid())
            os.chown(workdir, int(user), int(group))
        path = os.path.join(workdir, "lease")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_lease(fd)
            os.close(fd)
            raise Refused("in use", "busy", holder=holder) from None
        left = read_lease(fd).get("run_id")
        if left:
            for pid in with_environment(f"{RUN_VARIABLE}={left}"):
                send_signal(pid, signal.SIGKILL)
        return fd

    def op_release(self, _request: Frame) -> Frame:
        """Give the lease back."""
        if self.lease_fd is not None:
            os.ftruncate(self.lease_fd, 0)
            os.close(self.lease_fd)
            self.lease_fd = None
        return {}

    def op_bye(self, request: Frame) -> None:
        """End everything; answered when it is done, just before this agent ends."""
        self.goodbye = request["id"]
        self.end("stopped")


def read_lease(fd: int) -> Frame:
    """The holder that a lease file names; empty if none or unreadable."""
    try:
        holder = json.loads(os.pread(fd, TAIL_BYTES, 0) or b"{}")
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def main() -> None:
    """Serve on stdin and stdout. A fault of our own still ends what was started."""
    agent = Agent(0, 1)
    try:
        agent.serve()
    finally:
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
