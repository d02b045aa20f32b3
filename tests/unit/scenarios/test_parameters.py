import pytest

from orchestrator.errors import UsageError
from orchestrator.scenarios.base import all_scenarios, scenario_named
from orchestrator.scenarios.common import EVERYWHERE, SIZE
from orchestrator.scenarios.parameters import parse_settings


def test_defaults_fill_what_is_not_set():
    settings = parse_settings(["size=64,1024"], EVERYWHERE, "smp")
    assert settings["size"] == (64, 1024)
    assert settings["processes"] == (1, 2)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("sise=64", "did you mean size?"),
        ("size=8", "size=8 is out of range: 32 to 1472 B"),
        ("size=many", "size=many is not a number"),
        ("rate=nan", "rate=nan is out of range"),
        ("transport=udp", "transport=udp is not one of dpdk, tcp, tcp-poll"),
        ("size", "write key=value"),
        ("size=", "write key=value"),
    ],
)
def test_a_wrong_assignment_says_what_is_allowed(assignment, says):
    with pytest.raises(UsageError) as error:
        parse_settings([assignment], EVERYWHERE, "smp")
    assert says in str(error.value)
    assert "invoke describe smp" in str(error.value)
    assert error.value.exit_code == 2


def test_all_mistakes_are_said_at_once():
    with pytest.raises(UsageError) as error:
        parse_settings(["sise=64", "depth=0", "size=64", "size=65"], EVERYWHERE, "smp")
    text = str(error.value)
    assert "sise" in text
    assert "depth=0" in text
    assert "size is set twice" in text


def test_values_that_stand_twice_in_a_list_count_once():
    assert parse_settings(["size=64,64"], [SIZE], "smp")["size"] == (64,)


def test_an_unknown_scenario_names_the_closest():
    with pytest.raises(UsageError, match="did you mean smp"):
        scenario_named("smpp")


def test_every_scenario_takes_the_common_parameters():
    for scenario in all_scenarios().values():
        names = {parameter.name for parameter in scenario.parameters}
        assert {parameter.name for parameter in EVERYWHERE} - {"processes"} <= names
