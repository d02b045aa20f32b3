import pytest
from synthetic_experiment import LOST, SERIES, planned_trial, probe, record_of, thread, write_trial

from orchestrator.errors import OrchestratorError
from orchestrator.experiments.records import ProcessOutcome
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder
from orchestrator.results.load import read_trial

STEADY = [1000 + i % 97 for i in range(5000)]


@pytest.fixture
def folder(tmp_path):
    return ExperimentFolder(tmp_path)


def outcome_of(folder, rtt=STEADY, *, trial=None, record=None, **files):
    trial = trial or planned_trial()
    write_trial(folder, trial, rtt, **files)
    return ingest(folder, record_of(trial, **(record or {})))


def names(result):
    return [verdict.name for verdict in result.verdicts]


def test_a_good_trial_has_no_verdict_and_its_numbers_are_those_of_its_samples(folder):
    result = outcome_of(folder)
    assert names(result) == []
    assert result.valid
    assert result.verdict == "ok"
    assert (result.n, result.sent, result.lost) == (5000, 5000, 0)
    assert result.latency.p50_ns == sorted(STEADY)[2499]
    assert result.latency.p999_ns == sorted(STEADY)[4994]
    assert result.latency.p9999_ns is None  # 5000 samples do not resolve it
    assert result.latency.max_ns == 1096
    assert result.ops_per_s == pytest.approx(5000 / 0.2)
    assert result.load.loop == "closed"
    assert result.load.depth == 1
    assert result.drivers == ("memif",)
    assert [thread.planned_cpus for thread in result.threads] == [(1,), (0,)]


def test_raw_samples_become_parquet_and_the_trial_is_on_disk(folder):
    result = outcome_of(folder)
    trial = folder.trial("t1")
    assert trial.samples.exists()
    assert not list(trial.root.rglob("*.samples.bin"))
    stored = read_trial(trial)
    assert stored.result == result
    assert stored.record.trial.key == "t1"
    assert [event["event"] for event in folder.ledger.read()] == ["finished", "verdicts"]
    assert folder.ledger.read()[-1]["valid"] is True


def test_a_trial_is_stored_once(folder):
    outcome_of(folder)
    with pytest.raises(OrchestratorError, match="already there"):
        ingest(folder, record_of(planned_trial()))


def test_an_ingest_cut_off_after_the_samples_goes_on(folder):
    trial = planned_trial()
    write_trial(folder, trial, STEADY)
    first = ingest(folder, record_of(trial))
    folder.trial("t1").record.unlink()
    assert ingest(folder, record_of(trial)) == first


def test_oversubscribed_comes_from_the_plan_and_is_never_valid(folder):
    result = outcome_of(folder, trial=planned_trial(count=2, oversubscribed=True), shares=(0.5, 0.5))
    assert names(result) == ["oversubscribed"]
    assert not result.valid


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [(100, 125, False), (100, 126, True), (100, 75, False), (100, 74, True), (120, 450, True), (450, 120, True)],
)
def test_placement_changed_over_25_percent(folder, before, after, changed):
    result = outcome_of(folder, record={"probes_before": probe(before), "probes_after": probe(after)})
    assert names(result) == (["invalid: placement changed"] if changed else [])
    assert result.valid is not changed
    assert result.probes[0].shift == pytest.approx(after / before - 1)


@pytest.mark.parametrize("missing", ["probes_before", "probes_after"])
def test_a_planned_probe_that_was_not_read_leaves_the_placement_unknown(folder, missing):
    result = outcome_of(folder, record={missing: ()})
    assert names(result) == ["invalid: placement unknown"]


@pytest.mark.parametrize(("achieved", "reached"), [(9900, True), (9899, False), (10100, True)])
def test_load_not_reached_in_an_open_loop(folder, achieved, reached):
    load = {"loop": "open", "rate_asked": 10_000, "rate_achieved": achieved}
    result = outcome_of(folder, generator=load)
    assert names(result) == ([] if reached else ["invalid: load not reached"])
    assert result.load.asked == 10_000


def test_a_closed_loop_asks_for_no_rate(folder):
    assert outcome_of(folder, generator={"rate_asked": 10_000, "rate_achieved": 1}).valid


def test_losses_are_a_mark_and_count_as_slow(folder):
    rtt = [*STEADY[:4000], *[LOST] * 1000]
    result = outcome_of(folder, rtt)
    assert names(result) == ["losses"]
    assert result.valid
    assert (result.n, result.sent, result.lost) == (4000, 5000, 1000)
    assert result.latency.p50_ns == sorted(STEADY[:4000])[2499]
    assert result.latency.p90_ns is None


@pytest.mark.parametrize(
    ("generator", "expected", "valid"),
    [
        ({"duplicates": 1}, "duplicates", True),
        ({"unknown": 2}, "duplicates", True),
        ({"reordered": 3}, "reordered", True),
        ({"tcp": {"retransmits": 4}}, "retransmissions", True),
        ({"corrupt": 1}, "invalid: corrupt packets", False),
        ({"recorder_full": True}, "invalid: recorder full", False),
        ({"sent": 4999, "returned": 4999}, "invalid: samples miscounted", False),
    ],
)
def test_verdicts_from_the_generators_counters(folder, generator, expected, valid):
    result = outcome_of(folder, generator=generator)
    assert names(result) == [expected]
    assert result.valid is valid


@pytest.mark.parametrize(
    "server",
    [
        {"accounting": {"in": 5000, "out": 4998, "drops": 1}},
        {"accounting": None, "queues": [{"rx_packets": 10, "tx_packets": 8, "drops": {"runt": 1}}]},
        {"accounting": {"in": 10, "out": 11, "drops": 0}},
    ],
)
def test_packets_that_nobody_can_account_for(folder, server):
    result = outcome_of(folder, server=server)
    assert names(result) == ["invalid: accounting"]
    entry = result.accounting[0]
    told = f"symmetric_mp0: {entry.packets_in} in, {entry.packets_out} out, {entry.drops} dropped"
    assert result.verdicts[0].detail == told


def test_dropped_packets_that_are_counted_are_accounted_for(folder):
    assert outcome_of(folder, server={"accounting": {"in": 10, "out": 8, "drops": 2}}).valid


@pytest.mark.parametrize("reading", [{"allowed": "0-1"}, {"allowed": "0"}, {"last_cpu": 0}, {"allowed": "1,7"}])
def test_a_thread_that_may_run_or_ran_elsewhere(folder, reading):
    result = outcome_of(folder, server={"threads": [thread(1), thread(1, **reading)]})
    assert names(result) == ["invalid: wrong cpu"]
    assert "symmetric_mp0" in result.verdicts[0].detail


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({"driver_stats": [{"port": 0, "imissed": 3}]}, "drops"),
        ({"queues": [{"rx_packets": 5, "tx_packets": 4, "drops": {"tx_full": 1}}]}, "drops"),
        ({"tcp": {"retransmits": 2}}, "retransmissions"),
        ({"queues": [{"rx_packets": 5, "tx_packets": 4, "drops": {"group_address": 1}}]}, "ok"),
    ],
)
def test_verdicts_from_the_counters_of_the_system_under_test(folder, server, expected):
    result = outcome_of(folder, server=server)
    assert result.verdict == expected
    assert result.valid


def test_drift_is_a_mark_with_its_size(folder):
    result = outcome_of(folder, [1000 + i // 5 for i in range(5000)])
    assert names(result) == ["drift"]
    assert result.valid
    assert "+" in result.verdicts[0].detail


def test_a_time_that_did_not_fit(folder):
    assert names(outcome_of(folder, [*STEADY, 2**32 - 2])) == ["invalid: time overflow"]


def test_nothing_returned(folder):
    result = outcome_of(folder, [LOST] * 100)
    assert names(result)[0] == "invalid: no samples"
    assert (result.n, result.lost, result.ops_per_s) == (0, 100, 0)
    assert result.latency.p50_ns is None


def test_an_empty_window(folder):
    assert names(outcome_of(folder, [])) == ["invalid: no samples"]


@pytest.mark.parametrize(
    ("fault", "outcome", "expected"),
    [
        ("b: symmetric_mp0: exit code 1", ("exit", 1), "invalid: app died"),
        ("", ("exit", -11), "invalid: app died"),
        ("interrupted", ("stopped", 0), "invalid: interrupted"),
        ("b: symmetric_mp0: interrupted system call", ("exit", 1), "invalid: app died"),
        ("", ("deadline", -9), "invalid: deadline passed"),
        ("", ("eof", -9), "invalid: connection lost"),
        ("b: not ready after 15 s", ("stopped", 0), "invalid: fault"),
    ],
)
def test_a_trial_whose_processes_left_nothing_says_why_once(folder, fault, outcome, expected):
    process = ProcessOutcome(
        name="symmetric_mp0", host="b", exit_code=outcome[1], reason=outcome[0], ready_s=0, seconds=1
    )
    result = ingest(folder, record_of(planned_trial(), fault=fault, processes=(process,), probes_after=()))
    assert names(result) == [expected]
    assert result.n == 0
    assert read_trial(folder.trial("t1")).result == result


def test_missing_and_broken_files_make_a_verdict_and_no_error(folder):
    trial = planned_trial()
    write_trial(folder, trial, STEADY)
    files = folder.trial("t1")
    files.of_process("b", "symmetric_mp0", "stats.json").write_text('{"schema": 9}')
    files.of_process("a", "gen", "samples.bin").write_bytes(b"garbage")
    result = ingest(folder, record_of(trial))
    assert names(result) == ["invalid: no samples", "invalid: incomplete files"]
    assert "symmetric_mp0.stats.json: schema" in result.verdicts[1].detail
    assert "gen.samples.bin" in result.verdicts[1].detail
    assert files.of_process("a", "gen", "samples.bin").exists()  # kept for whoever wants to know


def test_an_unreadable_cpulist_is_a_broken_file(folder):
    result = outcome_of(folder, server={"threads": [thread(1, allowed="ff,what")]})
    assert names(result) == ["invalid: incomplete files"]


def test_shares_of_the_system_under_test(folder):
    trial = planned_trial(count=2)
    result = outcome_of(folder, trial=trial, shares=(0.6, 0.4))
    assert [(share.process, share.fraction) for share in result.shares] == [
        ("symmetric_mp0", pytest.approx(0.6)),
        ("symmetric_mp1", pytest.approx(0.4)),
    ]


def test_tcp_is_judged_alike(folder):
    result = outcome_of(folder, trial=planned_trial(series=SERIES[3]), generator={"tcp": {"retransmits": 7}})
    assert names(result) == ["retransmissions"]
    assert result.retransmits == 7


def test_a_ring_that_is_stuck_is_said_before_who_died(folder):
    pool = {"size": 2047, "in_use_at_end": 12, "explained": {"killed": 0, "ring_stuck": 12}}
    died = ProcessOutcome(name="symmetric_mp0", host="b", exit_code=-9, reason="exit", ready_s=0.1, seconds=1)
    result = outcome_of(
        folder,
        generator={"ended": "ring stuck", "ring_stuck": "to the primary", "pool": pool},
        record={"fault": "b: symmetric_mp0: ended while it was measured", "processes": (died,)},
    )
    assert names(result) == ["invalid: ring stuck", "invalid: app died", "buffers leaked"]
    assert result.verdicts[0].detail.startswith("gen: the ring to the primary: its tail stands still")
    assert result.verdicts[2].detail == "gen: 12 of 2047 (ring stuck)"


def deadly(*, hangs=False):
    """A trial in which the first process is to kill itself, after which the second may hang."""
    trial = planned_trial(count=2)
    first, second, generator = trial.processes
    update = {"may_hang": hangs}
    processes = (
        first.model_copy(update={"dies": True}),
        second.model_copy(update=update),
        generator.model_copy(update=update),
    )
    return trial.model_copy(update={"processes": processes})


def ends(trial, *codes):
    """How the processes ended: the first by itself, the others when they were stopped."""
    return tuple(
        ProcessOutcome(
            name=p.name, host=p.host, exit_code=code, reason="stopped" if at else "exit", ready_s=0.1, seconds=1
        )
        for at, (p, code) in enumerate(zip(trial.processes, codes, strict=True))
    )


def without_stats_of_the_dead(folder, trial, record, **files):
    write_trial(folder, trial, STEADY, shares=(0.5, 0.5), **files)
    dead = trial.processes[0]
    folder.trial(trial.key).of_process(dead.host, dead.name, "stats.json").unlink()
    return ingest(folder, record_of(trial, **record))


def test_a_process_that_killed_itself_as_asked_is_a_mark_and_owes_no_stats(folder):
    trial = deadly()
    pool = {"size": 2047, "in_use_at_end": 3, "explained": {"killed": 3, "ring_stuck": 0}}
    record = {"processes": ends(trial, -9, 0, 0)}
    result = without_stats_of_the_dead(folder, trial, record, generator={"pool": pool})
    assert names(result) == ["killed as asked", "buffers leaked"]
    assert result.verdicts[0].detail == "b: symmetric_mp0 after 1.00 s"
    assert result.valid


def test_a_process_that_was_to_kill_itself_and_did_not_makes_the_trial_invalid(folder):
    trial = deadly()
    result = outcome_of(folder, trial=trial, record={"processes": ends(trial, 0, 0, 0)}, shares=(0.5, 0.5))
    assert names(result) == ["invalid: not killed"]


def test_after_a_death_that_was_asked_for_a_stuck_ring_excuses_who_hangs_on_it_and_nothing_else_does(folder, tmp_path):
    trial = deadly(hangs=True)
    record = {"processes": ends(trial, -9, -9, 1)}
    stuck = {"ended": "ring stuck", "ring_stuck": "to the primary"}
    result = without_stats_of_the_dead(folder, trial, record, generator=stuck)
    assert names(result) == ["invalid: ring stuck", "killed as asked"]
    other = ExperimentFolder(tmp_path / "other")
    result = without_stats_of_the_dead(other, trial, record)
    assert names(result) == ["killed as asked", "invalid: app died"]


def test_what_a_kill_leaked_is_a_reason_of_its_own_and_no_imbalance(folder):
    pool = {"size": 2047, "in_use_at_end": 3, "explained": {"killed": 3, "ring_stuck": 0}}
    result = outcome_of(folder, generator={"pool": pool})
    assert names(result) == ["buffers leaked"]
    assert result.valid
    assert result.verdicts[0].detail == "gen: 3 of 2047 (killed)"


def test_buffers_that_nothing_explains_are_an_imbalance(folder):
    pool = {"size": 2047, "in_use_at_end": 3, "explained": {"killed": 2}}
    result = outcome_of(folder, generator={"pool": pool})
    assert names(result) == ["invalid: accounting", "buffers leaked"]


def received(rx, **drops):
    """The generator's queues and what it says of them, with `out` as what it knows."""
    queue = {"port": 0, "queue": 0, "rx_packets": rx, "tx_packets": rx, "drops": drops}
    dropped = sum(drops.values())
    return {
        "queues": [queue],
        "accounting": {"in": rx, "out": rx - dropped, "drops": dropped, "reasons": drops},
    }


def test_what_a_generator_received_must_be_accounted_for(folder):
    result = outcome_of(folder, generator=received(5003, foreign=3))
    assert result.valid
    assert result.generator_accounting.reasons == {"foreign": 3}
    assert names(result) == ["refused"]


def books(came, taken, **reasons):
    return {"accounting": {"in": came, "out": taken, "drops": sum(reasons.values()), "reasons": reasons}}


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (books(5003, 5001, foreign=1), "gen: 5003 in, 5001 out, 1 dropped"),
        (books(5002, 5001, foreign=1), "gen: 5002 in, but its queues received 5003"),
        ({"returned": 4999}, "gen: 5000 sent, 4999 returned, 0 lost"),
    ],
)
def test_a_generator_that_cannot_say_what_it_received_is_invalid(folder, change, detail):
    result = outcome_of(folder, generator={**received(5003), **change})
    assert "invalid: accounting" in names(result)
    assert any(verdict.detail == detail for verdict in result.verdicts)


def test_a_generator_s_pool_must_balance(folder):
    pool = {"size": 100, "in_use_at_end": 4, "explained": {"driver": 0}}
    result = outcome_of(folder, generator={"pool": pool})
    assert names(result) == ["invalid: accounting"]
    assert result.verdicts[0].detail == "gen: 4 of 100 buffers not given back, 0 explained"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"short": 2, **received(5002, refused_message=2)}, "2 short"),
        ({"foreign": 3}, "3 foreign"),
        (received(5004, wrong_flow=4), "4 of another flow"),
        (received(5001, refused_message=1), "1 refused otherwise"),
    ],
)
def test_what_a_generator_refused_is_a_mark(folder, change, detail):
    (verdict,) = outcome_of(folder, generator=change).verdicts
    assert (verdict.name, verdict.detail, verdict.invalid) == ("refused", detail, False)


def test_what_a_secondary_read_as_corrupt_is_seen(folder):
    result = outcome_of(folder, server={"corrupt": 2})
    assert names(result) == ["invalid: corrupt packets"]
    assert result.verdicts[0].detail == "symmetric_mp0 read 2 with another content"


def test_what_a_generator_could_not_send_at_its_end_is_a_drop(folder):
    (verdict,) = outcome_of(folder, generator={"queues": [{"drops": {"unflushed": 4}}]}).verdicts
    assert (verdict.name, verdict.detail) == ("drops", "gen: unflushed 4")
