"""The Remote over an agent: what callers get and what they are told, with real processes but no SSH."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostBusy, HostUnreachable
from orchestrator.remote import session
from orchestrator.remote.local import LocalRemote, LocalStream
from orchestrator.remote.protocol import ProcessSpec, Remote, StopDeadlines

QUICK = StopDeadlines(0.2, 0.2, 1.0)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[LocalRemote]:
    made = LocalRemote("alpha", tmp_path / "work")
    yield made
    made.close()


def spec(folder: Path, script: str, name: str = "app", **values: object) -> ProcessSpec:
    values = {"stop": QUICK, **values}
    return ProcessSpec(name, ("sh", "-c", script), str(folder / "logs"), "R1", **values)  # type: ignore[arg-type]


def test_it_is_a_remote(remote: LocalRemote) -> None:
    as_protocol: Remote = remote
    assert as_protocol.host == "alpha"


def test_run_gives_output_and_status(remote: LocalRemote) -> None:
    done = remote.run(
        ["sh", "-s", "--", "a b"],
        stdin="cat <<X\n$1 $LC_ALL $ADDED\nX\necho no >&2; exit 3",
        check=False,
        env={"ADDED": "it's"},
    )
    assert (done.exit_code, done.stdout, done.stderr) == (3, "a b C it's\n", "no\n")


def test_run_takes_no_shell(remote: LocalRemote) -> None:
    assert remote.run(["printf", "%s", "$HOME; `id`"]).stdout == "$HOME; `id`"


def test_run_killed_by_a_signal(remote: LocalRemote) -> None:
    assert remote.run(["sh", "-c", "kill -9 $$"], check=False).exit_code == -9


def test_large_stdin_and_output(remote: LocalRemote) -> None:
    text = "0123456789abcdef" * 65536 * 3
    assert remote.run(["cat"], stdin=text).stdout == text


def test_stdin_that_nobody_reads_is_no_error(remote: LocalRemote) -> None:
    assert remote.run(["true"], stdin="x" * 1_000_000).exit_code == 0


def test_failed_command_says_why_in_one_line(remote: LocalRemote) -> None:
    with pytest.raises(CommandFailed) as caught:
        remote.run(["sh", "-c", "echo first >&2; echo second >&2; exit 7"])
    assert str(caught.value) == "alpha: `sh -c 'echo first >&2; echo second >&2; exit 7'` exited with 7: first | second"


def test_command_that_is_not_there(remote: LocalRemote) -> None:
    with pytest.raises(CommandFailed, match=r"alpha: cannot start no-such-thing: No such file or directory \(ENOENT\)"):
        remote.run(["no-such-thing"])


def test_command_that_takes_too_long(remote: LocalRemote) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"`sh -c .*` did not end within 0.2 s and was killed: here"):
        remote.run(["sh", "-c", "echo here; sleep 100"], timeout_s=0.2)
    assert time.monotonic() - began < 2


def test_put_get_and_tree(remote: LocalRemote, tmp_path: Path) -> None:
    remote.put(b"one", f"{tmp_path}/host/deep/one", mode=0o600)
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 8192)
    remote.put(big, f"{tmp_path}/host/big")
    remote.put(b"", f"{tmp_path}/host/empty")
    (tmp_path / "host" / "link").symlink_to("/etc/passwd")
    assert (tmp_path / "host/deep/one").stat().st_mode & 0o777 == 0o600
    remote.get(f"{tmp_path}/host/deep/one", tmp_path / "back" / "one")
    assert (tmp_path / "back/one").read_bytes() == b"one"
    remote.get_tree(f"{tmp_path}/host", tmp_path / "tree")
    found = {
        str(f.relative_to(tmp_path / "tree")): f.read_bytes() for f in (tmp_path / "tree").rglob("*") if f.is_file()
    }
    assert found == {"deep/one": b"one", "big": big.read_bytes(), "empty": b""}
    assert sorted(f.name for f in (tmp_path / "host").iterdir()) == ["big", "deep", "empty", "link"]


def test_file_errors_name_the_file_and_leave_the_stream_in_step(remote: LocalRemote, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"alpha: cannot read .*/none: No such file or directory \(ENOENT\)"):
        remote.get(f"{tmp_path}/none", tmp_path / "x")
    with pytest.raises(CommandFailed, match=r"alpha: cannot read .*/none: No such file or directory"):
        remote.get_tree(f"{tmp_path}/none", tmp_path / "x")
    with pytest.raises(CommandFailed, match="alpha: cannot write /proc/version/x"):
        remote.put(b"x" * 1_000_000, "/proc/version/x")
    remote.put(b"fine", f"{tmp_path}/fine")
    assert (tmp_path / "fine").read_bytes() == b"fine"


def test_courier_that_was_idle_is_replaced(
    remote: LocalRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.put(b"1", f"{tmp_path}/f")
    monkeypatch.setattr("orchestrator.remote.transfer.REUSE_S", 0.0)
    remote.put(b"2", f"{tmp_path}/f")
    assert (tmp_path / "f").read_bytes() == b"2"
    assert len(remote._streams) == 3


def test_process_from_start_to_stop(remote: LocalRemote, tmp_path: Path) -> None:
    script = "echo noise @ready; echo run $DPDK_ORCHESTRATOR_RUN >&2; echo '@ready hz=5 x'; exec sleep 100"
    process = remote.start(spec(tmp_path, script, cpus=(0,)))
    assert process.wait_ready() == "hz=5 x"
    assert process.poll() is None
    assert "Cpus_allowed_list:\t0\n" in Path(f"/proc/{process.pid}/status").read_text()
    status = process.stop()
    assert (status.exit_code, status.reason, status.stderr_tail) == (-2, "stopped", "run R1\n")
    assert process.stop() == status == process.poll()
    logs = tmp_path / "logs"
    assert (logs / "app.stdout").read_text() == "noise @ready\n@ready hz=5 x\n"
    assert (logs / "app.stderr").read_text() == "run R1\n"
    assert (logs / "app.argv").read_text().startswith("sh -c 'echo noise")


def test_process_that_ends_by_itself(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "echo @ready; exit 4"))
    assert process.wait_ready() == ""
    assert (process.wait(5).exit_code, process.wait(0).reason) == (4, "exit")


def test_process_without_a_ready_token(remote: LocalRemote, tmp_path: Path) -> None:
    assert remote.start(spec(tmp_path, "sleep 100", ready="")).wait_ready() == ""


def test_process_that_dies_before_it_is_ready(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "echo 'no memory' >&2; exit 9"))
    with pytest.raises(CommandFailed) as caught:
        process.wait_ready()
    assert str(caught.value) == "alpha: app: ended before it was ready: it exited with 9: no memory"


def test_process_that_is_never_ready(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "echo 'waiting for a link' >&2; exec sleep 100", ready_timeout_s=0.3))
    with pytest.raises(DeadlineExceeded) as caught:
        process.wait_ready()
    assert str(caught.value) == "alpha: app: printed no @ready within 0.3 s: waiting for a link"


def test_process_that_does_not_end(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "exec sleep 100"))
    with pytest.raises(DeadlineExceeded, match=r"alpha: app: did not end within 0\.1 s"):
        process.wait(0.1)


def test_process_that_cannot_start(remote: LocalRemote, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="alpha: app: cannot start /no/such"):
        remote.start(ProcessSpec("app", ("/no/such",), str(tmp_path), "R1"))


def test_two_processes_of_one_name(remote: LocalRemote, tmp_path: Path) -> None:
    remote.start(spec(tmp_path, "sleep 100"))
    with pytest.raises(CommandFailed, match="alpha: app: a process of this name already writes to"):
        remote.start(spec(tmp_path, "sleep 100"))


def test_lease_names_its_holder(remote: LocalRemote, tmp_path: Path) -> None:
    remote.hold("R1", "ann@desk")
    other = LocalRemote("alpha", tmp_path / "work")
    try:
        with pytest.raises(HostBusy, match=r"alpha: in use by run R1 of ann@desk since 20\d\d-\d\d-\d\dT.*Z - wait"):
            other.hold("R2", "bob")
        remote.release()
        other.hold("R2", "bob")
    finally:
        other.close()


def test_a_lease_may_say_what_to_do_about_it(remote: LocalRemote, tmp_path: Path) -> None:
    remote.hold("R1", "ann@desk (a store is mounted)", "to end it: invoke store-umount")
    other = LocalRemote("alpha", tmp_path / "work")
    try:
        with pytest.raises(HostBusy, match=r"of ann@desk \(a store is mounted\) since .* - to end it: "):
            other.hold("R2", "bob")
    finally:
        other.close()


def test_close_ends_processes_and_connect_begins_anew(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "exec sleep 100"))
    remote.close()
    remote.close()
    assert not Path(f"/proc/{process.pid}").exists()
    status = process.poll()
    assert status is not None
    assert status.reason == "stopped"
    assert remote.run(["echo", "again"]).stdout == "again\n"


def test_lost_agent_is_noticed_at_once_and_stays_lost(remote: LocalRemote, tmp_path: Path) -> None:
    process = remote.start(spec(tmp_path, "exec sleep 100"))
    threading.Timer(0.2, remote._streams[0].process.kill).start()
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match="alpha: connection lost"):
        process.wait(30)
    assert time.monotonic() - began < 2
    status = process.poll()
    assert status is not None
    assert status.reason == "lost"
    for use in (lambda: remote.run(["true"]), lambda: remote.put(b"", f"{tmp_path}/x"), process.stop):
        with pytest.raises(HostUnreachable):
            use()


def test_agent_that_hangs_is_given_up(remote: LocalRemote, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    monkeypatch.setattr(session, "BEAT_S", 0.1)
    monkeypatch.setattr(session, "LOST_AFTER_S", 0.5)
    remote.connect()
    hung = remote._streams[0].process
    hung.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(HostUnreachable, match=r"no answer for 0\.5 s"):
            remote.run(["true"])
        assert time.monotonic() - began < 2
    finally:
        hung.send_signal(signal.SIGCONT)


def test_heartbeat_keeps_the_agent_and_a_quiet_period_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "BEAT_S", 0.1)
    remote = LocalRemote("alpha", tmp_path, beat_timeout_s=0.8)
    try:
        process = remote.start(spec(tmp_path, "exec sleep 100"))
        with pytest.raises(DeadlineExceeded):
            process.wait(1.7)  # over two timeouts
        sent: list[bytes] = []
        stream = remote._streams[0]
        write = stream.write

        def noted(data: bytes, timeout_s: float) -> None:
            sent.append(data)
            write(data, timeout_s)

        remote.quiet(1.0)
        monkeypatch.setattr(stream, "write", noted)
        time.sleep(0.9)
        assert sent == []
        time.sleep(1.0)  # and afterwards it is there again
        assert sent
        assert process.poll() is None
    finally:
        remote.close()


def test_close_while_a_slow_host_is_being_connected(tmp_path: Path) -> None:
    begun, released = threading.Event(), threading.Event()

    class Slow(LocalRemote):
        def _open(self, program: Literal["agent", "courier"]) -> LocalStream:
            begun.set()
            assert released.wait(10)
            return super()._open(program)

    remote = Slow("alpha", tmp_path)
    said: list[str] = []

    def connect() -> None:
        try:
            remote.connect()
        except HostUnreachable as error:
            said.append(str(error))

    thread = threading.Thread(target=connect)
    thread.start()
    assert begun.wait(5)
    remote.close()
    released.set()
    thread.join(10)
    assert said == ["alpha: closed while it was being connected"]
    assert remote._streams == []  # and nothing was left behind


def test_what_is_not_a_frame_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.remote.bootstrap._LOADER", "print('Welcome to this host'); input()")
    with pytest.raises(HostUnreachable, match="Welcome to this host"):
        LocalRemote("alpha", tmp_path).connect()
