"""What `store-mount`, `store-umount` and `store-status` say and refuse, without a host."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.commands import store
from orchestrator.commands.store import mount, status, umount, wish_of
from orchestrator.commands.store_state import Mounted, StoreFiles, StoreState
from orchestrator.errors import HostBusy, OrchestratorError, UsageError, as_told
from orchestrator.testbeds.host_init import start_time

OPTIONS = {
    "transport": "dpdk",
    "link": "",
    "durability": "log",
    "cache": "auto",
    "at": "/mnt/store/",
    "backing": "",
    "clients": "",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreFiles:
    """Where the state is looked for, with an inventory of real hosts: nothing here needs root."""
    there = StoreFiles(tmp_path, "lab")
    monkeypatch.setattr(store, "store_files", lambda _inventory, _name: there)
    return there


def state(**changes: Any) -> StoreState:
    now = datetime.now(UTC)
    known: dict[str, Any] = {
        "run_id": "1a2b3c4d",
        "owner": "ann@desk",
        "pid": os.getpid(),
        "start_time": start_time(os.getpid()),
        "phase": "serving",
        "since": now,
        "until": now + timedelta(hours=2, minutes=1),
        "transport": "dpdk",
        "link": "wire",
        "driver": "vfio-pci",
        "durability": "log",
        "cache": "auto",
        "server": "right",
        "backing": "",
        "stays": False,
        "mounts": (Mounted(host="left", path="/mnt/store"),),
    }
    return StoreState.model_validate(known | changes)


GONE = {"start_time": 1}
"""A process of that number that is another one."""


def test_options_become_a_wish() -> None:
    wish = wish_of(**{**OPTIONS, "clients": "alpha,beta"})
    assert (wish.at, wish.clients) == ("/mnt/store", ("alpha", "beta"))


@pytest.mark.parametrize(
    ("option", "text"), [("transport", "udp"), ("durability", "none"), ("cache", "all"), ("link", "x")]
)
def test_words_that_are_none_are_refused(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"--{option} {text} is not known - one of "):
        wish_of(**{**OPTIONS, option: text})


@pytest.mark.parametrize("hours", [0, -1, 1000])
def test_hours_have_limits(hours: float) -> None:
    with pytest.raises(UsageError, match="--hours"):
        mount("two-hosts", wish_of(**OPTIONS), hours)


def test_nothing_is_mounted(files: StoreFiles) -> None:
    assert status("two-hosts") == umount("two-hosts") == "the store of lab is not mounted"


def test_a_mounted_store_says_where_and_how_and_until_when(files: StoreFiles) -> None:
    files.write(state(troubles=("12:00:00 right: server was killed by signal 9; it is started again, this once",)))
    said = status("two-hosts")
    assert "left:/mnt/store   (invoke ssh --inventory two-hosts left -- ls /mnt/store)" in said
    assert "its files go with the mount" in said
    assert "2 h 0 min from now; before that: invoke store-umount --inventory two-hosts" in said
    assert "server was killed by signal 9" in said
    assert "its files are in /srv/x, and stay" in _status(files, backing="/srv/x", stays=True)
    assert _status(files, phase="broken").startswith("broken: ")


def _status(files: StoreFiles, **changes: Any) -> str:
    files.write(state(**changes))
    return status("two-hosts")


def test_a_second_mount_is_refused_and_says_whose_the_first_one_is(files: StoreFiles) -> None:
    files.write(state())
    with pytest.raises(HostBusy, match="mounted already by ann@desk - run: invoke store-umount"):
        mount("two-hosts", wish_of(**OPTIONS), 1)


def test_a_keeper_that_was_killed_is_told_and_forgotten(files: StoreFiles) -> None:
    files.write(state(**GONE))
    assert "its keeper" in status("two-hosts")
    assert "run: invoke restore --inventory two-hosts" in status("two-hosts")
    assert "its keeper was gone" in umount("two-hosts")
    assert status("two-hosts") == "the store of lab is not mounted"


def test_how_the_last_one_ended_is_told(files: StoreFiles) -> None:
    files.write(state(phase="ended", ended="its hours are over", **GONE))
    assert status("two-hosts") == "the store of lab is not mounted; the last one ended: its hours are over"


def test_what_was_not_put_back_is_an_error_of_umount(files: StoreFiles) -> None:
    files.write(state(phase="serving", failed=True, ended="asked to end", troubles=("12:00 left: x",), **GONE))
    with pytest.raises(OrchestratorError, match=r"asked to end; 12:00 left: x - run: invoke restore"):
        umount("two-hosts")


def test_an_error_of_the_keeper_keeps_its_exit_code() -> None:
    assert isinstance(as_told("alpha: busy", 6), HostBusy)
    assert str(as_told("alpha: busy", 6)) == "alpha: busy"
    assert as_told("x", 130).exit_code == 1
