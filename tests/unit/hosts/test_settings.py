"""The way of every setting: probe, journal, apply, verify, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import HostSettingError
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.settings import Change, JsonObject, OpenChange, Reverted, SettingUnchanged, Superseded, make
from orchestrator.remote.protocol import Remote


class Knob:
    """A file that is to hold `wanted`; its faults are given as the names of the steps that fail."""

    name, kind = "knob", "knob"

    def __init__(self, file: Path, *faults: str, superseded: int = 0, taken: int = 0) -> None:
        self.file, self.faults, self.superseded, self.taken = file, faults, superseded, taken
        self.open_before_write: list[int] = []
        self.journal: Journal | None = None

    def probe(self, remote: Remote) -> JsonObject | None:
        prior = self.file.read_text()
        return None if prior == "wanted" else {"prior": prior}

    def apply(self, remote: Remote, data: JsonObject) -> JsonObject:
        assert self.journal is not None
        self.open_before_write.append(len(self.journal.open_changes().changes))
        if self.superseded:
            self.superseded -= 1
            raise Superseded
        if "unchanged" in self.faults:
            raise SettingUnchanged("no", host=remote.host)
        self.file.write_text("half" if "apply" in self.faults else "wanted")
        if "apply" in self.faults:
            raise HostSettingError("half done", host=remote.host)
        return {**data, "written": True}

    def verify(self, remote: Remote, data: JsonObject) -> None:
        if self.taken:
            self.taken -= 1
            raise Superseded
        if "verify" in self.faults:
            raise HostSettingError("did not stick", host=remote.host)

    def revert(self, remote: Remote, change: OpenChange) -> Reverted:
        if "revert" in self.faults:
            raise HostSettingError("stuck", host=remote.host)
        self.file.write_text(str(change.change.data["prior"]))
        return Reverted("knob back")


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.remote = LocalRemote("alpha")
        self.journal = Journal(tmp_path / "here.jsonl", {"alpha": self.remote}, {"alpha": tmp_path / "work"})
        self.file = tmp_path / "knob"
        self.file.write_text("before")

    def make(self, knob: Knob) -> Change | None:
        knob.journal = self.journal
        return make(knob, self.remote, self.journal, kernel="k", owner="run:r")

    def open(self) -> list[OpenChange]:
        return list(self.journal.open_changes().changes)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_stands_is_left_alone(bench: Bench) -> None:
    bench.file.write_text("wanted")
    assert bench.make(Knob(bench.file)) is None
    assert bench.open() == []


def test_a_change_is_open_before_it_is_written_and_confirmed_after(bench: Bench) -> None:
    knob = Knob(bench.file)
    change = bench.make(knob)
    assert change is not None
    assert knob.open_before_write == [1]
    (open_one,) = bench.open()
    assert (open_one.applied, open_one.change, change.data) == (True, change, {"prior": "before", "written": True})


def test_what_somebody_else_changed_meanwhile_is_probed_again(bench: Bench) -> None:
    knob = Knob(bench.file, superseded=2)
    assert bench.make(knob) is not None
    assert knob.open_before_write == [1, 1, 1]
    assert len(bench.open()) == 1


def test_what_somebody_else_took_at_once_is_put_back_and_made_again(bench: Bench) -> None:
    knob = Knob(bench.file, taken=2)
    assert bench.make(knob) is not None
    assert knob.open_before_write == [1, 1, 1]
    assert (bench.file.read_text(), len(bench.open())) == ("wanted", 1)


def test_but_not_for_ever(bench: Bench) -> None:
    with pytest.raises(HostSettingError, match="alpha: knob: somebody else keeps changing it"):
        bench.make(Knob(bench.file, superseded=99))
    assert (bench.file.read_text(), bench.open()) == ("before", [])


@pytest.mark.parametrize(("fault", "line"), [("apply", "half done"), ("verify", "did not stick"), ("unchanged", "no")])
def test_a_failure_leaves_the_setting_as_it_was(bench: Bench, fault: str, line: str) -> None:
    with pytest.raises(HostSettingError, match=f"alpha: {line}"):
        bench.make(Knob(bench.file, fault))
    assert (bench.file.read_text(), bench.open()) == ("before", [])


def test_what_cannot_be_put_back_at_once_stays_open_for_restore(bench: Bench) -> None:
    with pytest.raises(HostSettingError, match=r"did not stick; and putting it back failed: stuck - run `invoke rest"):
        bench.make(Knob(bench.file, "verify", "revert"))
    assert [item.change.data["prior"] for item in bench.open()] == ["before"]
