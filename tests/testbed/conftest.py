"""Testbeds of namespaces for the tests of everything that runs on hosts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.dpdk_lab import Lab
from support.lab_home import build_apps, lab_home
from support.run_bed import Bed
from support.simple_lab import Simple

from orchestrator.commands.checkout import inventory_named
from orchestrator.inventory.loader import load
from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import namespaces

STORE_PROGRAMS = ("server/store_server", "load/store_load", "mount/store_mount", "pingpong/mbuf_pingpong")
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


@pytest.fixture(scope="session")
def run_testbed(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A testbed on which the programs are built, shared by all tests of whole runs; use `bed`."""
    bed = Bed(f"t-{os.getpid()}-run", tmp_path_factory.mktemp("runs"))
    bed.write_inventory()
    try:
        up = bed.tool("testbed-up")
        assert up.code == 0, up.stderr
        built = bed.tool("build", within_s=250)
        assert built.code == 0, built.stderr
        yield bed
    finally:
        bed.forget()


@pytest.fixture
def bed(run_testbed: Bed) -> Bed:
    """The testbed for whole runs: up, and with nothing of an earlier test on it."""
    namespaces.up(inventory_named(str(run_testbed.inventory)), made_by="user")
    if run_testbed.open_changes():  # an earlier test failed
        run_testbed.tool("restore")
    return run_testbed


@pytest.fixture(scope="session")
def simple_binaries(root: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """simple_mp and a program that it is not, built from this checkout."""
    return build_apps(tmp_path_factory.mktemp("simple") / "build", ["simple_mp", "symmetric_mp"])


@pytest.fixture(scope="module")
def simple_home(simple_binaries: Path) -> Iterator[Lab]:
    """Where the programs of `simple` run."""
    with lab_home(simple_binaries) as lab:
        yield lab


@pytest.fixture
def simple(simple_home: Lab) -> Iterator[Simple]:
    """A group of simple_mp to be started; whatever of it still runs at the end is ended."""
    try:
        yield Simple(simple_home)
    finally:
        simple_home.end()


@pytest.fixture(scope="session")
def store_binaries(root: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of the store over DPDK, built from this checkout."""
    programs = [f"store/{program}_dpdk" for program in STORE_PROGRAMS]
    return build_apps(tmp_path_factory.mktemp("store_dpdk") / "build", programs)
