"""What was typed or written cannot be used: everything that is wrong is said, exit code 2, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.run_bed import Bed
from support.tool import run_tool

from orchestrator.testbeds import namespaces


@pytest.fixture
def nowhere(root: None, tmp_path: Path) -> Bed:
    """A testbed that is only a file."""
    bed = Bed("t-nowhere", tmp_path)
    bed.write_inventory()
    return bed


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("porcesses=1",), ("no parameter porcesses", "did you mean processes?", "invoke describe smp")),
        (("processes=99", "size=1"), ("processes=99 is out of range: 1 to 16", "size=1 is out of range: 32 to 1472 B")),
        (("transport=udp",), ("transport=udp is not one of dpdk, tcp, tcp-poll",)),
        (("transport=tcp", "link=memif"), ("tcp cannot cross memif",)),
        (("processes",), ("write key=value",)),
        (("processes=3", "flows=2"), ("flows=2 cannot reach processes=3",)),
    ],
)
def test_settings_that_cannot_be_used(nowhere: Bed, settings: tuple[str, ...], said: tuple[str, ...]) -> None:
    ended = nowhere.run(*settings)
    assert ended.code == 2, ended.stderr
    for words in said:
        assert words in ended.error
    assert not nowhere.results.exists()
    assert nowhere.name not in namespaces.names()


def test_names_that_are_not_there(nowhere: Bed) -> None:
    scenario = run_tool(
        "run-experiment", "--scenario", "sym", "--inventory", str(nowhere.inventory), results=nowhere.results
    )
    assert scenario.code == 2
    assert "sym" in scenario.error
    assert "smp" in scenario.error
    inventory = run_tool("run-experiment", "--scenario", "smp", "--inventory", "loccal", results=nowhere.results)
    assert inventory.code == 2
    assert "loccal" in inventory.error
    assert "local" in inventory.error.replace("loccal", "")
    assert not nowhere.results.exists()


def test_a_broken_inventory_is_told_all_at_once(nowhere: Bed) -> None:
    text = nowhere.inventory.read_text()
    text = text.replace("beta.mem1", "beta.mem7").replace("pages: 128", "pgaes: 128", 1)
    text = text.replace("sut: beta", "sut: gamma")
    nowhere.inventory.write_text(text)
    ended = nowhere.run("processes=1")
    assert ended.code == 2
    assert "Traceback" not in ended.stderr
    lines = text.splitlines()
    for word in ("gamma", "pgaes", "mem7"):
        number = next(number for number, line in enumerate(lines, start=1) if word in line)
        assert f"inventory.yml:{number}" in ended.stderr, ended.stderr
        assert word in ended.stderr
    assert not nowhere.results.exists()
    assert nowhere.name not in namespaces.names()
