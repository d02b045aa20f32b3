"""What becomes of the files that a trial left: its samples, its record and its numbers."""

import pytest
from synthetic_experiment import SERIES, STEADY, names, outcome_of, planned_trial, record_of, thread, write_trial

from orchestrator.errors import OrchestratorError
from orchestrator.results.ingest import ingest
from orchestrator.results.load import read_trial


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
