from pathlib import Path, PurePosixPath

import pytest

from orchestrator.errors import UsageError
from orchestrator.inventory.loader import load
from orchestrator.inventory.model import Host, Inventory, Link, Nic, NicRef
from orchestrator.testbeds.topology import interface_prefix, topology

LOCAL = Path(__file__).parents[3] / "inventories" / "local.yml"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load(LOCAL)


def with_hosts(inventory: Inventory, *hosts: Host) -> Inventory:
    return inventory.model_copy(update={"hosts": hosts})


def with_link(inventory: Inventory, first: str, second: str, kind: str = "veth") -> Inventory:
    ends = tuple(NicRef(host=end.split(".")[0], nic=end.split(".")[1]) for end in (first, second))
    link = Link.model_construct(name="extra", kind=kind, ends=ends, mtu=1500)
    return inventory.model_copy(update={"links": (*inventory.links, link)})


def test_the_default_inventory(inventory: Inventory) -> None:
    made = topology(inventory)
    assert [host.name for host in made.hosts] == ["alpha", "beta"]
    assert made.memifs == ("mem0", "mem1")
    assert made.hosts[0].memif == (("mem0", "/run/memif/mem0"), ("mem1", "/run/memif/mem1"))
    bridged = made.ports("beta")[1]
    assert (bridged.names, bridged.holder) == (("data1", "br1", "ddata1"), "br1")
    assert bridged.interface_mac == "02:00:00:01:01:02"
    plain = made.ports("alpha")[1]
    assert plain.interface_mac == plain.mac == bridged.peer_mac
    assert plain.peer_address == bridged.address.ip


def test_memif_folders_are_only_at_the_two_ends(inventory: Inventory) -> None:
    gamma = Host(name="gamma")
    made = topology(with_hosts(inventory, *inventory.hosts, gamma))
    assert made.hosts[2].memif == ()
    assert made.ports("gamma") == ()


@pytest.mark.parametrize("count", [1, 9])
def test_two_to_eight_hosts(inventory: Inventory, count: int) -> None:
    hosts = tuple(Host(name=f"h{number}") for number in range(count))
    alone = inventory.model_copy(update={"hosts": hosts, "links": ()})
    with pytest.raises(UsageError, match=f"2 to 8 hosts, not {count}"):
        topology(alone)


def test_all_problems_at_once(inventory: Inventory) -> None:
    broken = with_link(inventory, "alpha.mem0", "gamma.data0")
    broken = with_hosts(
        broken, broken.hosts[0].model_copy(update={"workdir": PurePosixPath("/usr/x")}), broken.hosts[1]
    )
    with pytest.raises(UsageError) as caught:
        topology(broken)
    for part in ("workdir /usr/x of host alpha", "alpha.mem0 has no interface", "gamma.data0, which does not exist"):
        assert part in caught.value.what


@pytest.mark.parametrize("workdir", ["relative", "/", "/a/../etc", "/proc/x", "/dev"])
def test_workdirs_that_would_cover_what_a_host_needs(inventory: Inventory, workdir: str) -> None:
    host = inventory.hosts[0].model_copy(update={"workdir": PurePosixPath(workdir)})
    with pytest.raises(UsageError, match="workdir"):
        topology(with_hosts(inventory, host, inventory.hosts[1]))


@pytest.mark.parametrize("name", ["mgmt0", "lo", "data0", "br1", "ddata1"])
def test_an_interface_name_that_is_taken(inventory: Inventory, name: str) -> None:
    alpha, beta = inventory.hosts
    hosts = (
        alpha.model_copy(update={"nics": (*alpha.nics, Nic(name="more", interface="more"))}),
        beta.model_copy(update={"nics": (*beta.nics, Nic(name="more", interface=name))}),
    )
    with pytest.raises(UsageError, match=f"host beta: {name}"):
        topology(with_link(with_hosts(inventory, *hosts), "alpha.more", "beta.more"))


def test_a_wire_cannot_be_made(inventory: Inventory) -> None:
    with pytest.raises(UsageError, match="is a wire"):
        topology(with_link(inventory, "alpha.data0", "beta.data0", kind="wire"))


def test_hosts_that_exist_already_are_no_testbed(inventory: Inventory) -> None:
    with pytest.raises(UsageError, match="exist already"):
        topology(inventory.model_copy(update={"testbed": None}))


def test_interface_names_fit_the_kernel_and_differ_between_testbeds() -> None:
    assert len(interface_prefix("x" * 31) + "7") <= 15
    assert interface_prefix("a") != interface_prefix("b")
