"""What the documents say of scenarios is what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.scenarios.base import Scenario, all_scenarios
from orchestrator.scenarios.parameters import explicitly_set, parse_settings

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_on_adding_a_scenario_names_every_part_of_one() -> None:
    page = (ROOT / "docs" / "adding-a-scenario.md").read_text()
    parts = [name for name in vars(Scenario) if not name.startswith("_")]
    assert {"name", "plots", "rows", "processes"} <= set(parts)
    for name in parts:
        assert f"`{name}" in page, name


def test_the_page_on_adding_a_scenario_names_only_files_that_are_there() -> None:
    page = (ROOT / "docs" / "adding-a-scenario.md").read_text()
    common = {path.name for path in (ROOT / "dpdk_apps").rglob("*.h")}
    named = {word.strip("`,;:.()").rsplit("/", 1)[-1] for word in page.split() if word.strip("`,;:.()").endswith(".h")}
    assert len(named) > 8
    assert named <= common, named - common


@pytest.mark.parametrize("name", sorted(all_scenarios()))
def test_the_readme_has_every_scenario_and_examples_are_understood(name: str) -> None:
    scenario = all_scenarios()[name]
    assert f"| `{name}` |" in (ROOT / "README.md").read_text()
    words = scenario.example.split()
    assert words[::2] == ["--set"] * (len(words) // 2)
    settings = parse_settings(words[1::2], scenario.parameters, name)
    assert explicitly_set(words[1::2]) <= settings.keys()
