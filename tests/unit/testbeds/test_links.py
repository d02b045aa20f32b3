import dataclasses
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.inventory.loader import load
from orchestrator.testbeds import links
from orchestrator.testbeds.ip_tool import Interface, Network, parse_links, parse_neighbours
from orchestrator.testbeds.topology import Port, topology

MADE = topology(load(Path(__file__).parents[3] / "inventories" / "local.yml"))
PLAIN, BRIDGED = MADE.ports("alpha")[1], MADE.ports("beta")[1]


def interface(name: str, **values: object) -> Interface:
    base = Interface(name, 2, 3, "02:00:00:00:00:00", 1500, True, None, frozenset())
    return dataclasses.replace(base, **values)  # type: ignore[arg-type]


def whole(port: Port) -> Network:
    """The network of a host where one end is as it should be."""
    found = [interface(port.interface, mac=port.interface_mac, master=port.bridge)]
    if port.bridge:
        found.append(interface(port.bridge, mac=port.mac))
    if port.tap:
        found.append(interface(port.tap, master=port.bridge))
    addressed = [
        dataclasses.replace(each, addresses=frozenset({str(port.address)})) if each.name == port.holder else each
        for each in found
    ]
    neighbours = frozenset({(port.holder, str(port.peer_address), port.peer_mac)})
    return Network({each.name: each for each in addressed}, neighbours)


@pytest.mark.parametrize("port", [PLAIN, BRIDGED])
def test_a_whole_end_has_no_problems(port: Port) -> None:
    assert list(links.port_problems(port, whole(port))) == []


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("data1", {"up": False}, "data1 is down"),
        ("data1", {"mtu": 9000}, "data1 has MTU 9000 instead of 1500"),
        ("data1", {"master": None}, "data1 belongs to bridge None instead of br1"),
        ("br1", {"mac": "02:00:00:00:00:99"}, "br1 has MAC 02:00:00:00:00:99 instead of 02:00:00:00:01:02"),
        ("br1", {"addresses": frozenset()}, "br1 lacks address 198.19.1.2/24"),
        ("ddata1", {"master": "br2"}, "ddata1 belongs to bridge br2 instead of br1"),
    ],
)
def test_each_difference_is_told(name: str, change: dict[str, object], told: str) -> None:
    network = whole(BRIDGED)
    changed = dataclasses.replace(network.interfaces[name], **change)  # type: ignore[arg-type]
    assert list(links.port_problems(BRIDGED, Network({**network.interfaces, name: changed}, network.neighbours))) == [
        told
    ]


def test_a_tap_is_as_its_dpdk_process_left_it() -> None:
    network = whole(BRIDGED)
    left = dataclasses.replace(network.interfaces["ddata1"], up=False, mac="06:00:00:00:00:01", mtu=1400)
    changed = Network({**network.interfaces, "ddata1": left}, network.neighbours)
    assert list(links.port_problems(BRIDGED, changed)) == []


def test_a_lost_interface_and_a_lost_neighbour_are_told() -> None:
    network = whole(BRIDGED)
    rest = {name: each for name, each in network.interfaces.items() if name != "ddata1"}
    problems = list(links.port_problems(BRIDGED, Network(rest, frozenset())))
    assert problems == ["no interface ddata1", "br1 lacks the neighbour 198.19.1.1"]


def test_a_pair_is_joined_only_if_its_ends_point_at_each_other() -> None:
    link = MADE.veths[0]
    first = Network({"data0": interface("data0", index=4, peer=9)}, frozenset())
    second = Network({"data0": interface("data0", index=9, peer=4)}, frozenset())
    assert links.joined(link, first, second)
    other = Network({"data0": interface("data0", index=9, peer=5)}, frozenset())
    assert not links.joined(link, first, other)
    assert not links.joined(link, first, Network({}, frozenset()))


def test_what_exists_is_not_made_again() -> None:
    anew, again = links.configure_port(BRIDGED, {}), links.configure_port(BRIDGED, whole(BRIDGED).interfaces)
    assert [line for line in anew if " add " in line] == [
        "link add dev br1 type bridge stp_state 0 mcast_snooping 0 forward_delay 0",
        "tuntap add dev ddata1 mode tap multi_queue",
    ]
    assert not [line for line in again if line.startswith(("link add", "tuntap add"))]


def test_management_wants_both_ends_with_their_addresses() -> None:
    network = IPv4Network("198.18.0.8/31")
    ours = Network({"dt": interface("dt", index=7, peer=2, addresses=frozenset({"198.18.0.8/31"}))}, frozenset())
    theirs = Network({"mgmt0": interface("mgmt0", index=2, peer=7)}, frozenset())
    problems = links.management_problems("dt", network, ours, theirs)
    assert list(problems) == ["mgmt0 lacks address 198.18.0.9/31"]
    assert list(links.management_problems("dt", network, ours, Network({}, frozenset()))) == ["no management link"]


def test_what_ip_prints_is_understood() -> None:
    found = parse_links(
        [
            {
                "ifindex": 3,
                "link_index": 5,
                "ifname": "data0",
                "flags": ["BROADCAST", "UP", "LOWER_UP"],
                "mtu": 1500,
                "master": "br0",
                "address": "02:00:00:00:00:01",
                "link_netnsid": 1,
                "addr_info": [{"family": "inet", "local": "198.19.0.1", "prefixlen": 24}],
            },
            {},
        ]
    )
    assert found["data0"] == Interface(
        "data0", 3, 5, "02:00:00:00:00:01", 1500, True, "br0", frozenset({"198.19.0.1/24"})
    )
    entry = {"dst": "198.19.0.2", "dev": "data0", "lladdr": "02:00:00:00:00:02", "state": ["PERMANENT"]}
    assert parse_neighbours([entry, {"dst": "198.19.0.3", "dev": "data0"}]) == {
        ("data0", "198.19.0.2", "02:00:00:00:00:02")
    }
