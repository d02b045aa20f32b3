"""Testbeds of namespaces for the tests of everything that runs on hosts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.inventory.loader import load
from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import namespaces

LOCAL = Path(__file__).parents[2] / "inventories" / "local.yml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs root and is marked so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.testbed)


@pytest.fixture(scope="session")
def root() -> None:
    """Skip without root."""
    if os.geteuid() != 0:
        pytest.skip("needs root: namespaces, mounts, interfaces and SSH servers")


@pytest.fixture(scope="session")
def local_inventory() -> Callable[[str], Inventory]:
    """`inventories/local.yml` under another testbed name: `local_inventory("test-x")`."""
    inventory = load(LOCAL)

    def renamed(name: str) -> Inventory:
        assert inventory.testbed is not None
        return inventory.model_copy(update={"testbed": inventory.testbed.model_copy(update={"name": name})})

    return renamed


@pytest.fixture(scope="module")
def testbed(root: None, local_inventory: Callable[[str], Inventory]) -> Iterator[Inventory]:
    """Two hosts (alpha, beta) that are up, with their SSH endpoints; brought down and forgotten at the end."""
    name = f"test-{os.getpid()}"
    try:
        yield namespaces.up(local_inventory(name), made_by="tests")
    finally:
        namespaces.down(name, forget=True)
