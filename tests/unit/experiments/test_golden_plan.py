"""The plan of the two-host example, word for word: real NICs are `-a BDF`, and nothing is wired to virtual devices.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/unit/experiments/test_golden_plan.py
"""

import os
from pathlib import Path

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.plan import render_plan
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named

GOLDEN = Path(__file__).parents[1] / "golden" / "two-hosts.plan.txt"


def test_two_hosts_with_real_nics():
    request = Request(scenario_named("smp"), (), trials=1, seed=1, experiment="smp")
    text = render_plan(make_plan(load(INVENTORIES / "two-hosts.yml"), request, "0" * 16)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_golden_plan_has_pci_devices_and_no_virtual_ones():
    text = GOLDEN.read_text()
    assert " -a 0000:" in text
    assert "--vdev" not in text
    assert "--no-pci" not in text
