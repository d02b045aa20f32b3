"""Which NICs a run binds: those that its DPDK processes use, on the hosts that have them, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.nics import bind_for_run
from orchestrator.commands.session import Session, journal_path
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.hosts.journal import Journal
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named


def bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, *assignments: str) -> list[tuple[str, ...]]:
    """The hosts for which binding was asked, call by call."""
    calls: list[tuple[str, ...]] = []

    def note(*_: object, only: list[str], owner: str, **__: object) -> None:
        assert owner == "run:1"
        calls.append(tuple(only))

    monkeypatch.setattr("orchestrator.hosts.nics.bind_nics", note)
    inventory = resolve_cores(load(INVENTORIES / f"{name}.yml"), (0, 1))
    plan = make_plan(inventory, Request(scenario_named("smp"), assignments, 1, 1, "smp"), "0" * 16)
    remotes = {host.name: LocalRemote(host.name) for host in inventory.hosts}
    bind_for_run(Session(inventory, remotes, Journal.of(tmp_path / "j", inventory, remotes)), plan, "run:1")
    return calls


def test_dpdk_over_real_nics_binds_them_on_both_hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bound(monkeypatch, tmp_path, "two-hosts") == [("generator", "sut")]


def test_tcp_alone_binds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bound(monkeypatch, tmp_path, "two-hosts", "transport=tcp") == []


def test_a_testbed_has_nothing_to_bind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bound(monkeypatch, tmp_path, "local") == []


def test_inventories_of_one_name_in_two_folders_have_a_journal_each(tmp_path: Path) -> None:
    text = (INVENTORIES / "two-hosts.yml").read_text()
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "mine.yml"
        file.write_text(text)
        paths.append(journal_path(load(file), str(file)))
    assert len(set(paths)) == 2
    assert journal_path(load(INVENTORIES / "two-hosts.yml"), "two-hosts").name == "two-hosts.jsonl"
