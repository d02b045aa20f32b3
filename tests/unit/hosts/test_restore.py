"""What `restore` does with settings of any kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import HostSettingError, HostUnreachable
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.kernel import BOOT_ID
from orchestrator.hosts.restore import RestoreReport, restore
from orchestrator.hosts.settings import Change, OpenChange, Reverted
from orchestrator.remote.protocol import Remote

OWN = Path(BOOT_ID).read_text().strip()


class Bench:
    def __init__(self, tmp_path: Path) -> None:
        self.tmp = tmp_path
        self.remotes: dict[str, Remote] = {name: LocalRemote(name) for name in ("alpha", "beta")}
        self.workdirs = {name: tmp_path / name for name in self.remotes}
        self.done: list[tuple[str, str]] = []

    def journal(self) -> Journal:
        return Journal(self.tmp / "here.jsonl", self.remotes, self.workdirs)

    def begin(self, setting: str, host: str = "alpha", kind: str = "good", owner: str = "run:r") -> None:
        change = Change(setting=setting, kind=kind, host=host, kernel=OWN, owner=owner, data={})
        self.journal().begin(change)

    def good(self, remote: Remote, change: OpenChange) -> Reverted:
        self.done.append((remote.host, change.change.setting))
        return Reverted(f"{change.change.setting} back")

    def bad(self, remote: Remote, change: OpenChange) -> Reverted:
        raise HostSettingError(f"{change.change.setting} is stuck", host=remote.host)

    def restore(self, only_owner: str | None = None) -> RestoreReport:
        reverters = {"good": self.good, "bad": self.bad}
        return restore(
            self.remotes, self.journal(), reverters, only_owner=only_owner, clear=lambda _: [], lock_folder=self.tmp
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_newest_change_goes_first_through_the_host_that_made_it(bench: Bench) -> None:
    bench.begin("one")
    bench.begin("two", "beta")
    bench.begin("three")
    report = bench.restore()
    assert bench.done == [("alpha", "three"), ("beta", "two"), ("alpha", "one")]
    assert [entry.note for entry in report.restored] == ["three back", "two back", "one back"]
    report.check()


def test_what_fails_and_what_is_unknown_stays_open_and_stops_nothing(bench: Bench) -> None:
    bench.begin("one")
    bench.begin("two", kind="bad")
    bench.begin("three", kind="of a later version")
    report = bench.restore()
    assert bench.done == [("alpha", "one")]
    with pytest.raises(HostSettingError) as caught:
        report.check()
    assert "alpha: three: this version cannot put back changes of kind 'of a later version'" in str(caught.value)
    assert "alpha: two is stuck" in str(caught.value)
    assert [item.change.setting for item in bench.journal().open_changes().changes] == ["two", "three"]


def test_only_one_owner(bench: Bench) -> None:
    bench.begin("mine", owner="run:1")
    bench.begin("another's", owner="run:11")
    bench.restore("run:1")
    assert bench.done == [("alpha", "mine")]


def test_a_host_that_is_gone_is_stood_in_for_by_one_of_its_kernel(bench: Bench) -> None:
    bench.begin("one")
    del bench.remotes["alpha"]
    assert bench.restore().failures == ()
    assert bench.done == [("beta", "one")]
    bench.remotes["alpha"] = LocalRemote("alpha")
    assert bench.restore() == RestoreReport((), ())
    assert bench.done == [("beta", "one")]


def test_hosts_that_cannot_be_reached_are_failures_and_the_errors_keep_their_class(bench: Bench) -> None:
    class Lost(LocalRemote):
        def run(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
            raise HostUnreachable("no route", host=self.host)

    bench.begin("one")
    bench.remotes = {name: Lost(name) for name in bench.remotes}
    report = bench.restore()
    with pytest.raises(HostUnreachable, match="alpha: no route; beta: no route"):
        report.check()
    assert bench.done == []


def test_another_machine_under_the_same_name_is_not_taken_for_one_that_rebooted(bench: Bench) -> None:
    change = Change(setting="pages", kind="good", host="alpha", kernel="that of another boot", owner="run:r", data={})
    change_id = bench.journal().begin(change)
    own_copy = bench.workdirs["alpha"] / "journal.jsonl"
    kept = own_copy.read_text()

    own_copy.unlink()  # the name now leads to a machine that knows nothing of the change
    report = bench.restore()
    with pytest.raises(HostSettingError, match=r"alpha: pages was changed at .* on another machine"):
        report.check()
    assert change_id in str(report.failures[0])
    assert [item.id for item in bench.journal().open_changes().changes] == [change_id]

    own_copy.write_text(kept)  # the machine itself again, rebooted since
    report = bench.restore()
    report.check()
    assert [entry.note for entry in report.restored] == ["pages: the kernel has rebooted since, nothing to put back"]
    assert bench.journal().open_changes().changes == ()
    assert bench.done == []
