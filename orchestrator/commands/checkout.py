"""Where the tool's own files lie, and inventories by name."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import find, load
from orchestrator.inventory.model import Inventory

ROOT = Path(__file__).resolve().parents[2]
INVENTORIES = ROOT / "inventories"
RESULTS = ROOT / "results"
RESULTS_VARIABLE = "DPDK_ORCHESTRATOR_RESULTS"
"""Environment variable: where results of runs go instead."""
APPS = ROOT / "dpdk_apps"
NOTEBOOKS = ROOT / "notebooks"


def results_root() -> Path:
    """Where results of runs go: `results/` of the checkout, or what DPDK_ORCHESTRATOR_RESULTS names."""
    chosen = os.environ.get(RESULTS_VARIABLE)
    return Path(chosen).absolute() if chosen else RESULTS


def inventory_named(name: str) -> Inventory:
    """The inventory called `name` (or at that path), its `auto` cores resolved to CPUs of this machine.

    Raises UsageError (not there) or InventoryError (every mistake in it, with file and line).
    """
    inventory = load(find(name, INVENTORIES))
    return resolve_cores(inventory, tuple(sorted(os.sched_getaffinity(0))))
