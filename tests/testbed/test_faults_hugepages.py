"""Hugepages that cannot be had, and those that stay until they are given back; and a shell on a host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.run_bed import SMALL, Bed, alone, free_pages, pool_pages
from support.tool import STEP_S, Ended, run_tool
from test_faults_reach import doors, plain_inventory

from orchestrator.commands.session import JOURNALS
from orchestrator.testbeds.paths import Folders

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def narrow(bed: Bed, tmp_path: Path) -> Iterator[Bed]:
    """A testbed whose hosts have a share of 8 pages each."""
    made = Bed(f"t-{os.getpid()}-narrow", tmp_path)
    made.write_inventory(pages=8)
    made.copy_builds_from(bed)
    try:
        yield made
    finally:
        made.forget()
        assert not Folders(made.name).persistent.exists()


def test_a_share_that_is_too_small_is_told_before_anything_starts(narrow: Bed) -> None:
    ended = narrow.run(*SMALL)
    assert ended.code == 7, ended.stderr
    for words in (
        "alpha: ",
        "beta: ",
        "/dev/hugepages has 16 MiB free of 16 MiB",
        "64 MiB (32 pages of 2M) are needed",
    ):
        assert words in ended.error
    assert "give the host a larger share" in ended.error
    assert narrow.open_changes() == []


def test_more_pages_than_memory_holds_are_refused(bed: Bed, tmp_path: Path) -> None:
    inventory = plain_inventory(tmp_path / f"{bed.name}-plain.yml", doors(bed), pages=500_000)
    pages = pool_pages()
    try:
        ended = bed.run("transport=dpdk", "link=wire", "processes=1", "window_s=0.3", inventory=inventory)
        assert ended.code == 7, ended.stderr
        for words in ("alpha: ", "1000000 free pages", "of memory is available", "ask for at most", "compact_memory"):
            assert words in ended.error
        if alone():
            assert pool_pages() == pages
    finally:
        (JOURNALS / f"{inventory.stem}.jsonl").unlink(missing_ok=True)
    bed.settled()


def test_pages_that_were_set_up_outlive_a_run_and_go_with_restore(bed: Bed) -> None:
    wanted = free_pages() // 2 + 40
    pages = pool_pages()
    made = bed.tool("setup-hugepages", "--pages", str(wanted))
    assert made.code == 0, made.stderr
    assert f"{2 * wanted} asked for" in made.stdout
    (change,) = bed.open_changes()
    added = change["data"]["added"]  # type: ignore[index]
    assert added > 0
    assert change["owner"] == "setup-hugepages"
    if alone():
        assert pool_pages() == pages + added

    assert bed.run(*SMALL).code == 0
    assert [left["owner"] for left in bed.open_changes()] == ["setup-hugepages"]
    if alone():
        assert pool_pages() == pages + added

    restored = bed.tool("restore")
    assert restored.code == 0, restored.stderr
    assert f"{added} pages given back" in restored.stdout
    assert bed.open_changes() == []
    if alone():
        assert pool_pages() == pages
    again = bed.tool("restore")
    assert (again.code, again.stdout) == (0, "nothing to put back\n"), again.stderr


def ssh(bed: Bed, *words: str) -> Ended:
    """`invoke ssh`."""
    return run_tool("ssh", "--inventory", str(bed.inventory), *words, results=bed.results, within_s=STEP_S)


def test_a_command_on_a_host_arrives_as_it_was_typed(bed: Bed) -> None:
    said = ssh(bed, "beta", "--", "printf", "<%s>", "a b", "$HOME", "it's", "*")
    assert (said.code, said.stdout) == (0, "<a b><$HOME><it's><*>"), said.stderr
    assert ssh(bed, "beta", "--", "hostname").stdout == "beta\n"
    assert ssh(bed, "beta", "--", "sh", "-c", "exit 7").code == 7
    # What ssh was told lies with the testbed, which takes it along when it goes.
    assert [path.name.partition("-")[0] for path in (bed.paths.run / "ssh").iterdir()] == ["beta"]


def test_a_host_with_another_key_is_not_entered(bed: Bed, tmp_path: Path) -> None:
    entries = doors(bed)
    known = tmp_path / "known_hosts"
    offered = {door.address: door.known_hosts.read_text() for door in entries.values()}[entries["alpha"].address]
    keys = {line.split()[0]: line.split()[2] for line in offered.splitlines()}
    swapped = offered.replace(keys[entries["beta"].address], keys[entries["alpha"].address])
    known.write_text(swapped)
    inventory = plain_inventory(
        tmp_path / "plain.yml",
        {name: type(door)(door.address, door.port, door.key, known) for name, door in entries.items()},
    )
    refused = run_tool("ssh", "--inventory", str(inventory), "beta", "--", "hostname", results=bed.results)
    assert refused.code == 255
    assert "beta" not in refused.stdout
    assert "Host key verification failed" in refused.stderr
    entered = run_tool("ssh", "--inventory", str(inventory), "alpha", "--", "hostname", results=bed.results)
    assert (entered.code, entered.stdout) == (0, "alpha\n"), entered.stderr
