"""Binding and giving back on a made-up bus: the scripts that run on hosts really run, and write to it."""

from pathlib import Path

import pytest
from support.fake_pci import FakeInterface, FakePci
from support.local_remote import LocalRemote
from support.nic_lab import PORT0, PORT1, SSH_CARD, Lab, a_host

from orchestrator.errors import HostSettingError
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.nics import KIND, NicBinding, revert_nic_binding, survey
from orchestrator.hosts.settings import BIND_NICS, Change, Superseded
from orchestrator.inventory.model import Nic


def accept_restoring_of_ens1(pci: FakePci) -> None:
    for arguments in ("link set dev ens1 mtu 9000", "address replace 198.18.9.1/30 dev ens1", "link set dev ens1 up"):
        pci.accept(arguments)


def test_a_nic_is_bound_and_given_back_with_its_interface(lab: Lab) -> None:
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        assert lab.bind() == [(PORT0, "ixgbe", True)]
        assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("vfio-pci", "vfio-pci")
        assert lab.open() == [f"nic-binding {PORT0}"]
        assert lab.bind() == [(PORT0, "vfio-pci", False)]  # nothing is left to do, nor journalled twice
        assert lab.open() == [f"nic-binding {PORT0}"]
        assert lab.unbind() == [f"nic-binding {PORT0}: back to ixgbe"]
        assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("ixgbe", "")
        assert lab.open() == []
        assert lab.unbind() == []
    done = (lab.pci.root / "bin/ip.log").read_text().splitlines()
    assert [line for line in done if not line.startswith("-j")] == [
        "link set dev ens1 mtu 9000",
        "address replace 198.18.9.1/30 dev ens1",
        "link set dev ens1 up",
    ]
    assert lab.pci.driver_of(SSH_CARD) == "ixgbe"


def test_a_driver_that_had_the_card_by_hand_gets_it_back_by_hand(tmp_path: Path, pci: FakePci) -> None:
    """The bus by itself would choose no driver for this card."""
    pci.settle_s = 0.3
    pci.card("0000:70:00.0", driver="", group="70")
    pci.attach("0000:70:00.0", "uio_pci_generic")
    lab = Lab(tmp_path, pci, a_host(tmp_path, Nic(name="p0", pci="0000:70:00.0")))
    with pci.kernel():
        assert lab.bind() == [("0000:70:00.0", "uio_pci_generic", True)]
        assert lab.unbind() == ["nic-binding 0000:70:00.0: back to uio_pci_generic"]
    assert pci.driver_of("0000:70:00.0") == "uio_pci_generic"


def test_an_interface_that_does_not_get_its_address_back_is_not_called_done(lab: Lab) -> None:
    with lab.pci.kernel():
        lab.bind()
        with pytest.raises(HostSettingError, match=r"back to ixgbe; but .*bin/ip: "):
            lab.unbind()
        assert lab.pci.driver_of(PORT0) == "ixgbe"
        assert lab.open() == [f"nic-binding {PORT0}"]
        accept_restoring_of_ens1(lab.pci)
        assert lab.unbind() == [f"nic-binding {PORT0}: back to ixgbe"]
    assert lab.open() == []


def test_a_nic_without_driver_goes_back_to_none(tmp_path: Path, pci: FakePci) -> None:
    pci.card("0000:70:00.0", driver="", group="70")
    lab = Lab(tmp_path, pci, a_host(tmp_path, Nic(name="p0", pci="0000:70:00.0")))
    with pci.kernel():
        assert lab.bind() == [("0000:70:00.0", "", True)]
        assert lab.unbind() == ["nic-binding 0000:70:00.0: back to no driver"]
    assert (pci.driver_of("0000:70:00.0"), pci.override_of("0000:70:00.0")) == ("", "")


def test_an_earlier_override_is_put_back(lab: Lab) -> None:
    (lab.pci.bus / "devices" / PORT0 / "driver_override").write_text("ixgbe\n")
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        lab.bind()
        lab.unbind()
    assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("ixgbe", "ixgbe")


def test_ports_that_share_an_iommu_group_are_bound_together(tmp_path: Path, pci: FakePci) -> None:
    pci.card(PORT1, interfaces=(FakeInterface("ens2"),))
    both = Lab(tmp_path, pci, a_host(tmp_path, Nic(name="p0", pci=PORT0, address="198.18.9.1/30"), Nic(name="p1", pci=PORT1)))  # fmt: skip  # noqa: E501
    with pci.kernel():
        assert [bdf for bdf, _, changed in both.bind() if changed] == [PORT0, PORT1]


def test_a_driver_that_refuses_the_card_is_noticed_and_everything_put_back(lab: Lab) -> None:
    lab.pci.refuses.add("vfio-pci")
    lab.pci.settle_s = 0.3
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel(), pytest.raises(HostSettingError, match="given to vfio-pci, but no driver has it"):
        lab.bind()
    assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("ixgbe", "")
    assert lab.open() == []


def test_a_driver_that_never_comes_back_leaves_the_change_open(lab: Lab) -> None:
    lab.pci.settle_s = 0.3
    with lab.pci.kernel():
        lab.bind()
        lab.pci.refuses.add("ixgbe")
        with pytest.raises(HostSettingError, match="should go back to ixgbe, but no driver has it"):
            lab.unbind()
        assert lab.open() == [f"nic-binding {PORT0}"]
        lab.pci.refuses.clear()
        accept_restoring_of_ens1(lab.pci)
        assert lab.unbind() == [f"nic-binding {PORT0}: back to ixgbe"]


def test_a_write_that_the_kernel_refuses_is_named(lab: Lab) -> None:
    """There is no drivers_probe at all, for the way back neither: the change stays open."""
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        (lab.pci.bus / "drivers_probe").unlink()
        with pytest.raises(HostSettingError, match="drivers_probe: No such file"):
            lab.bind()
    assert lab.open() == [f"nic-binding {PORT0}"]


def test_the_module_is_loaded_when_it_is_not(tmp_path: Path) -> None:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.card(PORT0, driver="")
    bus.card(SSH_CARD, group="40", interfaces=(FakeInterface("eth0", addresses=("192.0.2.12/24",)),))
    lab = Lab(tmp_path, bus, a_host(tmp_path))
    assert "the kernel has no module vfio-pci" in lab.refusal().what
    bus.module("vfio-pci")
    assert survey(LocalRemote(), lab.host, bus.tools).vfio_module == "there"
    bus.program("modprobe", f'[ "$1" = vfio-pci ] && mkdir {bus.bus}/drivers/vfio-pci; echo insmod')
    with bus.kernel():
        lab.bind()
    assert bus.driver_of(PORT0) == "vfio-pci"


def test_somebody_else_who_was_quicker_is_seen_before_the_first_write(lab: Lab) -> None:
    binding = NicBinding(lab.host, lab.host.nics[0], tools=lab.pci.tools)
    data = binding.probe(LocalRemote())
    assert data is not None
    (lab.pci.bus / "devices" / PORT0 / "driver_override").write_text("uio\n")
    with pytest.raises(Superseded):
        binding.apply(LocalRemote(), data)
    assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("ixgbe", "uio")


def test_a_third_driver_of_somebody_elses_choice_is_left_alone(lab: Lab) -> None:
    with lab.pci.kernel():
        lab.bind()
        lab.pci.detach(PORT0)
        lab.pci.attach(PORT0, "uio_pci_generic")
        assert lab.unbind() == [f"nic-binding {PORT0}: left to uio_pci_generic, which somebody else gave it to"]
    assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("uio_pci_generic", "")


@pytest.mark.parametrize("file", ["/dev/vfio/12", "/dev/vfio/devices/vfio3"])
def test_a_nic_that_a_process_still_uses_is_not_taken_from_it(lab: Lab, file: str) -> None:
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        lab.bind()
        (lab.pci.bus / "devices" / PORT0 / "vfio-dev/vfio3").mkdir(parents=True)
        descriptors = lab.pci.root / "proc/4711/fd"
        descriptors.mkdir(parents=True)
        (descriptors / "9").symlink_to(file)
        with pytest.raises(HostSettingError, match=r"processes still use the NIC \(PID 4711\)"):
            lab.unbind()
        assert (lab.pci.driver_of(PORT0), lab.open()) == ("vfio-pci", [f"nic-binding {PORT0}"])
        (descriptors / "9").unlink()
        assert lab.unbind() == [f"nic-binding {PORT0}: back to ixgbe"]


def test_a_card_that_was_taken_out_needs_nothing_more(lab: Lab) -> None:
    with lab.pci.kernel():
        lab.bind()
        (lab.pci.bus / "devices" / PORT0).unlink()
        assert lab.unbind() == [f"nic-binding {PORT0}: the card is not there any more"]


def test_a_change_whose_write_was_never_confirmed_is_put_back(lab: Lab) -> None:
    """The controller was killed between the override and the probe."""
    accept_restoring_of_ens1(lab.pci)
    binding = NicBinding(lab.host, lab.host.nics[0], tools=lab.pci.tools)
    data = binding.probe(LocalRemote())
    assert data is not None
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    lab.journal.begin(Change(setting=binding.name, kind=KIND, host="beta", kernel=kernel, owner=BIND_NICS, data=data))
    (lab.pci.bus / "devices" / PORT0 / "driver_override").write_text("vfio-pci\n")
    lab.pci.detach(PORT0)
    with lab.pci.kernel():
        assert lab.unbind() == [f"nic-binding {PORT0}: back to ixgbe"]
    assert (lab.pci.driver_of(PORT0), lab.pci.override_of(PORT0)) == ("ixgbe", "")


def test_nics_of_hosts_that_were_not_asked_for_stay_as_they_are(lab: Lab) -> None:
    elsewhere = Change(
        setting="nic-binding 0000:3b:00.0", kind=KIND, host="gamma", kernel="another", owner=BIND_NICS, data={}
    )
    both = {**lab.remotes, "gamma": LocalRemote("gamma")}
    Journal(lab.journal.path, both, dict.fromkeys(both, lab.host.workdir)).begin(elsewhere)
    assert lab.unbind() == []
    assert lab.open() == [elsewhere.setting]


def test_a_change_reverts_through_the_setting_as_through_restore(lab: Lab) -> None:
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        lab.bind()
        (change,) = lab.journal.open_changes().changes
        first = NicBinding(lab.host, lab.host.nics[0]).revert(LocalRemote(), change)
        again = revert_nic_binding(LocalRemote(), change)
    assert first.note == again.note == f"nic-binding {PORT0}: back to ixgbe"
    assert first.remaining is again.remaining is None
