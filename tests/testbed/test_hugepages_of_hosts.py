"""Hugepages of hosts that share one kernel, over SSH.

The pool is the machine's own: everything here asks for 8 pages per host beyond what is free, and gives them back.
Somebody else may change the pool at the same time, so a sequence of readings is tried again when it does not add up;
a fault adds up in none of the attempts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import HostSettingError
from orchestrator.hosts.environment import differences, read_environment
from orchestrator.hosts.hugepages import KIND, HugepageReport, revert_hugepages, setup_hugepages
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.leftovers import end_leftovers, find_leftovers
from orchestrator.hosts.restore import RestoreReport, restore
from orchestrator.hosts.settings import Change
from orchestrator.hosts.share import check_share
from orchestrator.hosts.stale import RUN_PREFIX, look_and_clean
from orchestrator.inventory.model import Inventory
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.fleet import close_all, connect_all
from orchestrator.remote.protocol import ProcessSpec, Remote

POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
MORE = 8
ATTEMPTS = 4


def pool(name: str) -> int:
    return int((POOL / f"{name}_hugepages").read_text())


class Bed:
    def __init__(self, inventory: Inventory, remotes: dict[str, Remote], here: Path) -> None:
        self.inventory = inventory
        self.remotes = remotes
        self.here = here

    def journal(self) -> Journal:
        return Journal.of(self.here, self.inventory, self.remotes)

    def changes(self) -> list[Change]:
        return [item.change for item in self.journal().open_changes().changes]

    def setup(self, pages: int, owner: str = "setup-hugepages", node: int | None = None) -> HugepageReport:
        return setup_hugepages(
            self.remotes, self.inventory, journal=self.journal(), owner=owner, pages=pages, node=node
        )

    def restore(self, only_owner: str | None = None) -> RestoreReport:
        return restore(self.remotes, self.journal(), {KIND: revert_hugepages}, only_owner=only_owner)

    def pages(self) -> int:
        """So many for each host that `MORE` have to be added for each."""
        return (pool("free") - pool("resv") + 1) // 2 + MORE


@pytest.fixture(scope="module")
def remotes(testbed: Inventory) -> Iterator[dict[str, Remote]]:
    reached = connect_all(testbed, FabricRemote)
    yield reached
    close_all(reached)


@pytest.fixture
def bed(testbed: Inventory, remotes: dict[str, Remote], tmp_path: Path) -> Iterator[Bed]:
    bed = Bed(testbed, remotes, tmp_path / "journal" / "bed.jsonl")
    yield bed
    bed.restore().check()
    assert bed.changes() == []


def test_two_hosts_of_one_kernel_get_theirs_once_and_give_them_back(bed: Bed) -> None:
    seen: dict[str, int] = {}
    for _ in range(ATTEMPTS):
        before, pages = pool("nr"), bed.pages()
        (made,) = bed.setup(pages).pools
        after = pool("nr")
        changes = bed.changes()
        (again,) = bed.setup(pages).pools
        bed.restore().check()
        assert bed.changes() == []
        assert made.demand.hosts == ("alpha", "beta")
        assert [change.data["prior"] for change in changes[-1:]] == [made.prior]
        assert [change.data["added"] for change in changes[-1:]] == [made.added]
        seen = {
            "changes in the journal": len(changes) - 1,
            "free pages for both hosts": min(0, made.free - 2 * pages),
            "count before": made.prior - before,
            "count after": after - before - made.added,
            "pages added": max(0, made.added - 2 * MORE - 1),
            "pages added again": again.added,
            "count at the end": pool("nr") - before,
        }
        if not any(seen.values()):
            return
    pytest.fail(f"never added up; the last differences were {seen}")


@pytest.mark.parametrize("lost", ["controller", "host"])
def test_restore_works_from_either_copy_of_the_journal(bed: Bed, lost: str) -> None:
    seen = -1
    for _ in range(ATTEMPTS):
        before = pool("nr")
        bed.setup(bed.pages())
        (change,) = bed.changes()
        if lost == "controller":
            bed.here.unlink()
        else:
            bed.remotes[change.host].run(["rm", str(bed.inventory.host(change.host).workdir / "journal.jsonl")])
        report = bed.restore()
        assert report.failures == ()
        assert f"{change.data['added']} pages given back" in report.restored[-1].note
        seen = pool("nr") - before
        if seen == 0:
            return
    pytest.fail(f"the pool differed by {seen} after the last restore")


def test_pages_of_a_node(bed: Bed) -> None:
    (made,) = bed.setup(bed.pages(), node=0).pools
    (change,) = bed.changes()[-1:]
    assert (change.setting, change.data["node"], change.data["added"]) == ("hugepages 2M node 0", 0, made.added)
    assert made.added > 0
    with pytest.raises(HostSettingError, match="alpha: the kernel has no pool of hugepages 2M node 77"):
        bed.setup(1, node=77)


def test_a_run_gives_back_its_own_only(bed: Bed) -> None:
    bed.setup(bed.pages())
    bed.setup(bed.pages(), owner="run:abc")
    assert [change.owner for change in bed.changes()] == ["setup-hugepages", "run:abc"]
    bed.restore("run:abc").check()
    assert [change.owner for change in bed.changes()] == ["setup-hugepages"]


def test_more_than_the_machine_has_is_refused_before_the_first_write(bed: Bed) -> None:
    with pytest.raises(HostSettingError) as caught:
        bed.setup(1 << 19)
    line = str(caught.value)
    assert line.startswith("alpha: hugepages 2M: asked for 1048576 free pages")
    assert "nothing was changed" in line
    assert "/proc/sys/vm/drop_caches" in line
    assert bed.changes() == []
    assert not bed.here.exists()


def test_a_share_that_is_too_small_is_named_before_the_eal_stumbles(bed: Bed) -> None:
    wish = bed.inventory.host("beta").hugepages
    assert wish is not None
    bed.setup(MORE)
    assert check_share(bed.remotes["beta"], 8 * 2 << 20).total == wish.bytes
    with pytest.raises(HostSettingError) as caught:
        check_share(bed.remotes["beta"], wish.bytes + 1, process="primary")
    assert str(caught.value).startswith("beta: primary: the hugetlbfs share /dev/hugepages has 256 MiB free of 256 MiB")
    assert "`hugepages: {size: 2M, pages: 129}`" in str(caught.value)


@pytest.fixture
def primary(bed: Bed) -> Iterator[str]:
    """The file prefix of a DPDK primary that runs on beta, as a process of the run `run-x`."""
    prefix = f"{RUN_PREFIX}test-{os.getpid()}"
    bed.setup(bed.pages() + MORE)
    eal = ("dpdk-testpmd", "--no-pci", f"--file-prefix={prefix}", "--lcores=0@0,1@0", "-m", "32", "--no-telemetry")
    # testpmd ends when its stdin does, and its output would wait in a buffer.
    script = 'sleep 60 | stdbuf -oL "$@"'
    argv = ("sh", "-c", script, "sh", *eal, "--vdev=net_null0", "--", "--total-num-mbufs=2048", "--tx-first")
    spec = ProcessSpec("testpmd", argv, "/run/test-hugepages", "run-x", ready="Press")
    process = bed.remotes["beta"].start(spec)
    try:
        process.wait_ready()
        yield prefix
    finally:
        process.stop()


def test_what_a_killed_primary_leaves_pins_pages_until_it_is_removed(bed: Bed, primary: str) -> None:
    host = bed.remotes["beta"]
    living = look_and_clean(host, [])
    assert (list(living.held), living.removed) == ([primary], ())
    (testpmd,) = [left.pid for left in find_leftovers(host, "run-x") if left.command.startswith("dpdk-testpmd")]
    assert testpmd in living.held[primary]
    host.run(["kill", "-KILL", str(testpmd)])
    end_leftovers(host, "run-x")
    assert f"{primary}map_" in host.run(["ls", "/dev/hugepages"]).stdout
    report = bed.restore()
    assert report.failures == ()
    assert report.restored[0].host == "beta"
    assert "files left by DPDK processes removed" in report.restored[0].note
    assert host.run(["ls", "/dev/hugepages"]).stdout == ""
    assert host.run(["ls", "/var/run/dpdk"]).stdout == ""


def test_the_environment_of_a_host_is_one_quick_script(bed: Bed) -> None:
    host = bed.inventory.host("beta")
    environment = read_environment(bed.remotes["beta"], host)
    assert environment.hostname == "beta"
    assert environment.unreadable == []
    assert environment.hugetlbfs is not None
    assert [(mount.path, mount.total) for mount in environment.hugetlbfs] == [("/dev/hugepages", 256 << 20)]
    assert environment.nics is not None
    assert {name: nic.driver for name, nic in environment.nics.items()} == {
        "data0": "veth", "data1": "veth", "br1": "bridge", "data2": "veth", "br2": "bridge",
    }  # fmt: skip
    asked = subprocess.run(["pkg-config", "--modversion", "libdpdk"], capture_output=True, text=True, check=True)
    assert environment.dpdk == asked.stdout.strip()
    changed = differences(environment, read_environment(bed.remotes["beta"], host))
    assert [line for line in changed if not line.startswith("hugepages")] == []
