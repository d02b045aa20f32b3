from ipaddress import IPv4Network

import pytest

from orchestrator.errors import TestbedError
from orchestrator.testbeds.management import RANGE, choose, parse_routes


def test_the_choice_is_the_same_each_time_while_it_is_free() -> None:
    first = choose("local", "alpha", [])
    assert first == choose("local", "alpha", [IPv4Network("192.0.2.0/24")])
    assert first.subnet_of(RANGE)
    assert first.prefixlen == 31


def test_what_is_used_is_stepped_over() -> None:
    first = choose("local", "alpha", [])
    around = first.supernet(new_prefix=24)
    other = choose("local", "alpha", [around])
    assert not other.overlaps(around)
    assert other != choose("local", "alpha", [around, other])


def test_a_full_range_is_an_error_that_names_the_host() -> None:
    with pytest.raises(TestbedError, match="alpha: no two free addresses"):
        choose("local", "alpha", [RANGE])


def test_routes_are_read_but_for_the_default_route() -> None:
    text = (
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0\n"
        "dt0 0C0012C6 00000000 0001 0 0 0 FEFFFFFF 0 0 0\n"
    )
    assert parse_routes(text) == [IPv4Network("198.18.0.12/31")]
