"""What is made of the counts of the store's protocol: books, verdicts, protocol.csv."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from store_experiment import plan_trials, rpc, stats_of, write_store_trial
from synthetic_experiment import record_of

from orchestrator.experiments.records import PlannedTrial, ProbeReading
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder
from orchestrator.results.load import read_trial
from orchestrator.results.model import TrialResult
from orchestrator.results.process_table import fates
from orchestrator.results.protocol_table import protocols, write_protocol_table
from orchestrator.results.summary import summarise

PACKETS = 5000
RTT = [30_000 + i % 97 for i in range(PACKETS)]
ALL = ("transport=dpdk", "link=memif", "stage=all", "op=write", "durability=log")
STORE = ("transport=tcp", "stage=store", "op=read", "durability=memory")
FRAMES = ("transport=dpdk", "link=memif", "stage=store", "op=read", "durability=memory")


def outcome(
    folder: ExperimentFolder, *assignments: str, index: int = 0, **changes: dict[str, Any]
) -> tuple[PlannedTrial, TrialResult]:
    """What comes of the first trial of a plan whose processes' stats have these `changes`."""
    trial = plan_trials(*assignments).trials[0]
    write_store_trial(folder, trial, RTT, changes)
    probes = tuple(ProbeReading(host=pair.host, cpus=pair.cpus, round_trip_ns=120.0) for pair in trial.probes)
    return trial, ingest(folder, record_of(trial, index, probes_before=probes, probes_after=probes))


def verdicts(result: TrialResult) -> dict[str, str]:
    return {verdict.name: verdict.detail for verdict in result.verdicts}


@pytest.mark.parametrize(
    "assignments", [ALL, STORE, ("stage=fuse", "op=read"), ("transport=tcp", "stage=floor", "op=echo")]
)
def test_a_trial_at_which_nothing_went_wrong_has_no_verdict(
    folder: ExperimentFolder, assignments: tuple[str, ...]
) -> None:
    _, result = outcome(folder, *assignments)
    assert verdicts(result) == {}
    assert result.n == PACKETS


def test_every_speaker_of_the_protocol_tells_what_became_of_what_came(folder: ExperimentFolder) -> None:
    _, result = outcome(folder, *ALL)
    assert {entry.process: (entry.packets_in, entry.packets_out) for entry in result.accounting} == {
        "server": (PACKETS, PACKETS),
        "mount": (PACKETS, PACKETS),
    }
    assert [counts.process for counts in result.protocol] == ["server", "mount"]


@pytest.mark.parametrize(
    ("who", "counts", "name", "detail"),
    [
        ("mount", {"retransmitted": 3, "timeouts": 1}, "requests repeated", "mount: retransmitted 3, timeouts 1"),
        ("server", {"retransmitted": 2}, "requests repeated", "server: retransmitted 2"),
        ("mount", {"deadlines": 1}, "requests unanswered", "mount: deadlines 1"),
        ("mount", {"restarts": 1}, "requests unanswered", "mount: restarts 1"),
    ],
)
def test_what_was_repeated_or_had_no_answer_is_flagged(
    folder: ExperimentFolder, who: str, counts: dict[str, int], name: str, detail: str
) -> None:
    _, result = outcome(folder, *ALL, **{who: {"rpc": rpc(PACKETS, **counts)}})
    assert verdicts(result) == {name: detail}
    assert result.valid


def test_where_faults_were_asked_for_they_are_told_and_nothing_is_flagged(folder: ExperimentFolder) -> None:
    told = rpc(PACKETS - 40, retransmitted=90, timeouts=5, deadlines=1, dropped={"corrupt": 7})
    faults = {"out": {"drop": 50, "delay": 0}, "in": {"drop": 40, "corrupt": 7}}
    _, result = outcome(folder, *ALL, "fault=drop=0.01+corrupt=0.001", mount={"rpc": told, "faults": faults})
    assert verdicts(result) == {
        "faults as asked": "drop=0.01+corrupt=0.001; mount: out drop 50, in drop 40, in corrupt 7; "
        "mount: retransmitted 90, timeouts 5, deadlines 1, corrupt 7"
    }


def test_packets_that_nobody_can_tell_of_make_a_trial_invalid(folder: ExperimentFolder) -> None:
    _, result = outcome(folder, *STORE, server={"rpc": rpc(PACKETS - 1)})
    assert verdicts(result) == {"invalid: accounting": f"server: {PACKETS} in, {PACKETS - 1} out, 0 dropped"}


def test_so_do_those_of_a_generator(folder: ExperimentFolder) -> None:
    _, result = outcome(folder, *STORE, load={"rpc": rpc(PACKETS - 1)})
    assert verdicts(result) == {"invalid: accounting": f"load: {PACKETS} packets in, {PACKETS - 1} taken, 0 dropped"}


@pytest.mark.parametrize("who", ["server", "load"])
def test_drops_of_the_transport_and_of_the_protocol_are_flagged_by_reason(folder: ExperimentFolder, who: str) -> None:
    changes = dropping(FRAMES, who, bad_udp_checksum=2, not_ipv4=3)
    _, result = outcome(
        folder, *FRAMES, **{who: {**changes, "rpc": rpc(PACKETS - 5, dropped={"corrupt": 4}, unexpected=1, stale=2)}}
    )
    assert verdicts(result) == {"drops": f"{who}: bad_udp_checksum 2, corrupt 4, unexpected 1"}


@pytest.mark.parametrize(("assignments", "reason"), [(STORE, "bad_length"), (STORE, "unsent"), (FRAMES, "tx_full")])
def test_what_a_transport_breaks_off_is_flagged_and_is_no_packet_that_came(
    folder: ExperimentFolder, assignments: tuple[str, ...], reason: str
) -> None:
    _, result = outcome(folder, *assignments, server=dropping(assignments, "server", **{reason: 1}))
    assert verdicts(result) == {"drops": f"server: {reason} 1"}


def dropping(assignments: tuple[str, ...], who: str, **drops: int) -> dict[str, Any]:
    """Changes to the stats of a process: what its one queue drops."""
    queues = stats_of(plan_trials(*assignments).trials[0], who, PACKETS)["queues"]
    return {"queues": [{**queues[0], "drops": drops}]}


def test_operations_that_failed_are_no_measurement_of_operations(folder: ExperimentFolder) -> None:
    _, result = outcome(folder, *STORE, load={"errors": {"EIO": 2, "ENOSPC": 0}})
    assert verdicts(result) == {"invalid: operations failed": "EIO 2"}


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        (PACKETS + 21, None),
        (PACKETS + 20, "load: 5020 answers, 5000 returned, 21 asked beside them"),
    ],
)
def test_a_floor_tells_of_its_own_answers(folder: ExperimentFolder, answers: int, detail: str | None) -> None:
    queue = {"port": 0, "queue": 0, "driver": "floor", "rx_packets": answers, "tx_packets": answers}
    sending = {"sent": PACKETS, "returned": PACKETS, "lost": 0, "out": 0}
    changes = {"queues": [queue], "rpc": None, "floor": True, "sending": sending, "asked": 21}
    _, result = outcome(folder, *STORE, load=changes)
    assert verdicts(result) == ({} if detail is None else {"invalid: accounting": detail})


def test_counts_of_all_trials_of_a_row_are_summed_by_process(folder: ExperimentFolder) -> None:
    trial, _ = outcome(folder, *ALL, mount={"rpc": rpc(PACKETS, retransmitted=3, dropped={"short": 0})})
    rows = summarise([read_trial(folder.trial(trial.key))])
    found = protocols(rows, lambda key: read_trial(folder.trial(key)).result)
    write_protocol_table(folder, found)
    with (folder.root / "protocol.csv").open(newline="") as file:
        server, mount = csv.DictReader(file)
    assert (server["process"], server["retransmitted"]) == ("server", "0")
    assert (mount["process"], mount["retransmitted"], mount["rx"]) == ("mount", "3", str(PACKETS))
    assert json.loads(mount["params"])["stage"] == "all"
    assert json.loads(mount["refused"]) == {}
    assert {fate.process for fate in fates(rows, lambda key: read_trial(folder.trial(key)).result)} == {
        "server",
        "mount",
    }


def test_other_scenarios_leave_no_such_file(folder: ExperimentFolder) -> None:
    write_protocol_table(folder, [])
    assert not (folder.root / "protocol.csv").exists()
