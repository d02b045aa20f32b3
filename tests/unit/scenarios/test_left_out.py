"""What of a user's own choice cannot be run is said, where other rows can; what only a default brought is not."""

import json
import re

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.plan import render_plan
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.records import Plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named


def plan(scenario, *assignments, without=()):
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
    links = tuple(link for link in inventory.links if link.name not in without)
    inventory = inventory.model_copy(update={"links": links})
    return make_plan(inventory, Request(scenario_named(scenario), assignments, 1, 7, "x"), "0123456789abcdef")


@pytest.mark.parametrize("scenario", ["smp", "simple", "client-server", "message"])
def test_of_a_run_without_settings_nothing_is_said(scenario):
    made = plan(scenario)
    assert made.left_out == ()
    assert "left out" not in render_plan(made)


@pytest.mark.parametrize(
    ("scenario", "assignments", "says"),
    [
        ("client-server", ("clients=8", "link=memif,veth"), "clients=8 cannot share a tap"),
        ("client-server", ("clients=8",), "clients=8 cannot share a tap"),
        ("client-server", ("sleeping_client=1", "sleep_us=10", "rate=100"), "there is no sleeping_client=1 among clie"),
        ("client-server", ("transport=dpdk,tcp", "link=memif,veth"), "tcp cannot cross memif"),
        ("message", ("size=1",), "size=1: payload=struct has a struct of 48 bytes"),
        ("message", ("link=veth,wire",), "the inventory has no wire link"),
        (
            "message",
            ("ports=2", "link=memif,veth"),
            "too few veth links without a tap between generator and sut",
        ),
        ("smp", ("flows=1,4", "processes=2"), "flows=1 cannot reach processes=2"),
        ("smp", ("flows=1", "ports=2", "processes=1", "link=memif,veth"), "flows=1 cannot reach ports=2"),
        ("client-server", ("flows=1", "ports=2"), "flows=1 cannot reach ports=2"),
        ("message", ("flows=1", "ports=1,2", "link=memif"), "flows=1 cannot reach ports=2"),
        (
            "smp",
            ("ports=2", "processes=1,2"),
            "too few veth links without a tap between generator and sut",
        ),
        ("simple", ("secondaries=2",), "ring=sp_sc with secondaries=2: it has one producer"),
    ],
)
def test_what_was_asked_for_and_is_in_no_row_is_said_with_the_reason(scenario, assignments, says):
    made = plan(scenario, *assignments)
    assert sum(reason.startswith(says) for reason in made.left_out) == 1, made.left_out
    assert re.search(f"^left out: {re.escape(says)}", render_plan(made), re.MULTILINE)


def test_without_taps_a_link_that_was_asked_for_does_not_vanish_without_a_word():
    taps = ("veth1", "veth2")
    asked = plan("client-server", "link=memif,veth", "clients=1", without=taps)
    assert {trial.link for trial in asked.trials} == {"memif"}
    assert len(asked.left_out) == 1
    assert asked.left_out[0].startswith("too few veth links to a tap")
    assert plan("client-server", without=taps).left_out == ()


@pytest.mark.parametrize(
    ("scenario", "assignments"),
    [("smp", ("link=memif",)), ("client-server", ("dispatch=flow",)), ("simple", ("die=idle",))],
)
def test_a_twin_that_only_a_default_brought_is_left_out_without_a_word(scenario, assignments):
    made = plan(scenario, *assignments)
    assert {trial.transport for trial in made.trials} == {"dpdk"}
    assert made.left_out == ()


def test_a_sleeping_client_that_does_not_sleep_is_refused():
    with pytest.raises(UsageError, match="sleeping_client=9 without sleep_us: nobody sleeps"):
        plan("client-server", "sleeping_client=9")


def test_a_plan_of_an_older_version_that_says_nothing_of_it_is_read():
    written = json.loads(plan("smp", "flows=1,4", "processes=2").model_dump_json(by_alias=True))
    assert Plan.model_validate(written).left_out
    del written["left_out"]
    assert Plan.model_validate(written).left_out == ()
