"""The link to a host is lost in a run: the host ends everything by itself, the run says which host it was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.run_bed import Bed
from support.tool import STEP_S, eventually

from orchestrator.commands.checkout import inventory_named
from orchestrator.testbeds.topology import topology

pytestmark = pytest.mark.timeout(300)

WINDOW_S, WARMUP_S = 2.0, 0.3
SETTINGS = ("transport=dpdk", "link=memif", "processes=1", f"window_s={WINDOW_S:g}")


def management(bed: Bed, host: str) -> str:
    """The machine's end of a host's management link."""
    made = topology(inventory_named(str(bed.inventory)))
    name = next(each.interface for each in made.hosts if each.name == host)
    assert Path("/sys/class/net", name).exists()
    return name


@contextmanager
def cut(bed: Bed, host: str) -> Iterator[None]:
    """No packet passes between controller and host. Neither side is told: there is no FIN and no reset."""
    interface = management(bed, host)
    subprocess.run(["ip", "link", "set", interface, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", interface, "up"], check=True)


@pytest.mark.parametrize("in_window", [False, True])
def test_a_lost_host_ends_what_runs_on_it_and_the_run_names_it(bed: Bed, in_window: bool) -> None:
    with bed.start(*SETTINGS) as tool:
        if in_window:
            bed.wait_for_window(tool)
            allowed = WARMUP_S + WINDOW_S + 5.0
        else:
            bed.wait_for_process(tool, "symmetric_mp")
            allowed = 5.0
        run_id = tool.run_id
        with cut(bed, "beta"):  # the sessions of its sshd stay: nobody tells them
            eventually(
                lambda: not [seen for seen in bed.strangers() if seen.host == "beta" and "sshd" not in seen.command],
                allowed,
                "no process of the run, and no agent, on beta",
            )
            ended = tool.wait(STEP_S)
            assert not [seen for seen in bed.strangers() if seen.host == "alpha"]
    assert ended.code == 3, ended.stderr
    assert ended.error.startswith("beta: connection lost"), ended.error
    assert "run `invoke restore" in ended.stderr
    assert Path(ended.stdout.splitlines()[-1]).resolve() == bed.result(run_id).root
    assert [trial["record"]["fault"].split(":")[0] for trial in bed.result(run_id).trials] == ["beta"]
    assert bed.result(run_id).events("interrupted")

    restored = bed.tool("restore")
    assert restored.code == 0, restored.stderr
    bed.settled()
