"""The agent itself, as a subprocess spoken to in raw frames: what it does when its controller errs or vanishes."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.remote import bootstrap
from orchestrator.remote.bootstrap import Program
from orchestrator.remote.local import LocalStream

HERE = Path(__file__).resolve().parents[3] / "orchestrator" / "remote" / "on_host"


class Raw:
    """An agent and its frames."""

    def __init__(self, beat_timeout_s: float = 30.0) -> None:
        self.stream = LocalStream((sys.executable, *bootstrap.command("agent", sudo=False)[1:]))
        self.rest = bytearray()
        self.number = 0
        self.frames: list[dict[str, Any]] = []
        self.stream.write(bootstrap.source("agent"), 5)
        self.hello = self.ask("hello", beat_timeout_s=beat_timeout_s)

    def tell(self, op: str, **values: Any) -> int:
        self.number += 1
        self.stream.write(json.dumps({"id": self.number, "op": op, **values}).encode() + b"\n", 5)
        return self.number

    def until(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 5.0) -> dict[str, Any]:
        limit = time.monotonic() + timeout_s
        while True:
            for frame in self.frames:
                if wanted(frame):
                    self.frames.remove(frame)
                    return frame
            data = self.stream.read(max(0.01, limit - time.monotonic()))
            if not data:
                raise EOFError(self.stream.complaint())
            self.rest += data
            if b"\n" in data:
                *lines, self.rest = self.rest.split(b"\n")
                self.frames += [json.loads(line) for line in lines]

    def ask(self, op: str, **values: Any) -> dict[str, Any]:
        number = self.tell(op, **values)
        return self.until(lambda frame: frame.get("id") == number)

    def start(self, directory: Path, script: str, **values: Any) -> dict[str, Any]:
        request = {
            "name": "p",
            "argv": ["sh", "-c", script],
            "directory": str(directory),
            "run_id": "R1",
            "cpus": [],
            "env": {},
            "ready": "@ready",
            "deadline_s": 60,
            "stop": [0.2, 0.2, 1.0],
        }
        return self.ask("start", **{**request, **values})

    def event(self, name: str, timeout_s: float = 5.0) -> dict[str, Any]:
        return self.until(lambda frame: frame.get("event") == name, timeout_s)


@pytest.fixture
def agents() -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def make(**values: Any) -> Raw:
        made.append(Raw(**values))
        return made[-1]

    yield make
    for raw in made:
        raw.stream.close()
        raw.stream.wait(5)


def gone(pid: int, within_s: float) -> bool:
    """Whether a process ends in time (a pidfd becomes readable then)."""
    import select

    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], within_s)[0])
    finally:
        os.close(fd)


def pid_in(file: Path, within_s: float = 5.0) -> int:
    """The pid that a process under test writes into a file."""
    limit = time.monotonic() + within_s
    while time.monotonic() < limit:
        if file.exists() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.005)
    raise AssertionError(f"{file} was not written")


@pytest.mark.parametrize("program", ["agent", "courier"])
def test_a_program_is_python_3_9_and_is_sent_all_that_is_not_in_the_standard_library(program: Program) -> None:
    def imports(module: str) -> set[str]:
        tree = ast.parse(Path(HERE, f"{module}.py").read_text(), feature_version=(3, 9))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    sent = bootstrap.MODULES[program]
    imported = {name for module in sent for name in imports(module)}
    ours = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert ours | {f"{bootstrap.PACKAGE}.{program}"} == {f"{bootstrap.PACKAGE}.{module}" for module in sent}


def test_a_traceback_names_the_module(agents: Callable[..., Raw]) -> None:
    raw = agents()
    raw.stream.write(b"no frame\n", 5)
    with pytest.raises(EOFError, match=r'File "<orchestrator/remote/on_host/frames\.py>", line \d+, in receive'):
        raw.until(lambda _: False)


def test_hello_tells_facts(agents: Callable[..., Raw]) -> None:
    hello = agents().hello
    assert hello["uid"] == os.getuid()
    assert hello["hostname"] == os.uname().nodename
    assert hello["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert abs(hello["clock"]["monotonic"] - time.monotonic()) < 5


def test_requests_in_pieces_and_in_one_write_are_the_same(agents: Callable[..., Raw]) -> None:
    raw = agents()
    data = b"".join(json.dumps({"id": 100 + n, "op": "beat"}).encode() + b"\n" for n in range(3))
    for byte in data:
        raw.stream.write(bytes([byte]), 5)
    raw.stream.write(data.replace(b"10", b"20"), 5)
    assert [raw.until(lambda frame, n=n: frame.get("id") == n)["id"] for n in (100, 101, 102, 200, 201, 202)]


def test_eof_ends_everything_within_a_second(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    script = f"trap '' INT TERM; setsid sh -c 'echo $$ > {tmp_path}/escaped; exec sleep 100' & echo @ready; wait; wait"
    pid = raw.start(tmp_path, script)["pid"]
    raw.event("ready")
    raw.tell("run", argv=["sh", "-c", f"echo $$ > {tmp_path}/command; sleep 100"], env={}, timeout_s=60)
    pids = [pid, pid_in(tmp_path / "escaped"), pid_in(tmp_path / "command")]
    began = time.monotonic()
    raw.stream.close()
    assert all(gone(one, 1.0 - (time.monotonic() - began)) for one in pids)
    assert raw.stream.process.wait(1) == 0
    assert json.loads((tmp_path / "p.status").read_text())["reason"] == "eof"


def test_children_die_with_a_killed_agent(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    raw.stream.process.kill()
    assert gone(pid, 1.0)


def test_missing_heartbeat_ends_everything(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents(beat_timeout_s=0.8)
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    for _ in range(12):
        assert not gone(pid, 0.1)
        raw.ask("beat")
    assert gone(pid, 3.0)
    assert raw.stream.process.wait(1) == 0
    status = json.loads((tmp_path / "p.status").read_text())
    assert status["reason"] == "heartbeat"
    assert 2.0 <= status["seconds"] < 3.5


def test_quiet_period_is_waited_out_and_no_longer(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents(beat_timeout_s=0.6)
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    raw.ask("quiet", seconds=0.8)
    assert gone(pid, 5.0)
    assert raw.stream.process.wait(1) == 0
    assert 1.4 <= json.loads((tmp_path / "p.status").read_text())["seconds"] < 2.5


def test_quiet_period_ends_with_the_next_request(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents(beat_timeout_s=0.6)
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    raw.ask("quiet", seconds=30.0)
    raw.ask("beat")
    assert gone(pid, 3.0)


@pytest.mark.parametrize(
    ("ignored", "code"), [("", -signal.SIGINT), ("INT", -signal.SIGTERM), ("INT TERM", -signal.SIGKILL)]
)
def test_stop_escalates(agents: Callable[..., Raw], tmp_path: Path, ignored: str, code: int) -> None:
    raw = agents()
    trap = f"trap '' {ignored}; " if ignored else ""
    raw.start(tmp_path, f"{trap}echo @ready; exec sleep 100")
    raw.event("ready")
    began = time.monotonic()
    assert raw.ask("stop", process=raw.number)["running"] is True
    event = raw.event("exit")
    assert (event["exit_code"], event["reason"]) == (code, "stopped")
    assert time.monotonic() - began < 1.0
    assert raw.ask("stop", process=raw.number - 1)["running"] is False


def test_deadline_on_the_hosts_clock(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    raw.start(tmp_path, "trap '' INT; exec sleep 100", deadline_s=0.3)
    event = raw.event("exit", 2.0)
    assert event["reason"] == "deadline"
    assert 0.3 <= event["seconds"] < 1.5


def test_what_a_command_leaves_running_ends_with_it(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    escape = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 100'"
    script = f"{escape} & sleep 100 & while [ ! -s {tmp_path}/pid ]; do sleep 0.01; done"
    reply = raw.ask("run", argv=["sh", "-c", script], env={}, timeout_s=10)
    assert reply["exit_code"] == 0
    assert gone(pid_in(tmp_path / "pid"), 1.0)


def test_timeout_kills_the_whole_tree(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    script = f"trap '' TERM; setsid -w sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/pid; sleep 100'"
    reply = raw.ask("run", argv=["sh", "-c", script], env={}, timeout_s=0.3)
    assert reply["error"]["kind"] == "timeout"
    assert gone(pid_in(tmp_path / "pid"), 1.0)


def test_lease_excludes_and_is_free_when_its_holder_is_killed(agents: Callable[..., Raw], tmp_path: Path) -> None:
    first, second = agents(), agents()
    workdir = tmp_path / "made" / "here"
    lease = {"workdir": str(workdir), "owner": "ann@desk", "since": "2026-01-01T00:00:00Z"}
    assert "error" not in first.ask("hold", run_id="R-excludes", **lease)
    busy = second.ask("hold", run_id="R2", **lease)["error"]
    assert busy["kind"] == "busy"
    assert busy["holder"] == {"schema": 1, "run_id": "R-excludes", "owner": "ann@desk", "since": "2026-01-01T00:00:00Z"}
    first.stream.process.kill()
    first.stream.process.wait(5)
    assert "error" not in second.ask("hold", run_id="R2", **lease)
    second.ask("release")
    assert (workdir / "lease").read_bytes() == b""


def test_lease_ends_what_a_killed_holder_left(agents: Callable[..., Raw], tmp_path: Path) -> None:
    first, second = agents(), agents()
    lease = {"workdir": str(tmp_path), "owner": "ann", "since": "then"}
    first.ask("hold", run_id="R-of-this-test", **lease)
    script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 100' & wait"
    first.start(tmp_path, script, run_id="R-of-this-test")
    escaped = pid_in(tmp_path / "pid")
    first.stream.process.kill()
    first.stream.process.wait(5)
    assert not gone(escaped, 0.1)
    second.ask("hold", run_id="R-next", **lease)
    assert gone(escaped, 1.0)


def test_full_disk_is_told_and_ends_the_process_and_not_the_agent(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    (tmp_path / "p.stdout").symlink_to("/dev/full")
    raw.start(tmp_path, "echo something; exec sleep 100")
    failed = raw.event("log_failed")
    assert failed["path"] == str(tmp_path / "p.stdout")
    assert "ENOSPC" in failed["what"]
    event = raw.event("exit")
    assert event["reason"] == "log"
    assert event["detail"] == f"cannot write {tmp_path}/p.stdout: No space left on device (ENOSPC)"
    assert json.loads((tmp_path / "p.status").read_text())["detail"] == event["detail"]
    assert "error" not in raw.ask("beat")


def test_full_disk_at_the_start_refuses_it(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    (tmp_path / "p.argv").symlink_to("/dev/full")
    assert "ENOSPC" in raw.start(tmp_path, "true")["error"]["what"]


def test_a_controller_that_does_not_read_holds_nothing_up(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents(beat_timeout_s=1.0)
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    raw.tell("run", argv=["head", "-c", "9000000", "/dev/zero"], env={}, timeout_s=60)
    assert gone(pid, 4.0)  # the heartbeat is out, though megabytes wait to be sent


def test_output_over_the_limit_is_cut_and_says_so(agents: Callable[..., Raw]) -> None:
    reply = agents().ask("run", argv=["sh", "-c", f"yes | head -c {(16 << 20) + 5}"], env={}, timeout_s=60)
    assert reply["stdout"].endswith("[cut after 16 MiB]\n")
    assert len(reply["stdout"]) < (16 << 20) + 100


def test_a_cpu_that_is_not_there(agents: Callable[..., Raw], tmp_path: Path) -> None:
    error = agents().start(tmp_path, "true", cpus=[1000])["error"]
    assert "CPUs [1000]" in error["what"]


def test_a_bad_request_is_refused_and_ends_nothing(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    assert "null byte" in raw.ask("run", argv=["a\0b"], env={}, timeout_s=1)["error"]["what"]
    assert "UnicodeEncodeError" in raw.ask("run", argv=["cat"], stdin="\ud800", env={}, timeout_s=1)["error"]["what"]
    assert "op_dance" in raw.ask("dance")["error"]["what"]
    assert "KeyError" in raw.ask("start")["error"]["what"]
    assert not gone(pid, 0)


def test_a_status_that_cannot_be_written_refuses_the_start(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    (tmp_path / "p.status").symlink_to("/dev/full")
    assert "ENOSPC" in raw.start(tmp_path, "exec sleep 100")["error"]["what"]
    assert raw.ask("status")["children"] == []


def test_bye_is_answered_when_everything_is_gone(agents: Callable[..., Raw], tmp_path: Path) -> None:
    raw = agents()
    pid = raw.start(tmp_path, "exec sleep 100")["pid"]
    assert raw.ask("bye")["left"] == []
    assert gone(pid, 0)


def test_the_loader_reads_not_one_byte_too_many() -> None:
    program = bootstrap.pack({f"{bootstrap.PACKAGE}.agent": "import os\ndef main(): print(os.read(0, 100))"})
    argv = (sys.executable, *bootstrap.command("agent", sudo=False)[1:])
    done = subprocess.run(argv, input=program + b"rest", capture_output=True, check=True)
    assert done.stdout == b"b'rest'\n"
