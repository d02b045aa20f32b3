from orchestrator.commands.checkout import INVENTORIES
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.preparation import demanded, hugepage_bytes
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.inventory.model import Host, Hugepages
from orchestrator.scenarios.base import scenario_named


def needs(*assignments):
    inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
    return hugepage_bytes(make_plan(inventory, Request(scenario_named("smp"), assignments, 1, 1, "smp"), "0" * 16))


def test_a_host_needs_what_its_hungriest_trial_takes():
    # one primary a trial on each host; its secondaries share its memory
    assert needs("processes=1,4", "transport=dpdk") == {"alpha": 64 << 20, "beta": 64 << 20}


def test_tcp_alone_needs_no_hugepages():
    assert needs("transport=tcp") == {}


def test_the_inventory_may_wish_for_more_than_the_plan_needs_but_not_for_less():
    modest = Host(name="a", hugepages=Hugepages(pages=8))
    assert demanded(modest, 64 << 20).pages == 32
    assert demanded(Host(name="a", hugepages=Hugepages(pages=100)), 64 << 20).pages == 100
    assert demanded(Host(name="a", hugepages=Hugepages(pages=1, size="1G")), 64 << 20) == Hugepages(pages=1, size="1G")
    assert demanded(Host(name="a"), (64 << 20) + 1).pages == 33
