"""Binding and giving back on a made-up bus: the scripts that run on hosts really run, and write to it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_pci import FakeInterface, FakePci
from support.local_remote import LocalRemote

from orchestrator.errors import HostSettingError, UsageError
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.nic_guard import refuse
from orchestrator.hosts.nics import KIND, NicBinding, bind_nics, revert_nic_binding, survey, unbind_nics
from orchestrator.hosts.on_host import nic_driver
from orchestrator.hosts.settings import BIND_NICS, Change, Superseded
from orchestrator.inventory.model import Host, Inventory, Nic, Role, Ssh

PORT0, PORT1, SSH_CARD = "0000:3b:00.0", "0000:3b:00.1", "0000:5e:00.0"


def a_host(tmp_path: Path, *nics: Nic) -> Host:
    named = nics or (Nic(name="p0", pci=PORT0, role="dpdk", address="198.18.9.1/30"),)
    return Host(name="beta", ssh=Ssh(address="192.0.2.12"), cores=(1,), nics=named, workdir=tmp_path / "work")


@pytest.fixture
def pci(tmp_path: Path) -> FakePci:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.driver("vfio-pci")
    bus.card("0000:00:1c.0", driver="pcieport", kind="0x060400", group="12")
    bus.card(PORT0, interfaces=(FakeInterface("ens1", mtu="9000", addresses=("198.18.9.1/30",)),))
    bus.card(SSH_CARD, group="40", interfaces=(FakeInterface("eth0", addresses=("192.0.2.12/24",)),))
    return bus


class Lab:
    """One host with its bus, inventory and journal."""

    def __init__(self, tmp_path: Path, pci: FakePci, host: Host) -> None:
        self.pci, self.host = pci, host
        self.remotes = {host.name: LocalRemote(host.name)}
        self.inventory = Inventory(hosts=(host,))
        self.journal = Journal.of(tmp_path / "journal.jsonl", self.inventory, self.remotes)
        self.locks = tmp_path / "locks"

    def bind(self) -> list[tuple[str, str, bool]]:
        bound = bind_nics(
            self.remotes, self.inventory, journal=self.journal, tools=self.pci.tools, lock_folder=self.locks
        )
        return [(nic.bdf, nic.prior, nic.changed) for nic in bound]

    def unbind(self) -> list[str]:
        report = unbind_nics(self.remotes, self.journal, lock_folder=self.locks)
        report.check()
        return [entry.note for entry in report.restored]

    def open(self) -> list[str]:
        return [change.change.setting for change in self.journal.open_changes().changes]

    def refusal(self) -> HostSettingError:
        """The error of a refused binding; nothing may have been written or journalled."""
        before = self.writes()
        with pytest.raises(HostSettingError) as caught:
            self.bind()
        assert self.writes() == before
        assert self.open() == []
        assert caught.value.host == "beta"
        assert caught.value.remedy
        return caught.value

    def writes(self) -> list[tuple[str, str]]:
        return [(self.pci.driver_of(nic.pci), self.pci.override_of(nic.pci))
                for nic in self.host.nics if nic.pci and (self.pci.bus / "devices" / nic.pci).exists()]  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, pci: FakePci) -> Lab:
    return Lab(tmp_path, pci, a_host(tmp_path))


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


def test_a_module_that_cannot_be_loaded_leaves_nothing_behind(tmp_path: Path) -> None:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.card(PORT0, driver="")
    bus.program("modprobe", '[ "$1" = --dry-run ] && echo insmod || { echo "Key was rejected" >&2; exit 1; }')
    assert "cannot be loaded" in Lab(tmp_path, bus, a_host(tmp_path)).refusal().what


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


def test_what_a_test_link_has_is_no_reason_against_it_but_only_its_own_address(lab: Lab) -> None:
    now = survey(LocalRemote(), lab.host, lab.pci.tools)
    refuse(now, lab.host, lab.host.nics[0])
    state = now.nics[0]
    down = replace(state.interfaces[0], up=False, addresses=("203.0.113.5/24",))
    refuse(replace(now, nics=(replace(state, interfaces=(down,)),)), lab.host, lab.host.nics[0])


def test_a_change_reverts_through_the_setting_as_through_restore(lab: Lab) -> None:
    accept_restoring_of_ens1(lab.pci)
    with lab.pci.kernel():
        lab.bind()
        (change,) = lab.journal.open_changes().changes
        first = NicBinding(lab.host, lab.host.nics[0]).revert(LocalRemote(), change)
        again = revert_nic_binding(LocalRemote(), change)
    assert first.note == again.note == f"nic-binding {PORT0}: back to ixgbe"
    assert first.remaining is again.remaining is None
