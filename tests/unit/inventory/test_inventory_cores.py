import pytest

from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import loads

AUTO = "testbed: {kind: namespaces}\nhosts: [{name: a}, {name: b}, {name: c}]\n"


@pytest.mark.parametrize(
    ("cpus", "expected"),
    [
        ((0, 1, 2, 3), [(0,), (1, 2, 3), (1, 2, 3)]),
        ((4, 2), [(4,), (2,), (2,)]),
        ((7,), [(7,), (7,), (7,)]),
    ],
)
def test_the_first_host_gets_the_first_cpu_and_the_others_share_the_rest(
    cpus: tuple[int, ...], expected: list[tuple[int, ...]]
) -> None:
    assert [host.cores for host in resolve_cores(loads(AUTO), cpus).hosts] == expected


def test_hosts_that_name_their_cpus_keep_them() -> None:
    inventory = loads(AUTO.replace("{name: a}", "{name: a, cores: 5}").replace("{name: c}", "{name: c, cores: 6-7}"))
    assert [host.cores for host in resolve_cores(inventory, (0, 1)).hosts] == [(5,), (1,), (6, 7)]


def test_no_cpu_at_all_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no CPU"):
        resolve_cores(loads(AUTO), ())
