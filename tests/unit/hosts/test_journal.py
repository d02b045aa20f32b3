import json
from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import CommandFailed, HostSettingError
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.settings import Change


def change(host: str = "alpha", **data: int) -> Change:
    return Change(setting="hugepages 2M", kind="hugepages", host=host, kernel="k1", owner="run:r1", data=dict(data))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "controller" / "bed.jsonl"


@pytest.fixture
def hosts(tmp_path: Path) -> dict[str, Path]:
    return {name: tmp_path / name / "work" for name in ("alpha", "beta")}


def open_journal(here: Path, hosts: dict[str, Path]) -> Journal:
    return Journal(here, {name: LocalRemote(name) for name in hosts}, hosts)


def test_a_change_is_in_both_copies_before_it_is_made(here: Path, hosts: dict[str, Path]) -> None:
    change_id = open_journal(here, hosts).begin(change(prior=3))
    for file in (here, hosts["alpha"] / "journal.jsonl"):
        (line,) = [json.loads(text) for text in file.read_text().splitlines()]
        assert (line["schema"], line["event"], line["id"]) == (1, "begin", change_id)
        assert line["change"]["data"] == {"prior": 3}
    assert not hosts["beta"].exists()


def test_open_until_done_and_done_twice_changes_nothing(here: Path, hosts: dict[str, Path]) -> None:
    journal = open_journal(here, hosts)
    first, second = journal.begin(change(prior=1)), journal.begin(change("beta", prior=2))
    assert [(item.id, item.applied) for item in journal.open_changes().changes] == [(first, False), (second, False)]
    journal.applied(first, {"prior": 1, "added": 5})
    journal.done(second)
    journal.done(second)
    (left,) = open_journal(here, hosts).open_changes().changes
    assert (left.id, left.applied, left.change.data) == (first, True, {"prior": 1, "added": 5})


@pytest.mark.parametrize("lost", ["controller", "host"])
def test_either_copy_is_enough(here: Path, hosts: dict[str, Path], lost: str) -> None:
    journal = open_journal(here, hosts)
    change_id = journal.begin(change(prior=1))
    journal.applied(change_id, {"prior": 1, "added": 2})
    (here if lost == "controller" else hosts["alpha"] / "journal.jsonl").unlink()
    again = open_journal(here, hosts)
    (left,) = again.open_changes().changes
    assert (left.id, left.applied, left.change.data) == (change_id, True, {"prior": 1, "added": 2})
    again.done(change_id)
    assert open_journal(here, hosts).open_changes().changes == ()


def test_done_in_one_copy_is_proof_and_the_other_is_evened_out(here: Path, hosts: dict[str, Path]) -> None:
    journal = open_journal(here, hosts)
    change_id = journal.begin(change())
    before = (hosts["alpha"] / "journal.jsonl").read_text()
    journal.done(change_id)
    (hosts["alpha"] / "journal.jsonl").write_text(before)
    again = open_journal(here, hosts)
    found = again.open_changes()
    assert found.changes == ()
    assert [item.id for item in found.half_done] == [change_id]
    again.done(change_id)
    assert open_journal(here, hosts).open_changes().half_done == ()


@pytest.mark.parametrize("copy", ["controller", "host"])
def test_a_torn_last_line_hides_nothing_else(here: Path, hosts: dict[str, Path], copy: str) -> None:
    journal = open_journal(here, hosts)
    first = journal.begin(change(prior=1))
    file = here if copy == "controller" else hosts["alpha"] / "journal.jsonl"
    with file.open("a") as stream:
        stream.write('{"schema":1,"event":"done","id":"' + first[:5])
    second = open_journal(here, hosts).begin(change(prior=2))
    (here if copy == "host" else hosts["alpha"] / "journal.jsonl").unlink()
    assert [item.id for item in open_journal(here, hosts).open_changes().changes] == [first, second]


def test_a_later_schema_is_refused_with_the_remedy(here: Path, hosts: dict[str, Path]) -> None:
    open_journal(here, hosts).begin(change())
    here.write_text(here.read_text().replace('"schema":1', '"schema":2'))
    with pytest.raises(HostSettingError, match=r"schema 2.*restore"):
        open_journal(here, hosts).open_changes()


def test_where_the_host_cannot_keep_a_journal_nothing_is_open(here: Path, hosts: dict[str, Path]) -> None:
    hosts["alpha"].parent.mkdir()
    hosts["alpha"].write_text("a file in the way")
    journal = open_journal(here, hosts)
    with pytest.raises(CommandFailed):
        journal.begin(change())
    assert Journal(here, {}, {}).open_changes().changes == ()


def test_a_host_that_does_not_answer_is_named_and_the_others_are_read(here: Path, hosts: dict[str, Path]) -> None:
    journal = open_journal(here, hosts)
    change_id = journal.begin(change("beta"))
    here.unlink()
    (hosts["alpha"] / "journal.jsonl").mkdir(parents=True)
    found = open_journal(here, hosts).open_changes()
    assert [item.id for item in found.changes] == [change_id]
    assert list(found.unread) == ["alpha"]


def test_a_host_that_did_not_answer_is_left_alone_and_evened_out_later(here: Path, hosts: dict[str, Path]) -> None:
    change_id = open_journal(here, hosts).begin(change("alpha"))
    file = hosts["alpha"] / "journal.jsonl"
    kept = file.rename(hosts["alpha"] / "kept")
    file.mkdir()
    journal = open_journal(here, hosts)
    assert list(journal.open_changes().unread) == ["alpha"]
    journal.done(change_id)
    with pytest.raises(CommandFailed):
        journal.begin(change("alpha"))
    file.rmdir()
    kept.rename(file)
    found = open_journal(here, hosts).open_changes()
    assert (found.changes, [item.id for item in found.half_done]) == ((), [change_id])
