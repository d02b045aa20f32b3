"""A host with a made-up bus: a port for DPDK, and the card that carries SSH."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_pci import FakeInterface, FakePci
from support.nic_lab import PORT0, SSH_CARD, Lab, a_host


@pytest.fixture
def pci(tmp_path: Path) -> FakePci:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.driver("vfio-pci")
    bus.card("0000:00:1c.0", driver="pcieport", kind="0x060400", group="12")
    bus.card(PORT0, interfaces=(FakeInterface("ens1", mtu="9000", addresses=("198.18.9.1/30",)),))
    bus.card(SSH_CARD, group="40", interfaces=(FakeInterface("eth0", addresses=("192.0.2.12/24",)),))
    return bus


@pytest.fixture
def lab(tmp_path: Path, pci: FakePci) -> Lab:
    return Lab(tmp_path, pci, a_host(tmp_path))
