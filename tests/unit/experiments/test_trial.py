"""The order of things in a trial, over Remotes that note what they are asked."""

import json
import shlex

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import HostUnreachable
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.runner import run_trials
from orchestrator.experiments.trial import TrialRunner
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.remote.faulty import Fault, FaultyRemote
from orchestrator.remote.protocol import ExitStatus
from orchestrator.remote.recording import RecordingRemote, Reply
from orchestrator.scenarios.base import scenario_named

DIGEST = "0123456789abcdef"
BUILD = f"/var/lib/dpdk-orchestrator/build/{DIGEST}/out"
PROBE = Reply((f"{BUILD}/cacheline_probe/cacheline_probe",), stdout=json.dumps({"round_trip_ns_p50": 100.0}))


class Watcher:
    """Notes what an observer is told."""

    def __init__(self):
        self.begun = []

    def trial_begins(self, trial, index, total, left_s):
        self.begun.append((index, total, left_s))

    def trial_ended(self, record):
        pass


class Bed:
    """Two recorded hosts whose calls also go, in order, into one list."""

    def __init__(self, tmp_path, *assignments, trials=1, processes=None, wrap=lambda remote: remote, scenario="smp"):
        inventory = resolve_cores(load(INVENTORIES / "local.yml"), (0, 1))
        request = Request(
            scenario_named(scenario), ("window_s=0.02", "warmup_s=0.2", *assignments), trials, 1, scenario
        )
        self.plan = make_plan(inventory, request, DIGEST)
        self.recorded = {name: RecordingRemote(name, [PROBE], processes=processes) for name in ("alpha", "beta")}
        self.together = []
        for remote in self.recorded.values():
            remote.calls = Shared(remote.host, self.together)
        self.records = []
        self.runner = TrialRunner(
            {name: wrap(remote) for name, remote in self.recorded.items()},
            inventory,
            DIGEST,
            "run1",
            lambda trial: tmp_path / trial.key,
        )

    def first(self):
        return self.runner.run(self.plan.trials[0], 0, self.records.append)

    def asked(self, *ops):
        return [
            (host, call.op, call.arguments.get("name") or getattr(call.arguments.get("spec"), "name", None))
            for host, call in self.together
            if call.op in ops
        ]


class Shared(list):
    """A host's calls that are noted in a common list as well."""

    def __init__(self, host, together):
        super().__init__()
        self._host, self._together = host, together

    def append(self, call):
        super().append(call)
        self._together.append((self._host, call))


DPDK = ("transport=dpdk", "link=memif", "processes=2")


def test_stages_start_when_the_ones_before_are_ready_and_the_generator_stops_last(tmp_path):
    bed = Bed(tmp_path, *DPDK)
    record = bed.first()
    assert record.fault == ""
    order = [(op, name) for _, op, name in bed.asked("start", "wait_ready", "quiet", "wait_done", "stop")]
    assert order == [
        ("start", "primary"),
        ("wait_ready", "primary"),
        ("start", "secondary1"),
        ("wait_ready", "secondary1"),
        ("start", "traffic"),
        ("wait_ready", "traffic"),
        ("quiet", None),
        ("quiet", None),
        ("wait_done", "traffic"),
        ("stop", "secondary1"),
        ("stop", "primary"),
        ("stop", "traffic"),
    ]


def test_nothing_is_asked_of_a_host_between_quiet_and_done(tmp_path):
    bed = Bed(tmp_path, *DPDK)
    bed.first()
    ops = [call.op for _, call in bed.together]
    last_quiet = max(index for index, op in enumerate(ops) if op == "quiet")
    assert ops[last_quiet + 1] == "wait_done"


def test_probes_run_before_anything_starts_and_after_everything_stopped(tmp_path):
    bed = Bed(tmp_path, *DPDK)
    record = bed.first()
    ops = [call.op for _, call in bed.together]
    assert ops.index("run") < ops.index("start")
    assert [reading.round_trip_ns for reading in (*record.probes_before, *record.probes_after)] == [100.0, 100.0]
    stopped = max(index for index, op in enumerate(ops) if op == "stop")
    assert any(op == "run" for op in ops[stopped:])


STORE = ("transport=tcp", "stage=all", "op=write", "durability=log")


@pytest.mark.parametrize("fails", [False, True])
def test_folders_of_a_process_are_made_before_all_and_go_before_anything_is_fetched(tmp_path, fails):
    processes = {"mount": (None, ExitStatus(exit_code=1, reason="exit", seconds=0.1))} if fails else None
    bed = Bed(tmp_path, *STORE, processes=processes, scenario="store")
    record = bed.first()
    assert bool(record.fault) == fails
    key = bed.plan.trials[0].key
    for host, folder in (("beta", "backing"), ("alpha", "mnt")):
        path = f"/var/lib/dpdk-orchestrator/runs/run1/{key}/{folder}"
        said = [
            shlex.join(call["argv"]) if call.op == "run" else call.op
            for name, call in bed.together
            if name == host and call.op in {"run", "start", "get_tree"}
        ]
        made, gone = said.index(f"mkdir -p -- {path}"), said.index(f"sh -s -- {path}")
        assert made < said.index("start") < gone < said.index("get_tree")


@pytest.mark.parametrize("dead", ["primary", "secondary1", "traffic"])
def test_a_process_that_dies_before_it_is_ready_ends_the_trial_and_stops_the_others(tmp_path, dead):
    bed = Bed(tmp_path, *DPDK, processes={dead: (None, ExitStatus(1, "exit", 0.1, "it broke"))})
    record = bed.first()
    assert dead in record.fault
    assert bed.records == [record]
    started = {name for _, _, name in bed.asked("start")}
    assert {name for _, _, name in bed.asked("stop")} == started
    assert bed.asked("quiet") == []
    assert len(bed.asked("get_tree")) == 2


def test_a_process_that_dies_in_the_window_is_named(tmp_path):
    bed = Bed(tmp_path, *DPDK, processes={"primary": ("", ExitStatus(-9, "exit", 0.1))})
    record = bed.first()
    assert record.fault.startswith("beta: primary: ended while it was measured")
    assert "signal 9" in record.fault


def test_a_generator_that_fails_is_named(tmp_path):
    bed = Bed(tmp_path, *DPDK, processes={"traffic": ("", ExitStatus(1, "exit", 0.1, "nothing came back"))})
    record = bed.first()
    assert record.fault.startswith("alpha: traffic: failed")
    assert "nothing came back" in record.fault


def test_a_lost_host_ends_the_run_after_its_record_was_delivered(tmp_path):
    bed = Bed(tmp_path, *DPDK, wrap=lambda remote: FaultyRemote(remote, Fault("start", "lose")))
    with pytest.raises(HostUnreachable):
        bed.first()
    assert bed.records[0].fault


def test_three_faults_in_a_row_end_a_run_and_one_does_not(tmp_path):
    bed = Bed(tmp_path, *DPDK, trials=6, processes={"primary": (None, None)})
    watcher = Watcher()
    outcome = run_trials(bed.plan, bed.runner, bed.records.append, watcher)
    assert outcome.gave_up
    assert len(outcome.records) == 3
    assert len(outcome.faults) == 1
    assert watcher.begun[0][1] == len(bed.plan.trials)


def test_a_whole_run_delivers_every_trial_in_the_order_of_the_plan(tmp_path):
    bed = Bed(tmp_path, "link=veth", "processes=1", trials=2)
    watcher = Watcher()
    outcome = run_trials(bed.plan, bed.runner, bed.records.append, watcher)
    assert not outcome.gave_up
    assert [record.trial.key for record in bed.records] == [trial.key for trial in bed.plan.trials]
    left = [left_s for _, _, left_s in watcher.begun]
    assert left == sorted(left, reverse=True)


def test_spoilt_trials_run_once_more_at_the_end_under_keys_of_their_own(tmp_path):
    bed = Bed(tmp_path, "link=veth", "processes=1", trials=4)
    planned = len(bed.plan.trials)
    first = bed.plan.trials[0].key
    outcome = run_trials(
        bed.plan, bed.runner, bed.records.append, Watcher(), spoilt=lambda record: record.trial.key == first
    )
    assert len(outcome.records) == planned + 1
    repeated = outcome.records[-1].trial
    assert repeated.row == bed.plan.trials[0].row
    assert repeated.key != first
    assert not any(first in word for process in repeated.processes for word in process.argv)


def test_repeats_end_at_a_quarter_more(tmp_path):
    bed = Bed(tmp_path, "link=veth", "processes=1", trials=4)
    planned = len(bed.plan.trials)
    outcome = run_trials(bed.plan, bed.runner, bed.records.append, Watcher(), spoilt=lambda _: True)
    assert len(outcome.records) == planned + planned // 4
    assert len({record.trial.key for record in outcome.records}) == len(outcome.records)


RINGS = ("transport=dpdk", "ring=mp_mc", "placement=apart", "size=8", "secondaries=2")
KILLED = ("", ExitStatus(-9, "exit", 0.1))


def test_a_death_that_was_asked_for_is_no_fault_and_does_not_end_the_run(tmp_path):
    bed = Bed(tmp_path, *RINGS, "die=holding", trials=4, processes={"secondary2": KILLED}, scenario="simple")
    outcome = run_trials(bed.plan, bed.runner, bed.records.append, Watcher())
    assert not outcome.gave_up
    assert outcome.faults == ()
    assert len(outcome.records) == len(bed.plan.trials) == 5
    assert all(record.probes_after for record in outcome.records[:4])
    ends = {process.name: process.exit_code for process in outcome.records[0].processes}
    assert ends == {"primary": 0, "secondary1": 0, "secondary2": -9}


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("secondary1", ExitStatus(-9, "exit", 0.1)),
        ("secondary2", ExitStatus(-11, "exit", 0.1)),
        ("secondary2", ExitStatus(1, "exit", 0.1)),
        ("secondary2", ExitStatus(-9, "lost", 0.1)),
        ("primary", ExitStatus(1, "exit", 0.1)),
    ],
)
def test_any_other_end_is_a_fault_also_where_a_death_was_asked_for(tmp_path, who, status):
    bed = Bed(tmp_path, *RINGS, "die=holding", processes={who: ("", status)}, scenario="simple")
    assert who in bed.first().fault


@pytest.mark.parametrize("where", ["enqueue", "dequeue"])
def test_those_who_hang_on_a_stuck_ring_are_no_faults_where_that_was_asked_for(tmp_path, where):
    processes = {
        "primary": ("", ExitStatus(1, "exit", 0.1)),
        "secondary1": ("", ExitStatus(-9, "stopped", 4.0)),
        "secondary2": KILLED,
    }
    bed = Bed(tmp_path, *RINGS, f"die={where}", trials=4, processes=processes, scenario="simple")
    records = [bed.runner.run(trial, 0, bed.records.append) for trial in bed.plan.trials[:-1]]
    assert [record.fault for record in records] == ["", "", "", ""]
    holding = Bed(tmp_path, *RINGS, "die=holding", processes=processes, scenario="simple")
    assert holding.first().fault != ""
