"""Which NICs are refused, before anything is written to the (made-up) bus, and which only look as if they should be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_pci import FakeInterface, FakePci
from support.local_remote import LocalRemote
from support.nic_lab import PORT0, PORT1, SSH_CARD, Lab, a_host

from orchestrator.errors import HostSettingError, UsageError
from orchestrator.hosts.nic_guard import refuse
from orchestrator.hosts.nics import survey
from orchestrator.hosts.on_host import nic_driver
from orchestrator.inventory.model import Nic, Role


def break_addresses(pci: FakePci) -> None:
    pci.program("ip", "exit 1")


def no_ssh_evidence(pci: FakePci) -> None:
    pci.ssh_connection("203.0.113.1")
    pci.detach(SSH_CARD)


def own_address(pci: FakePci, address: str) -> None:
    pci.detach(PORT0)
    pci._interfaces[PORT0] = [FakeInterface("ens1", addresses=(address,))]
    pci.attach(PORT0, "ixgbe")


def in_a_bridge(pci: FakePci) -> None:
    pci.interface(FakeInterface("br0"))
    pci.detach(PORT0)
    pci._interfaces[PORT0] = [FakeInterface("ens1", upper=("br0",))]
    pci.attach(PORT0, "ixgbe")


def elsewhere(pci: FakePci) -> None:
    pci.detach(PORT0)
    pci._interfaces[PORT0] = []
    pci.attach(PORT0, "ixgbe")


def default_route(pci: FakePci) -> None:
    pci.answer("ip", "-j -4 route show default table all", [{"dst": "default", "dev": "ens1"}])


def virtual_functions(pci: FakePci) -> None:
    (pci.bus / "devices" / PORT0 / "sriov_numvfs").write_text("4\n")


def no_iommu(pci: FakePci) -> None:
    (pci.bus / "devices" / PORT0 / "iommu_group").unlink()


def neighbour(driver: str) -> Callable[[FakePci], None]:
    return lambda pci: (pci.card("0000:3b:00.2", driver=driver, kind="0x010700"), None)[1]


def nothing(pci: FakePci) -> None:
    """The bus is as it is."""


REFUSALS: list[tuple[str, str, Role, Callable[[FakePci], None]]] = [
    ("it carries the SSH connection to this host (eth0)", SSH_CARD, "dpdk", nothing),
    ("it carries the SSH connection", PORT0, "dpdk", lambda pci: own_address(pci, "192.0.2.12/24")),
    ("it carries the default route (ens1)", PORT0, "dpdk", default_route),
    ("ens1 is up with addresses that are no test link's (203.0.113.5/24)", PORT0, "dpdk",
     lambda pci: own_address(pci, "203.0.113.5/24")),
    ("ens1 is part of br0", PORT0, "dpdk", in_a_bridge),
    ("no interface of it is here: another network namespace uses it", PORT0, "dpdk", elsewhere),
    ("the host's addresses and routes cannot be read", PORT0, "dpdk", break_addresses),
    ("the interface of the SSH connection cannot be found", PORT0, "dpdk", no_ssh_evidence),
    ("IOMMU group 12 also holds 0000:3b:00.2 (mpt3sas)", PORT0, "dpdk", neighbour("mpt3sas")),
    ("IOMMU group 12 also holds 0000:3b:00.2 (no driver)", PORT0, "dpdk", neighbour("")),
    ("there is no IOMMU", PORT0, "dpdk", no_iommu),
    ("it has 4 virtual functions", PORT0, "dpdk", virtual_functions),
    ("there is no PCI device with that address", "0000:99:00.0", "dpdk", nothing),
    ("that PCI device is no network card", "0000:00:1c.0", "dpdk", nothing),
]  # fmt: skip


@pytest.mark.parametrize(("what", "bdf", "role", "prepare"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refusals(
    tmp_path: Path, pci: FakePci, what: str, bdf: str, role: Role, prepare: Callable[[FakePci], None]
) -> None:
    prepare(pci)
    nic = Nic(name="p0", pci=bdf, role=role, address="198.18.9.1/30")
    error = Lab(tmp_path, pci, a_host(tmp_path, nic)).refusal()
    assert what in error.what
    assert error.what.startswith(f"NIC p0 ({bdf}): ")


@pytest.mark.parametrize(("vendor", "driver"), [("0x15b3", "mlx5_core"), ("0x15b3", ""), ("0x1414", "mana")])
def test_bifurcated_cards_stay_with_their_kernel_driver(tmp_path: Path, pci: FakePci, vendor: str, driver: str) -> None:
    pci.card("0000:70:00.0", driver=driver, vendor=vendor, group="70", interfaces=(FakeInterface("ens7"),))
    error = Lab(tmp_path, pci, a_host(tmp_path, Nic(name="m0", pci="0000:70:00.0"))).refusal()
    assert "it is bifurcated" in error.what
    assert "dpdk_driver: bifurcated" in error.remedy


def test_nics_of_the_kernel_and_bifurcated_ones_are_never_asked_for(tmp_path: Path, pci: FakePci) -> None:
    kernel = Nic(name="k0", pci=PORT0, interface="ens1", role="kernel")
    bifurcated = Nic(name="m0", pci=SSH_CARD, dpdk_driver="bifurcated")
    lab = Lab(tmp_path, pci, a_host(tmp_path, kernel, bifurcated, Nic(name="t0", interface="eth0")))
    with pytest.raises(UsageError, match="no NIC of these hosts is to be bound"):
        lab.bind()
    for nic, what in zip(lab.host.nics, ("its role is kernel", "it is bifurcated", "no PCI address"), strict=True):
        with pytest.raises(HostSettingError, match=what):
            refuse(survey(LocalRemote(), lab.host, pci.tools), lab.host, nic)


def test_a_nic_that_vfio_has_already_needs_no_iommu_of_ours(tmp_path: Path, pci: FakePci) -> None:
    """Its group was judged when it was bound; a neighbour that came later is no reason to fail what stands."""
    pci.card(PORT1, driver="vfio-pci")
    neighbour("mpt3sas")(pci)
    assert Lab(tmp_path, pci, a_host(tmp_path, Nic(name="p1", pci=PORT1))).bind() == [(PORT1, "vfio-pci", False)]


def test_one_refused_nic_keeps_the_others_of_its_host_untouched(tmp_path: Path, pci: FakePci) -> None:
    good = Nic(name="p0", pci=PORT0, address="198.18.9.1/30")
    lab = Lab(tmp_path, pci, a_host(tmp_path, good, Nic(name="bad", pci=SSH_CARD)))
    with pci.kernel():
        assert "NIC bad" in lab.refusal().what


def test_a_module_that_cannot_be_loaded_leaves_nothing_behind(tmp_path: Path) -> None:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.card(PORT0, driver="")
    bus.program("modprobe", '[ "$1" = --dry-run ] && echo insmod || { echo "Key was rejected" >&2; exit 1; }')
    assert "cannot be loaded" in Lab(tmp_path, bus, a_host(tmp_path)).refusal().what


def test_every_pci_write_is_refused_on_a_host_made_of_namespaces(lab: Lab) -> None:
    lab.pci.leave_initial_namespace()
    error = lab.refusal()
    assert "made of namespaces" in error.what
    assert "initial network namespace" in error.what
    for action in ("bind", "give_back"):
        # Not even a caller that asks no guard gets past the script.
        answer = nic_driver.main({"root": str(lab.pci.root), "bdf": PORT0, "action": action, "settle_s": 0.1})
        assert answer == {"namespaced": True, "driver": "ixgbe"}


def test_giving_back_is_refused_on_a_host_made_of_namespaces(lab: Lab) -> None:
    with lab.pci.kernel():
        lab.bind()
        lab.pci.leave_initial_namespace()
        with pytest.raises(HostSettingError, match="not in the kernel's initial network namespace"):
            lab.unbind()
    assert lab.pci.driver_of(PORT0) == "vfio-pci"


def test_what_a_test_link_has_is_no_reason_against_it_but_only_its_own_address(lab: Lab) -> None:
    now = survey(LocalRemote(), lab.host, lab.pci.tools)
    refuse(now, lab.host, lab.host.nics[0])
    state = now.nics[0]
    down = replace(state.interfaces[0], up=False, addresses=("203.0.113.5/24",))
    refuse(replace(now, nics=(replace(state, interfaces=(down,)),)), lab.host, lab.host.nics[0])
