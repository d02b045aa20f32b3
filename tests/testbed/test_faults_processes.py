"""Processes that die, and disks that fill up, in a run: the trial says so, the others go on, hosts are put back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from support.run_bed import SMALL, Bed
from support.tool import Ended, Tool, eventually

from orchestrator.commands.checkout import inventory_named
from orchestrator.commands.plan import plan_for
from orchestrator.errors import CommandFailed
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.protocol import ProcessSpec
from orchestrator.testbeds import namespaces

pytestmark = pytest.mark.timeout(300)


def kill(pid: int) -> None:
    """SIGKILL, as a crash or the kernel's out-of-memory killer would end it."""
    os.kill(pid, signal.SIGKILL)


def check_failed_trial(bed: Bed, tool: Tool, ended: Ended, *words: str) -> None:
    """One of two trials failed: the line names host and process, and the other trial counts."""
    assert ended.code == 9, ended.stderr
    for word in (*words, "beta: primary: "):
        assert word in ended.error
    result = bed.result(tool.run_id)
    assert ended.stdout.splitlines()[-1].endswith(tool.run_id)
    first, second = result.trials[:2]
    assert first["record"]["fault"].startswith("beta: primary: ")
    assert first["result"]["verdicts"]
    assert second["record"]["fault"] == ""
    (row,) = result.rows
    assert row["trials"] == "2"
    assert int(row["valid_trials"]) <= 1
    assert int(row["n"]) > 0
    assert (result.root / "trials" / second["record"]["trial"]["key"] / "samples.parquet").exists()
    bed.settled()


def test_an_app_that_dies_before_it_is_ready(bed: Bed) -> None:
    with bed.start(*SMALL, trials=2) as tool:
        kill(bed.wait_for_process(tool, "symmetric_mp").pid)
        ended = tool.wait()
    check_failed_trial(bed, tool, ended, "ended before it was ready: it was killed by signal 9")


def test_an_app_that_dies_in_the_window(bed: Bed) -> None:
    with bed.start(*SMALL[:-1], "warmup_s=0.2", "window_s=2", trials=2) as tool:
        folder = bed.wait_into_window(tool, warmup_s=0.2)
        kill(bed.wait_for_process(tool, "symmetric_mp").pid)
        ended = tool.wait()
    check_failed_trial(bed, tool, ended, "ended while it was measured: it was killed by signal 9")
    record = next(
        each["record"] for each in bed.result(tool.run_id).trials if each["record"]["trial"]["key"] == folder.name
    )
    kept = bed.result(tool.run_id).root / "trials" / folder.name
    assert (kept / "samples.parquet").stat().st_size > 0  # what came back before it died
    assert {outcome["name"]: outcome["exit_code"] for outcome in record["processes"]}["primary"] == -9


def test_a_secondary_that_is_started_before_its_primary(bed: Bed) -> None:
    """The plan's own secondary, started as a run would, but alone."""
    inventory = namespaces.resolve(inventory_named(str(bed.inventory)))
    plan = plan_for("smp", inventory, ("transport=dpdk", "link=memif", "processes=2"), 1, 1, "early")
    secondary = next(each for each in plan.trials[0].processes if "--proc-type=secondary" in each.argv)
    folder = f"/tmp/early-{secondary.name}"
    remote = FabricRemote(inventory.host(secondary.host))
    try:
        remote.connect()
        spec = ProcessSpec(
            name=secondary.name,
            argv=secondary.argv,
            directory=folder,
            run_id="0ea51e00",
            cpus=secondary.cpus,
            ready_timeout_s=15.0,
            deadline_s=30.0,
        )
        with pytest.raises(CommandFailed, match="start the primary first") as caught:
            remote.start(spec).wait_ready()
        remote.run(["rm", "-rf", folder])
    finally:
        remote.close()
    assert str(caught.value).startswith(f"beta: {secondary.name}: ended before it was ready: it exited with ")
    assert "\n" not in str(caught.value)
    bed.settled()


def test_a_run_whose_trials_all_fail_gives_up_after_three(bed: Bed) -> None:
    killed: set[int] = set()
    with bed.start(*SMALL[:-1], "window_s=0.05", trials=6) as tool:
        run_id = tool.run_id
        while len(killed) < 3:
            tool.until(lambda: {seen.pid for seen in bed.of_run(run_id, "/symmetric_mp")} - killed, "the next primary")
            for seen in bed.of_run(run_id, "/symmetric_mp"):
                if seen.pid not in killed:
                    kill(seen.pid)
                    killed.add(seen.pid)
        ended = tool.wait()
    assert ended.code == 9, ended.stderr
    assert "gave up after three failed trials in a row" in ended.error
    assert len(bed.result(run_id).trials) == 3
    assert ended.stdout.splitlines()[-1].endswith(run_id)
    bed.settled()


@contextmanager
def small_disk(bed: Bed, host: str, size: str) -> Iterator[None]:
    """The folder of runs on a host is a file system of its own with hardly any room."""
    place = "/var/lib/dpdk-orchestrator/runs"
    bed.on_host(host, "mkdir", "-p", place)
    bed.on_host(host, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        yield
    finally:
        bed.on_host(host, "umount", "-l", place)


@pytest.mark.parametrize(("host", "process", "size"), [("alpha", "traffic", "64k"), ("beta", "primary", "4k")])
def test_a_disk_that_is_full_is_named(bed: Bed, host: str, process: str, size: str) -> None:
    with small_disk(bed, host, size), bed.start(*SMALL) as tool:
        ended = tool.wait()
        run_id = tool.run_id
        assert bed.on_host(host, "ls", "/var/lib/dpdk-orchestrator/runs") == ""
    assert ended.code == 9, ended.stderr
    assert f"{host}: {process}: " in ended.error
    assert "No space left on device" in ended.error
    assert "make room there" in ended.error
    assert bed.result(run_id).trials[0]["record"]["fault"].startswith(f"{host}: {process}: ")
    bed.settled()


def test_stale_files_and_sockets_of_a_killed_run_are_in_nobodys_way(bed: Bed) -> None:
    """Primary, generator and controller are all killed in the window, so that nobody cleans up."""
    with bed.start(*SMALL[:-1], "window_s=3") as tool:
        bed.wait_for_window(tool)
        run_id = tool.run_id
        agents = [seen.pid for seen in bed.strangers() if "python" in seen.command]
        assert len(agents) == 2
        for pid in agents:  # who would see to it that the others end cleanly
            os.kill(pid, signal.SIGSTOP)
        for pid in (*(seen.pid for seen in bed.of_run(run_id)), *agents):
            with suppress(ProcessLookupError):  # an agent may be of the run, too
                os.kill(pid, signal.SIGKILL)
        tool.kill()
    eventually(lambda: not bed.strangers(), 5.0, "nothing of ours on the hosts")
    socket = bed.paths.link("mem0") / "memif.sock"
    assert socket.is_socket()
    for host in ("alpha", "beta"):
        assert "map_" in bed.on_host(host, "ls", "/dev/hugepages")
        assert "dporch-" in bed.on_host(host, "ls", "/var/run/dpdk")

    again = bed.run(*SMALL)

    assert again.code == 0, again.stderr
    restored = bed.tool("restore")
    assert restored.code == 0, restored.stderr
    for host in ("alpha", "beta"):
        assert bed.on_host(host, "ls", "/dev/hugepages") == ""
    bed.settled()
