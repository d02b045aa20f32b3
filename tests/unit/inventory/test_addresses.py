from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.inventory import addresses
from orchestrator.inventory.loader import load
from orchestrator.inventory.model import Inventory, Link, Nic, NicRef

LOCAL = Path(__file__).parents[3] / "inventories" / "local.yml"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load(LOCAL)


def ref(text: str) -> NicRef:
    host, nic = text.split(".")
    return NicRef(host=host, nic=nic)


@pytest.mark.parametrize(
    ("nic", "kernel", "dpdk", "mac"),
    [
        ("alpha.data0", "198.19.0.1/24", "198.19.0.101", "02:00:00:00:00:01"),
        ("beta.data0", "198.19.0.2/24", "198.19.0.102", "02:00:00:00:00:02"),
        ("alpha.data2", "198.19.2.1/24", "198.19.2.101", "02:00:00:00:02:01"),
        ("beta.tap2", "198.19.2.2/24", "198.19.2.102", "02:00:00:00:02:02"),
    ],
)
def test_each_end_of_a_veth_link_has_its_own_addresses(
    inventory: Inventory, nic: str, kernel: str, dpdk: str, mac: str
) -> None:
    assert addresses.kernel_address(inventory, ref(nic)) == IPv4Interface(kernel)
    assert addresses.dpdk_address(inventory, ref(nic)) == IPv4Address(dpdk)
    assert addresses.mac(inventory, ref(nic)) == mac


def test_memif_links_have_dpdk_addresses_that_no_veth_link_has(inventory: Inventory) -> None:
    found = [addresses.dpdk_address(inventory, end) for link in inventory.links for end in link.ends]
    assert len(set(found)) == len(found)
    assert addresses.dpdk_address(inventory, ref("beta.mem1")) == IPv4Address("198.19.129.102")


def test_memif_ends_have_neither_a_kernel_address_nor_a_mac(inventory: Inventory) -> None:
    with pytest.raises(UsageError, match="no address of the kernel's"):
        addresses.kernel_address(inventory, ref("alpha.mem0"))
    with pytest.raises(UsageError, match="no fixed MAC"):
        addresses.mac(inventory, ref("alpha.mem0"))


def test_what_the_inventory_says_comes_first(inventory: Inventory) -> None:
    alpha = inventory.host("alpha")
    nic = alpha.nic("data0").model_copy(update={"address": IPv4Interface("192.0.2.7/28"), "mac": "02:11:22:33:44:55"})
    nics = tuple(nic if each.name == "data0" else each for each in alpha.nics)
    changed = inventory.model_copy(update={"hosts": (alpha.model_copy(update={"nics": nics}), inventory.host("beta"))})
    assert addresses.kernel_address(changed, ref("alpha.data0")) == IPv4Interface("192.0.2.7/28")
    assert addresses.mac(changed, ref("alpha.data0")) == "02:11:22:33:44:55"


def test_peer_and_link_are_found_from_either_end(inventory: Inventory) -> None:
    assert addresses.peer_of(inventory, ref("alpha.data1")) == ref("beta.tap1")
    assert addresses.peer_of(inventory, ref("beta.tap1")) == ref("alpha.data1")
    assert addresses.link_of(inventory, ref("beta.tap1")).name == "veth1"
    with pytest.raises(UsageError, match=r"alpha\.none is an end of no link"):
        addresses.link_of(inventory, ref("alpha.none"))


def test_a_hundred_and_twenty_ninth_veth_link_has_no_network(inventory: Inventory) -> None:
    link = inventory.links[-1]
    others = tuple(
        Link(name=f"more{number}", kind="veth", ends=(ref(f"alpha.more{number}"), ref(f"beta.more{number}")))
        for number in range(addresses.MAX_LINKS)
    )
    many = inventory.model_copy(update={"links": (*others, link)})
    with pytest.raises(UsageError, match="one too many"):
        addresses.kernel_address(many, link.ends[0])


def test_memif_socket_is_in_a_folder_named_for_the_link(inventory: Inventory) -> None:
    assert addresses.memif_socket(inventory.links[0]) == "/run/memif/mem0/memif.sock"


def test_tap_names_fit_the_kernel() -> None:
    assert addresses.tap_name(Nic(name="a", interface="data1", vdev="tap")) == "ddata1"
    with pytest.raises(UsageError, match="longer than 15"):
        addresses.tap_name(Nic(name="a", interface="fifteen-letters", vdev="tap"))
    with pytest.raises(UsageError, match="no interface"):
        addresses.tap_name(Nic(name="a", vdev="tap"))
