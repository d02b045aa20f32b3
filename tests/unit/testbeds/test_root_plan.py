import json
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.inventory.loader import load
from orchestrator.testbeds import root_plan
from orchestrator.testbeds.paths import CHECKOUT, Folders
from orchestrator.testbeds.topology import topology

MADE = topology(load(Path(__file__).parents[3] / "inventories" / "local.yml"))
FOLDERS = Folders("local")


@pytest.fixture
def mounts() -> dict[str, root_plan.Step]:
    plan = root_plan.host_plan(MADE, MADE.hosts[0], FOLDERS, {})
    json.dumps(plan)  # it goes to process 1 as JSON
    return root_plan.mount_paths(plan["steps"])


def test_only_a_few_places_of_the_machine_can_be_written(mounts: dict[str, root_plan.Step]) -> None:
    writable = {
        path
        for path, step in mounts.items()
        if step["do"] == "bind" and not step["read_only"] and not path.startswith("/dev/")
    }
    assert {path for path in writable if not path.startswith("/sys/")} == {
        "/root",
        "/var/lib/dpdk-orchestrator",
        "/run/memif/mem0",
        "/run/memif/mem1",
    }
    assert not [path for path in writable if "pci" in path or path in ("/sys", "/sys/devices", "/sys/bus")]
    assert mounts["/sys"]["read_only"]


def test_neither_checkout_nor_home_is_shown(mounts: dict[str, root_plan.Step]) -> None:
    shown = [Path(step["source"]) for step in mounts.values() if step["do"] == "bind"]
    for hidden in (CHECKOUT, Path.home()):
        assert not [path for path in shown if hidden == path or hidden.is_relative_to(path)]


def test_a_checkout_among_shared_files_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_plan, "CHECKOUT", Path("/usr/src/checkout"))
    plan = root_plan.host_plan(MADE, MADE.hosts[0], FOLDERS, {})
    cover = root_plan.mount_paths(plan["steps"])["/usr/src/checkout"]
    assert cover["fstype"] == "tmpfs"
    assert cover["read_only"]


def test_the_hugepage_share_is_the_wish(mounts: dict[str, root_plan.Step]) -> None:
    assert f"pagesize={2 << 20},size={256 << 20}" in mounts["/dev/hugepages"]["options"]


def test_parents_are_mounted_before_what_lies_in_them(mounts: dict[str, root_plan.Step]) -> None:
    order = list(mounts)
    for path in order:
        for parent in Path(path).parents:
            if str(parent) in mounts:
                assert order.index(str(parent)) < order.index(path)


@pytest.mark.parametrize("name", ["../x", "", "Upper", "a/b", "x" * 32])
def test_names_that_would_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a testbed"):
        Folders(name)
