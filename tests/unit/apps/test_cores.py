import pytest

from orchestrator.apps.cores import oversubscribed, prove_disjoint
from orchestrator.apps.process import LcoreOnCpu, PlannedProcess
from orchestrator.errors import UsageError


def process(name, lcore, cpu, *, host="sut", prefix="p"):
    return PlannedProcess(
        name=name,
        host=host,
        app="app",
        argv=("app",),
        stage=0,
        cpus=(cpu,),
        lcores=(LcoreOnCpu(lcore=lcore, cpu=cpu),),
        file_prefix=prefix,
    )


def test_one_lcore_id_for_two_processes_of_a_group_is_refused():
    # what the seed notes' own command line does: -c 2 for both proc-ids
    with pytest.raises(UsageError, match=r"sut: secondary: lcore 1 is already that of primary"):
        prove_disjoint([process("primary", 1, 1), process("secondary", 1, 1)])


def test_lcore_ids_may_repeat_on_other_hosts_and_in_other_groups():
    prove_disjoint([process("a", 1, 1), process("b", 1, 1, host="generator"), process("c", 1, 1, prefix="q")])


def test_two_ids_on_one_cpu_are_allowed_but_oversubscribed():
    shared = [process("a", 0, 1), process("b", 1, 1)]
    prove_disjoint(shared)
    assert oversubscribed(shared, one_kernel=False)
    assert not oversubscribed([process("a", 0, 1), process("b", 1, 2)], one_kernel=True)


def test_hosts_of_one_kernel_share_its_cpus():
    two_hosts = [process("a", 0, 1), process("b", 0, 1, host="generator")]
    assert oversubscribed(two_hosts, one_kernel=True)
    assert not oversubscribed(two_hosts, one_kernel=False)
