import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.fake_pool import FakePools
from support.local_remote import LocalRemote

from orchestrator.errors import CommandFailed, HostSettingError, UsageError
from orchestrator.hosts.hugepages import (
    KIND,
    HugepageReport,
    PoolDemand,
    plan_demands,
    revert_hugepages,
    setup_hugepages,
)
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.on_host import hugepages as script
from orchestrator.hosts.restore import RestoreReport, restore
from orchestrator.inventory.model import Host, Hugepages, Inventory
from orchestrator.remote.protocol import Completed, Remote

HOSTS = ("alpha", "beta")


class Bed:
    """Two hosts of one kernel, whose pools are files."""

    def __init__(self, tmp_path: Path, remotes: Mapping[str, LocalRemote] | None = None) -> None:
        self.tmp = tmp_path
        self.pools = FakePools(tmp_path / "root")
        self.pools.set(nr=10, free=4)
        self.with_stale_files: set[str] = set()
        self.here = tmp_path / "controller/bed.jsonl"
        self.inventory = Inventory(
            hosts=tuple(
                Host(name=name, workdir=tmp_path / name, hugepages=Hugepages(pages=8, size="2M")) for name in HOSTS
            )
        )
        self.remotes = dict(remotes or {name: LocalRemote(name) for name in HOSTS})

    def journal(self) -> Journal:
        return Journal.of(self.here, self.inventory, self.remotes)

    def setup(self, pages: int | None = None, owner: str = "setup-hugepages", **kwargs: object) -> HugepageReport:
        return setup_hugepages(
            self.remotes, self.inventory, journal=self.journal(), owner=owner, pages=pages,
            lock_folder=self.tmp / "locks", root=str(self.pools.root), **kwargs,  # type: ignore[arg-type]
        )  # fmt: skip

    def restore(self, only_owner: str | None = None) -> RestoreReport:
        reverters = {KIND: revert_hugepages}
        return restore(
            self.remotes, self.journal(), reverters, only_owner=only_owner, clear=self.clear,
            lock_folder=self.tmp / "locks",
        )  # fmt: skip

    def clear(self, remote: Remote) -> list[str]:
        """The machine's own hugepage files are none of these tests' business."""
        return ["a", "b"] if remote.host in self.with_stale_files else []


class FreeFollows(LocalRemote):
    """Acts as the kernel after each command: pages that were added or taken away are free pages."""

    def __init__(self, host: str, pools: FakePools) -> None:
        super().__init__(host)
        self._pools = pools

    def run(
        self, argv: Sequence[str], *, stdin: str = "", timeout_s: float = 30.0, check: bool = True,
        env: Mapping[str, str] | None = None, cwd: str | None = None,
    ) -> Completed:  # fmt: skip
        before = self._pools.nr()
        done = super().run(argv, stdin=stdin, timeout_s=timeout_s, check=check, env=env, cwd=cwd)
        if self._pools.nr() != before:
            file = self._pools.folder() / "free_hugepages"
            file.write_text(str(int(file.read_text()) + self._pools.nr() - before))
        if self._pools.nr() > before:
            self.grown()
        return done

    def grown(self) -> None:
        """What happens right after pages were added."""


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    bed = Bed(tmp_path)
    bed.remotes = {name: FreeFollows(name, bed.pools) for name in HOSTS}
    return bed


def test_demands_are_summed_per_kernel_size_and_node() -> None:
    two, one, node = Hugepages(pages=8), Hugepages(pages=2, size="1G"), Hugepages(pages=3, node=0)
    kernels = {"a": "k1", "b": "k1", "c": "k2"}
    assert plan_demands(kernels, {"a": [two], "b": [two, one, node], "c": [two]}) == (
        PoolDemand("k1", "2M", 0, 3, ("b",)),
        PoolDemand("k1", "2M", None, 19, ("a", "b")),
        PoolDemand("k1", "1G", None, 2, ("b",)),
        PoolDemand("k2", "2M", None, 8, ("c",)),
    )


def test_pages_means_free_pages_for_every_host_and_twice_is_once(bed: Bed) -> None:
    (pool,) = bed.setup().pools
    assert (pool.prior, pool.added, bed.pools.nr()) == (10, 12, 22)  # 16 free wanted, 4 are
    lines = bed.here.read_text()
    (pool,) = bed.setup().pools
    assert (pool.added, pool.free, bed.pools.nr()) == (0, 16, 22)
    assert bed.here.read_text() == lines, "what stands already is not journalled again"


def test_restore_gives_back_what_was_added_and_twice_is_once(bed: Bed) -> None:
    bed.setup()
    report = bed.restore()
    assert (bed.pools.nr(), report.failures) == (10, ())
    assert "12 pages given back" in report.restored[0].note
    assert bed.restore() == RestoreReport((), ())
    assert bed.pools.nr() == 10


@pytest.mark.parametrize("lost", ["controller", "hosts"])
def test_restore_works_from_either_copy(bed: Bed, lost: str) -> None:
    bed.setup()
    for file in [bed.here] if lost == "controller" else [bed.tmp / "alpha/journal.jsonl"]:
        file.unlink()
    assert bed.restore().failures == ()
    assert bed.pools.nr() == 10


def test_a_run_puts_back_its_own_and_what_setup_made_stays(bed: Bed) -> None:
    bed.setup(pages=4)
    bed.setup(pages=8, owner="run:r1")
    assert bed.pools.nr() == 22
    bed.restore("run:r1")
    assert bed.pools.nr() == 14
    bed.restore()
    assert bed.pools.nr() == 10


@pytest.mark.parametrize("first", ["run:r1", "run:r2"])
def test_changes_of_two_owners_may_be_put_back_in_any_order(bed: Bed, first: str) -> None:
    bed.setup(pages=8, owner="run:r1")
    bed.setup(pages=12, owner="run:r2")
    bed.restore(first)
    bed.restore()
    assert bed.pools.nr() == 10


def test_pages_in_use_stay_are_named_and_go_the_next_time(bed: Bed) -> None:
    bed.setup()
    bed.pools.set(nr=22, free=5)
    report = bed.restore()
    assert bed.pools.nr() == 17
    with pytest.raises(HostSettingError, match="alpha: hugepages 2M: 5 pages given back, 17 stay; 7 more are in use"):
        report.check()
    bed.pools.set(nr=17, free=17)
    assert bed.restore().failures == ()
    assert bed.pools.nr() == 10


def test_files_of_killed_runs_go_first_on_every_host_of_the_kernel(bed: Bed) -> None:
    bed.setup()
    bed.with_stale_files = {"beta"}
    report = bed.restore()
    assert [(entry.host, entry.note) for entry in report.restored] == [
        ("beta", "2 files left by DPDK processes removed"),
        ("alpha", "hugepages 2M: 12 pages given back, 10 stay"),
    ]


def test_a_change_of_a_host_and_kernel_that_are_not_there_stays_open(bed: Bed) -> None:
    bed.setup()
    text = bed.here.read_text().replace('"host":"alpha"', '"host":"gone"').replace('"kernel":"', '"kernel":"x')
    bed.here.write_text(text)
    (bed.tmp / "alpha/journal.jsonl").unlink()
    report = bed.restore()
    assert [error.host for error in report.failures] == ["gone"]
    assert "bring the testbed up" in str(report.failures[0])
    assert len(bed.journal().open_changes().changes) == 1


def test_after_a_reboot_there_is_nothing_to_put_back(bed: Bed) -> None:
    bed.setup()
    for file in (bed.here, bed.tmp / "alpha/journal.jsonl"):
        line = json.loads(file.read_text().splitlines()[0])
        file.write_text(file.read_text().replace(line["change"]["kernel"], "an-earlier-boot"))
    report = bed.restore()
    assert report.failures == ()
    assert "rebooted" in report.restored[0].note
    assert bed.pools.nr() == 22
    assert bed.restore() == RestoreReport((), ())


def test_a_write_that_never_happened_takes_nothing_from_others(bed: Bed) -> None:
    bed.setup()
    begin = bed.here.read_text().splitlines()[0]  # the controller was killed right after the first line
    bed.pools.set(nr=10, free=4)
    for file in (bed.here, bed.tmp / "alpha/journal.jsonl"):
        file.write_text(begin + "\n")
    assert bed.restore().failures == ()
    assert bed.pools.nr() == 10


def test_more_than_memory_is_refused_before_anything_is_written(bed: Bed) -> None:
    bed.pools.memory(available_mib=1000, total_mib=4000)
    with pytest.raises(HostSettingError) as caught:
        bed.setup(pages=300)
    line = str(caught.value)
    assert (
        "alpha: hugepages 2M: asked for 600 free pages for alpha, beta together, which takes 596 more (1192 MiB)"
        in line
    )
    assert "only 1000 MiB of memory is available" in line
    assert "at most 232 pages for each host" in line  # (1000 - 80) / 2 and the 4 that are free, for two
    assert "drop_caches" in line
    assert bed.pools.nr() == 10
    assert not bed.here.exists()


def test_the_kernel_gave_fewer(bed: Bed) -> None:
    class Stingy(LocalRemote):
        """Runs the script's own code, with a kernel that stops at 12 pages."""

        def run(self, argv: Sequence[str], *, stdin: str = "", **kwargs: object) -> Completed:  # type: ignore[override]
            arguments = json.loads(argv[-1]) if argv[0] == "python3" else {}
            if arguments.get("action") != "add":
                return super().run(argv, stdin=stdin, **kwargs)  # type: ignore[arg-type]
            pool = script.Pool(arguments["root"], arguments["size_kb"], None)
            pool.write = lambda pages: script.Pool.write(pool, min(pages, 12))  # type: ignore[method-assign]
            answer = script.add(pool, arguments["nr"], arguments["free"], arguments["added"])
            return Completed(tuple(argv), 0, json.dumps(answer), "", 0.0)

    bed.remotes = {name: Stingy(name) for name in HOSTS}
    with pytest.raises(HostSettingError) as caught:
        bed.setup()
    line = str(caught.value)
    assert (
        "asked for 16 free pages for alpha, beta together, which takes 12 more (24 MiB), the kernel gave 2 of them"
        in line
    )
    assert "8192 MiB of memory available; put back to 10" in line
    assert "echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory" in line
    assert bed.pools.nr() == 10
    assert bed.journal().open_changes().changes == ()


def test_pages_that_somebody_takes_at_once_are_made_again(bed: Bed) -> None:
    class Taker(FreeFollows):
        takes = 6

        def grown(self) -> None:
            file = bed.pools.folder() / "free_hugepages"
            file.write_text(str(int(file.read_text()) - self.takes))
            self.takes = 0

    bed.remotes = {name: Taker(name, bed.pools) for name in HOSTS}
    (pool,) = bed.setup().pools
    assert (pool.free, bed.pools.nr()) == (16, 28)  # 10, less the 4 that were free, 6 taken and 16 free
    report = bed.restore()
    assert [entry.open for entry in report.restored] == [False, True]
    assert "2 more are in use" in str(report.failures[0])
    bed.pools.set(nr=12, free=6)  # the taker has ended
    assert bed.restore().failures == ()
    assert bed.pools.nr() == 10


def test_a_node_and_size_that_the_kernel_lacks(bed: Bed) -> None:
    with pytest.raises(HostSettingError, match="no pool of hugepages 1G node 7"):
        bed.setup(size="1G", node=7)


def test_pages_of_a_node_are_written_to_the_node(bed: Bed) -> None:
    bed.pools.set(nr=0, free=16, node=1)
    bed.setup(node=1)
    assert (bed.pools.nr(node=1), bed.pools.nr()) == (0, 10)


@pytest.mark.parametrize("pages", [0, -1, (1 << 20) + 1])
def test_a_count_out_of_range(bed: Bed, pages: int) -> None:
    with pytest.raises(UsageError, match="out of range"):
        bed.setup(pages=pages)


def test_a_node_below_zero(bed: Bed) -> None:
    with pytest.raises(UsageError, match="--node -3 is no NUMA node"):
        bed.setup(node=-3)


def test_a_host_that_fails_does_not_keep_the_others_from_being_restored(bed: Bed) -> None:
    class Broken(LocalRemote):
        def run(self, argv: Sequence[str], **kwargs: object) -> Completed:  # type: ignore[override]
            raise CommandFailed("no", host=self.host)

    bed.setup()
    bed.remotes["alpha"] = Broken("alpha")
    report = bed.restore()
    assert [error.host for error in report.failures].count("alpha") >= 1
    assert bed.pools.nr() == 10, "beta is of the same kernel, and the controller's copy says what to do"
