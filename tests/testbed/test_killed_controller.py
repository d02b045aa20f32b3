"""The controller is killed (SIGKILL) in each phase: hosts get rid of it, `restore` puts back, the next run works."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from namespace_hosts import left_of
from support.run_bed import SMALL, Bed, alone, pool_pages
from support.tool import Tool, eventually

from orchestrator.testbeds import namespaces

pytestmark = pytest.mark.timeout(300)

GONE_S = 5.0
BIG = ("transport=dpdk", "link=memif", "processes=1", "depth=32", "window_s=2")
"""Leaves samples that take a moment to fetch."""


def in_preparation(bed: Bed, tool: Tool) -> None:
    """Pages are being made, or have just been."""
    tool.wait_for("^preparing hosts")
    # Where others left enough pages free, nothing is changed.
    tool.until(lambda: bed.open_changes() or "before the first trial" in tool.stderr, "a change of the hugepage pool")


def in_start(bed: Bed, tool: Tool) -> None:
    """The primary begins; the generator waits for it."""
    bed.wait_for_process(tool, "symmetric_mp")


def in_window(bed: Bed, tool: Tool) -> None:
    """The generator measures."""
    bed.wait_for_window(tool)
    assert bed.of_run(tool.run_id, "/traffic")


def in_collection(bed: Bed, tool: Tool) -> None:
    """The first files of a trial are here, its record is not."""
    run_id = tool.run_id
    tool.until(lambda: list(bed.results.glob(f"smp/*-{run_id}/trials/*/*/*")), "a file of a trial")
    assert not bed.result(run_id).events("finished")


def in_restore(bed: Bed, tool: Tool) -> None:
    """All trials have run; hosts are put back."""
    tool.wait_for("^putting hosts back")


@pytest.mark.parametrize(
    ("phase", "settings"),
    [
        (in_preparation, SMALL),
        (in_start, SMALL),
        (in_window, BIG),
        (in_collection, BIG),
        (in_restore, SMALL),
    ],
)
def test_a_controller_that_is_killed_leaves_nothing_running_and_restore_puts_back(
    bed: Bed, phase: Callable[[Bed, Tool], None], settings: tuple[str, ...]
) -> None:
    pages = pool_pages()
    with bed.start(*settings) as tool:
        phase(bed, tool)
        tool.kill()
        eventually(lambda: not bed.strangers(), GONE_S, "no process of the run, and no agent")
        run_id = tool.run_id
    assert bed.of_run(run_id) == []

    restored = bed.tool("restore")

    assert restored.code == 0, restored.stderr
    assert bed.open_changes() == []
    if alone():
        assert pool_pages() == pages
    assert bed.result(run_id).events("planned")  # what it had written is kept
    if phase in (in_start, in_window, in_restore):
        again = bed.run(*SMALL)
        assert again.code == 0, again.stderr
        bed.settled()


def test_a_run_after_a_kill_needs_no_restore(bed: Bed) -> None:
    with bed.start(*BIG) as tool:
        in_window(bed, tool)
        tool.kill()
    eventually(lambda: not bed.strangers(), GONE_S, "no process of the run, and no agent")
    again = bed.run(*SMALL)
    assert again.code == 0, again.stderr
    restored = bed.tool("restore")  # of the first run: the second puts back its own changes only
    assert restored.code == 0, restored.stderr
    bed.settled()


def test_a_controller_that_is_killed_while_it_makes_the_testbed(bed: Bed) -> None:
    namespaces.down(bed.name)
    with bed.start(*SMALL) as tool:
        tool.wait_for("^testbed ")
        tool.until(bed.paths.state.exists, "the first traces of the testbed")
        assert "connecting" not in tool.stderr
        tool.kill()
    eventually(lambda: not bed.strangers(), GONE_S, "no process of the run, and no agent")

    restored = bed.tool("restore")

    assert restored.code == 0, restored.stderr
    assert "taken down, a run had left it" in restored.stdout
    assert left_of(bed.name) == []
    again = bed.run(*SMALL)
    assert again.code == 0, again.stderr
    assert left_of(bed.name) == []


def test_a_controller_that_is_killed_while_hosts_build(bed: Bed) -> None:
    shutil.rmtree(bed.workdir("beta") / "build")
    with bed.start(*SMALL) as tool:
        tool.wait_for("^building")
        run_id = tool.run_id
        tool.until(lambda: bed.of_run(run_id, "ninja"), "ninja on beta")
        tool.kill()
        eventually(lambda: not bed.strangers(), GONE_S, "no compiler, and no agent")
    assert not list((bed.workdir("beta") / "build").glob("*/stamp"))

    restored = bed.tool("restore")
    assert (restored.code, restored.stdout) == (0, "nothing to put back\n"), restored.stderr
    again = bed.run(*SMALL, within_s=250)
    assert again.code == 0, again.stderr
    bed.settled()
