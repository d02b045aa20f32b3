"""A run is asked to end: it stops cleanly, keeps what was measured, puts hosts back; and two runs do not meet."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from namespace_hosts import left_of
from support.run_bed import SMALL, Bed, alone, pool_pages
from support.tool import Tool, eventually, run_tool

from orchestrator.testbeds import namespaces

pytestmark = pytest.mark.timeout(300)


def second_trial(bed: Bed, tool: Tool) -> None:
    """One trial is stored, the next one measures."""
    run_id = tool.run_id
    tool.until(lambda: bed.result(run_id).events("verdicts"), "a stored trial")
    bed.wait_for_window(tool)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_was_measured_and_puts_back(bed: Bed, number: signal.Signals) -> None:
    pages = pool_pages()
    with bed.start(*SMALL[:-1], "window_s=1", trials=3) as tool:
        second_trial(bed, tool)
        tool.signal_group(number)
        tool.wait_for("^putting hosts back")
        tool.signal_group(number)  # a second one in the middle of that
        ended = tool.wait()
        run_id = tool.run_id
    assert ended.code == 130, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.rstrip().endswith("interrupted")
    result = bed.result(run_id)
    (row,) = result.rows
    stored = result.trials
    assert row["trials"] == "2"  # of 3: the one that was interrupted has its record too, and is not valid
    assert int(row["valid_trials"]) <= 1
    assert "of 3" in row["verdict"], row
    assert int(row["n"]) == stored[0]["result"]["n"] > 0
    assert [trial["record"]["fault"] for trial in stored] == ["", "interrupted"]
    assert [event["reason"] for event in result.events("interrupted")] == ["KeyboardInterrupt"]
    assert ended.stdout.splitlines()[-1].endswith(run_id)
    assert (result.root / "plots" / "ecdf.png").exists()
    bed.settled()
    if alone():
        assert pool_pages() == pages


def test_a_second_controller_is_told_who_has_the_hosts(bed: Bed) -> None:
    with bed.start(*SMALL[:-1], "window_s=6") as first:
        bed.wait_for_window(first)
        second = bed.run(*SMALL)
        assert first.running
        assert second.code == 6, second.stderr
        assert f"in use by run {first.run_id} of root@" in second.error
        assert "alpha: " in second.error
        assert "beta: " in second.error
        ended = first.wait()
    assert ended.code == 0, ended.stderr
    (trial,) = [each for each in bed.result(first.run_id).trials if not each["result"]["floor"]]
    assert trial["record"]["fault"] == ""
    assert int(trial["result"]["n"]) > 0
    bed.settled()


def test_a_testbed_in_use_is_neither_taken_down_nor_changed_to_another_inventory(bed: Bed) -> None:
    other = bed.folder / "other.yml"
    text = bed.inventory.read_text()
    changed = text.replace("  - {name: veth2, kind: veth, ends: [alpha.data2, beta.tap2]}\n", "")
    assert changed != text
    other.write_text(changed)
    inits = bed.inits()
    with bed.start(*SMALL[:-1], "window_s=16") as first:
        bed.wait_for_window(first)
        for refused in (
            bed.tool("testbed-down"),
            run_tool("testbed-up", "--inventory", str(other), results=bed.results),
        ):
            assert refused.code == 6, refused.stderr
            assert f"in use by run {first.run_id} of root@" in refused.error
            assert bed.name in refused.error
        ended = first.wait()
    assert ended.code == 0, ended.stderr
    assert bed.inits() == inits
    bed.settled()


@pytest.mark.parametrize("second", ["nic-status", "setup-hugepages"])
def test_commands_that_meet_on_a_testbed_that_one_brought_up(bed: Bed, second: str) -> None:
    """The last of them takes it down, and none of them from under another."""
    namespaces.down(bed.name)
    with Tool("nic-status", "--inventory", str(bed.inventory), results=bed.results) as first:
        first.until(lambda: bed.name in namespaces.names(), "the testbed begins to be made")
        met = bed.tool(second)
        ended = first.wait()
    assert ended.code == 0, ended.stderr
    assert met.code in {0, 6}, met.stderr
    if met.code == 6:
        assert "in use by run" in met.error
    eventually(lambda: bed.name not in namespaces.names(), 5.0, "the testbed is gone")
    assert left_of(bed.name) == []
    if met.code == 0 and second == "setup-hugepages":
        assert bed.tool("restore").code == 0


@pytest.fixture
def hang_ups_count() -> Iterator[None]:
    """Who runs the tests under nohup ignores SIGHUP, which programs inherit, and rightly keep to."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_ups_count")
def test_a_closed_terminal_ends_a_run_in_order(bed: Bed) -> None:
    with bed.start(*SMALL[:-1], "window_s=1", trials=3) as tool:
        second_trial(bed, tool)
        tool.signal_group(signal.SIGHUP)
        ended = tool.wait()
        run_id = tool.run_id
    assert ended.code == 130, ended.stderr
    assert len(bed.result(run_id).trials) >= 1
    bed.settled()
