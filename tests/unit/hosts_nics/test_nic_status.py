"""What is read of a made-up bus by the script that runs on hosts, and what is understood of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_pci import FakeInterface, FakePci
from support.local_remote import LocalRemote

from orchestrator.hosts.nics import nic_status, survey
from orchestrator.hosts.on_host import nic_facts
from orchestrator.hosts.pci import INITIAL_NAMESPACE, THIS_HOST, GroupMember, in_initial_namespace
from orchestrator.inventory.model import Host, Nic, Ssh

HOST = Host(name="beta", ssh=Ssh(address="beta.example"), cores=(1,), nics=(Nic(name="p0", pci="0000:3b:00.0"),))


@pytest.fixture
def pci(tmp_path: Path) -> FakePci:
    bus = FakePci(tmp_path / "host")
    bus.ssh_connection("192.0.2.12")
    bus.card("0000:00:1c.0", driver="pcieport", kind="0x060400", group="12")
    bus.card("0000:3b:00.0", interfaces=(FakeInterface("ens1", mac="02:00:00:00:00:0a", addresses=("198.18.9.1/30",)),))
    bus.card("0000:3b:00.1", driver="")
    bus.card("0000:5e:00.0", group="40", interfaces=(FakeInterface("eth0", addresses=("192.0.2.12/24",)),))
    return bus


def test_cards_are_listed_with_what_is_known_of_them(pci: FakePci) -> None:
    first, second, third = nic_status(LocalRemote(), HOST, pci.tools)
    assert [nic.bdf for nic in (first, second, third)] == ["0000:3b:00.0", "0000:3b:00.1", "0000:5e:00.0"]
    assert (first.device_id, first.driver, first.driver_override, first.numa_node) == ("8086:10fb", "ixgbe", "", 1)
    assert (first.driver_version, first.firmware) == ("6.1.0", "0x800007f5, 17.5.10")
    assert (first.nic, first.role, first.owner) == ("p0", "both", THIS_HOST)
    (interface,) = first.interfaces
    assert (interface.name, interface.mac, interface.up, interface.state) == ("ens1", "02:00:00:00:00:0a", True, "up")
    assert (interface.addresses, interface.speed_mbps, interface.mtu) == (("198.18.9.1/30",), 25000, 1500)
    assert first.iommu_group == "12"
    assert first.iommu_members == (
        GroupMember("0000:00:1c.0", "pcieport", is_bridge=True),
        GroupMember("0000:3b:00.1", "", is_bridge=False),
    )
    assert (second.driver, second.interfaces, second.nic, second.role) == ("", (), "", "")


def test_the_card_of_the_ssh_connection_is_found_by_the_environment_of_a_parent(pci: FakePci) -> None:
    assert [nic.carries_ssh for nic in nic_status(LocalRemote(), HOST, pci.tools)] == [False, False, True]


def test_the_card_of_the_ssh_connection_is_found_by_its_socket(pci: FakePci) -> None:
    (pci.root / "proc/70/environ").write_bytes(b"")
    local, peer = (bytes(map(int, text.split(".")))[:: -1 if sys.byteorder == "little" else 1].hex().upper()
                   for text in ("192.0.2.12", "192.0.2.99"))  # fmt: skip
    header = "  sl  local_address rem_address   st\n"
    listening = f"   0: {local}:0016 00000000:0000 0A 0 0\n"
    (pci.root / "proc/self/net/tcp").write_text(header + listening)
    assert not survey(LocalRemote(), HOST, pci.tools).ssh_known
    (pci.root / "proc/self/net/tcp").write_text(f"{header}{listening}   1: {local}:0016 {peer}:C350 01 0 0\n")
    assert [nic.carries_ssh for nic in nic_status(LocalRemote(), HOST, pci.tools)] == [False, False, True]


def test_the_card_of_the_ssh_connection_is_found_by_the_address_in_the_inventory(pci: FakePci) -> None:
    (pci.root / "proc/70/environ").write_bytes(b"")
    named = HOST.model_copy(update={"ssh": Ssh(address="192.0.2.12")})
    assert [nic.carries_ssh for nic in nic_status(LocalRemote(), named, pci.tools)] == [False, False, True]


def test_the_card_by_which_answers_to_ssh_leave_carries_it_too(pci: FakePci) -> None:
    pci.answer("ip", "-j route get 192.0.2.99", [{"dst": "192.0.2.99", "dev": "ens1"}])
    assert [nic.carries_ssh for nic in nic_status(LocalRemote(), HOST, pci.tools)] == [True, False, True]


def test_ports_of_a_bond_carry_what_the_bond_carries(pci: FakePci) -> None:
    pci.interface(FakeInterface("bond0", addresses=("192.0.2.13/24",)))
    pci.card("0000:60:00.0", interfaces=(FakeInterface("ens6", upper=("bond0",)),))
    pci.card("0000:60:00.1", interfaces=(FakeInterface("ens7", upper=("bond0",)),))
    pci.ssh_connection("192.0.2.13")
    pci.answer("ip", "-j -4 route show default table all", [{"dst": "default", "nexthops": [{"dev": "bond0"}]}])
    bonded = nic_status(LocalRemote(), HOST, pci.tools)[-2:]
    assert [(nic.carries_ssh, nic.default_route, nic.interfaces[0].users) for nic in bonded] == [
        (True, True, ("bond0",))
    ] * 2


def test_the_default_route_is_found_also_where_only_ipv6_has_one(pci: FakePci) -> None:
    assert not any(nic.default_route for nic in nic_status(LocalRemote(), HOST, pci.tools))
    (pci.root / "proc/self/net/if_inet6").touch()
    assert not survey(LocalRemote(), HOST, pci.tools).routes_known
    pci.answer("ip", "-j -6 route show default table all", [{"dst": "default", "dev": "ens1"}])
    assert [nic.default_route for nic in nic_status(LocalRemote(), HOST, pci.tools)] == [True, False, False]


def test_a_virtio_card_has_its_interface_one_level_deeper(pci: FakePci) -> None:
    card = pci.card("0000:70:00.0", driver="virtio-pci", vendor="0x1af4")
    pci.interface(FakeInterface("eth7"), card / "virtio3")
    assert [each.name for each in nic_status(LocalRemote(), HOST, pci.tools)[-1].interfaces] == ["eth7"]


def test_a_host_made_of_namespaces_lists_cards_as_the_machines(pci: FakePci) -> None:
    pci.leave_initial_namespace()
    assert {nic.owner for nic in nic_status(LocalRemote(), HOST, pci.tools)} == {INITIAL_NAMESPACE}


@pytest.mark.parametrize(
    ("own", "kthreadd", "sysctl", "initial"),
    [
        ("net:[1]", "net:[1]", True, True),
        ("net:[1]", "", True, True),  # a PID namespace of its own, but the machine's network
        ("net:[1]", "net:[1]", False, False),
        ("net:[2]", "net:[1]", True, False),
        ("", "", False, False),
    ],
)
def test_the_initial_network_namespace_is_told_by_the_kernel(
    own: str, kthreadd: str, sysctl: bool, initial: bool
) -> None:
    assert in_initial_namespace({"own": own, "kthreadd": kthreadd, "initial_only_sysctl": sysctl}) is initial


def test_this_kernel_shows_a_new_network_namespace_as_such() -> None:
    """The real kernel, not a made-up tree: needs the right to make a namespace, which users mostly have."""
    here = nic_facts.namespaces(nic_facts.Facts("/", {}))
    argv = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-I", "-S", nic_facts.__file__]
    done = subprocess.run(
        [*argv, '{"root": "/", "ssh_port": 22, "ip": "ip", "ethtool": "ethtool", "modprobe": "modprobe"}'],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this user may not make a network namespace: {done.stderr.strip()[-80:]}")
    assert '"initial_only_sysctl": false' in done.stdout
    assert here["own"] not in done.stdout.partition('"kthreadd"')[0]


def test_programs_that_are_missing_or_talk_nonsense_are_no_answer(pci: FakePci) -> None:
    pci.program("ip", "echo nonsense")
    pci.program("ethtool", "exit 1")
    found = survey(LocalRemote(), HOST, pci.tools)
    assert not found.routes_known
    assert found.nics[0].firmware == ""


def test_addresses_of_sockets() -> None:
    assert nic_facts.socket_address(f"{int.from_bytes(bytes([192, 0, 2, 12]), sys.byteorder):08X}") == "192.0.2.12"
    mapped = "0" * 16 + f"{int.from_bytes(bytes([0, 0, 255, 255]), sys.byteorder):08X}"
    tail = f"{int.from_bytes(bytes([192, 0, 2, 12]), sys.byteorder):08X}"
    assert nic_facts.socket_address(mapped + tail) == "192.0.2.12"
