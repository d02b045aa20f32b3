"""The backends for tests of other rooms: the one that records and the one that breaks."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostUnreachable
from orchestrator.remote.faulty import Fault, FaultyRemote
from orchestrator.remote.local import LocalRemote
from orchestrator.remote.protocol import ExitStatus, ProcessSpec, Remote
from orchestrator.remote.recording import RecordingRemote, Reply


def test_recording_notes_and_answers(tmp_path: Path) -> None:
    remote = RecordingRemote(
        "alpha",
        [
            Reply(("cat", "/proc/x"), stdout="7\n", repeats=False),
            Reply(("cat",), exit_code=1, stderr="cat: no\n"),
            Reply(("boom",), error=HostUnreachable("gone", host="alpha")),
        ],
        files={"/there/a": b"A"},
    )
    as_protocol: Remote = remote
    assert as_protocol.run(["cat", "/proc/x"]).stdout == "7\n"
    with pytest.raises(CommandFailed, match="alpha: `cat /proc/x` exited with 1: cat: no"):
        remote.run(["cat", "/proc/x"])
    with pytest.raises(HostUnreachable):
        remote.run(["boom"])
    assert remote.run(["anything", "at all"]).exit_code == 0
    remote.put(b"B", "/there/deep/b", mode=0o600)
    remote.get_tree("/there", tmp_path)
    assert (tmp_path / "deep" / "b").read_bytes() == b"B"
    with pytest.raises(CommandFailed, match="ENOENT"):
        remote.get("/nowhere", tmp_path / "x")
    remote.close()
    assert remote.commands == ["cat /proc/x", "cat /proc/x", "boom", "anything 'at all'"]
    assert [call.op for call in remote.calls] == ["connect", *["run"] * 4, "put", "get_tree", "get", "close"]
    assert remote.calls[5]["mode"] == 0o600


def test_recording_plays_processes() -> None:
    died = ExitStatus(1, "exit", 0.1)
    remote = RecordingRemote("alpha", processes={"sick": (None, died), "done": ("hz=1", died)})
    fine, sick, done = (remote.start(ProcessSpec(name, ("x",), "/d", "R")) for name in ("fine", "sick", "done"))
    assert (fine.wait_ready(), done.wait_ready(), done.wait(1), fine.poll()) == ("", "hz=1", died, None)
    with pytest.raises(CommandFailed, match="alpha: sick: ended before it was ready"):
        sick.wait_ready()
    with pytest.raises(DeadlineExceeded):
        fine.wait(1)
    assert fine.stop().reason == "stopped"
    assert remote.calls[-1]["name"] == "fine"


def test_faults_strike_when_told(tmp_path: Path) -> None:
    remote = FaultyRemote(LocalRemote("alpha", tmp_path), Fault("run", "fail", nth=2), Fault("put", "lose"))
    as_protocol: Remote = remote
    try:
        assert as_protocol.run(["echo", "fine"]).stdout == "fine\n"
        with pytest.raises(CommandFailed, match="alpha: run failed"):
            remote.run(["true"])
        process = remote.start(ProcessSpec("p", ("sleep", "100"), str(tmp_path), "R"))
        with pytest.raises(HostUnreachable):
            remote.put(b"", f"{tmp_path}/x")
        assert not Path(f"/proc/{process.pid}").exists()  # really lost
        with pytest.raises(HostUnreachable, match="alpha: p: connection lost"):
            process.stop()
    finally:
        remote.close()


def test_hang_ends_with_close(tmp_path: Path) -> None:
    remote = FaultyRemote(RecordingRemote("alpha"), Fault("start", "hang"))
    threading.Timer(0.2, remote.close).start()
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="alpha: p: start did not end"):
        remote.start(ProcessSpec("p", ("sleep", "100"), str(tmp_path), "R"))
    assert 0.1 < time.monotonic() - began < 5
