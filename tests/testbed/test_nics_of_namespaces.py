"""Hosts made of namespaces see the real machine's PCI bus: they may list its cards, and write nothing.

Nothing here could harm the machine if a guard were missing: what is asked of the guards writes nothing by itself, and
what is asked of the script names a driver that no card has, so that it would stop before its first write.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from orchestrator.errors import HostSettingError
from orchestrator.hosts.nic_guard import refuse
from orchestrator.hosts.nics import TOOLS, nic_status, survey
from orchestrator.hosts.pci import INITIAL_NAMESPACE
from orchestrator.hosts.script import run_script
from orchestrator.inventory.model import Inventory, Nic
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.fleet import close_all, connect_all
from orchestrator.remote.protocol import Remote


def network_cards() -> list[str]:
    """PCI addresses of the machine's network cards."""
    return sorted(
        path.name for path in Path("/sys/bus/pci/devices").glob("*") if (path / "class").read_text().startswith("0x02")
    )


@pytest.fixture
def remotes(testbed: Inventory) -> Iterator[dict[str, Remote]]:
    reached = connect_all(testbed, FabricRemote)
    yield reached
    close_all(reached)


def test_the_machines_cards_are_listed_as_its_own(testbed: Inventory, remotes: dict[str, Remote]) -> None:
    for name, remote in remotes.items():
        states = nic_status(remote, testbed.host(name))
        assert [state.bdf for state in states] == network_cards()
        assert all(state.owner == INITIAL_NAMESPACE and not state.interfaces for state in states)


def test_the_guard_refuses_every_card_before_it_looks_at_it(testbed: Inventory, remotes: dict[str, Remote]) -> None:
    for name, remote in remotes.items():
        host = testbed.host(name)
        found = survey(remote, host)
        assert found.namespaced
        for bdf in [*network_cards(), "0000:ff:1f.7"]:
            with pytest.raises(HostSettingError, match=f"^{name}: NIC p0 .*this host is made of namespaces"):
                refuse(found, host, Nic(name="p0", pci=bdf))


@pytest.mark.parametrize("action", ["bind", "give_back"])
def test_the_script_refuses_too(remotes: dict[str, Remote], action: str) -> None:
    bdf = (network_cards() or ["0000:ff:1f.7"])[0]
    driver = Path("/sys/bus/pci/devices") / bdf / "driver"
    before = driver.resolve()
    arguments = {**asdict(TOOLS), "action": action, "bdf": bdf, "driver": "none-such", "prior": "none-such"}
    answer = run_script(remotes["beta"], "nic_driver", {**arguments, "prior_override": "", "interfaces": []})
    assert answer["namespaced"] is True
    assert driver.resolve() == before
