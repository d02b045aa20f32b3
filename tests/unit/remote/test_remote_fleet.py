from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from orchestrator.errors import CommandFailed, DeadlineExceeded, HostUnreachable
from orchestrator.inventory.model import Host, Inventory
from orchestrator.remote import fleet
from orchestrator.remote.faulty import Fault, FaultyRemote
from orchestrator.remote.local import LocalRemote
from orchestrator.remote.protocol import Remote
from orchestrator.remote.recording import RecordingRemote

NAMES = ("alpha", "beta", "gamma")


def recorders() -> dict[str, Remote]:
    return {name: RecordingRemote(name) for name in NAMES}


def test_all_at_once_in_the_order_given() -> None:
    together = threading.Barrier(3, timeout=5)
    outcomes = fleet.each(recorders(), lambda remote: (together.wait(), remote.host.upper())[1], deadline_s=5)
    assert list(outcomes) == list(NAMES)
    assert fleet.values(outcomes) == {"alpha": "ALPHA", "beta": "BETA", "gamma": "GAMMA"}


def test_one_that_hangs_gets_a_verdict_and_blocks_nobody() -> None:
    released = threading.Event()
    try:
        began = time.monotonic()
        outcomes = fleet.each(recorders(), lambda remote: remote.host != "beta" or released.wait(30), deadline_s=0.3)
        assert time.monotonic() - began < 2
        assert [outcome.ok for outcome in outcomes.values()] == [True, False, True]
        with pytest.raises(DeadlineExceeded, match=r"^beta: not done within 0\.3 s"):
            fleet.values(outcomes)
    finally:
        released.set()


def test_a_late_answer_changes_no_verdict() -> None:
    released, done = threading.Event(), threading.Event()

    def slow(remote: Remote) -> None:
        released.wait(30)
        done.set()

    outcomes = fleet.each({"alpha": RecordingRemote("alpha")}, slow, deadline_s=0.1)
    released.set()
    assert done.wait(5)
    assert isinstance(outcomes["alpha"].error, DeadlineExceeded)


def test_one_error_names_all_hosts_that_failed() -> None:
    def fail(remote: Remote) -> str:
        if remote.host == "gamma":
            return "fine"
        raise CommandFailed("no space", host=remote.host)

    with pytest.raises(CommandFailed) as caught:
        fleet.values(fleet.each(recorders(), fail, deadline_s=5))
    assert str(caught.value) == "alpha: no space; beta: no space"


def test_a_fault_in_the_program_is_raised_as_it_is() -> None:
    def fail(remote: Remote) -> None:
        raise CommandFailed("x", host="alpha") if remote.host == "alpha" else KeyError(remote.host)

    with pytest.raises(KeyError, match="beta"):
        fleet.values(fleet.each(recorders(), fail, deadline_s=5))


def test_no_hosts_is_no_error() -> None:
    assert fleet.values(fleet.each({}, lambda remote: remote.host, deadline_s=1)) == {}


def test_connect_all_or_none(tmp_path: Path) -> None:
    inventory = Inventory(schema=1, hosts=tuple(Host(name=name, workdir=tmp_path / name) for name in NAMES))
    remotes = fleet.connect_all(inventory, lambda host: LocalRemote(host.name, host.workdir))
    try:
        outcomes = fleet.each(remotes, lambda remote: remote.run(["echo", remote.host]).stdout, deadline_s=10)
        assert fleet.values(outcomes) == {name: f"{name}\n" for name in NAMES}
    finally:
        assert all(outcome.ok for outcome in fleet.close_all(remotes).values())

    made: dict[str, RecordingRemote] = {}

    def factory(host: Host) -> Remote:
        made[host.name] = RecordingRemote(host.name)
        faults = {"beta": (Fault("connect", "refuse"),), "gamma": (Fault("connect", "hang"),)}
        return FaultyRemote(made[host.name], *faults.get(host.name, ()))

    with pytest.raises(HostUnreachable, match=r"beta: refuses .*; gamma: not done within 0\.3 s"):
        fleet.connect_all(inventory, factory, deadline_s=0.3)
    assert [call.op for call in made["alpha"].calls] == ["connect", "close"]
