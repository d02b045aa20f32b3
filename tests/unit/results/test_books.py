"""The verdict `invalid: accounting` for generators: over TCP, over rings, and for one that tells nothing."""

import pytest
from synthetic_experiment import SERIES, planned_trial, record_of, write_trial

from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder

STEADY = [1000 + i % 97 for i in range(5000)]
REASONS = {"short": 0, "foreign": 0, "corrupt": 0}
TCP = next(series for series in SERIES if series[0] == "tcp")


def verdicts_of(tmp_path, generator, series=TCP):
    folder = ExperimentFolder(tmp_path)
    trial = planned_trial(series=series)
    write_trial(folder, trial, STEADY, generator=generator)
    return {verdict.name: verdict.detail for verdict in ingest(folder, record_of(trial)).verdicts}


def told(**changes):
    """What a generator over TCP says of 5,100 messages, 100 of them outside the window; the last was cut off."""
    queue = {"port": 0, "queue": 0, "driver": "tcp", "rx_packets": 5100, "tx_packets": 5101, "rx_bytes": 326420}
    return {
        "app": "tcp_traffic",
        "queues": [{**queue, "tx_bytes": 326464, "drops": {}}],
        "accounting": {"in": 5100, "out": 5100, "drops": 0, "reasons": REASONS},
        "stream": {"whole": 326400, "unfinished": 20},
        "sending": {"sent": 5101, "returned": 5100, "lost": 0, "out": 1},
        "warmup_sent": 101,
        **changes,
    }


def test_books_that_balance_are_no_verdict(tmp_path):
    assert verdicts_of(tmp_path, told()) == {}


def books(came, taken, dropped, **reasons):
    return {"accounting": {"in": came, "out": taken, "drops": dropped, "reasons": {**REASONS, **reasons}}}


def sending(sent, returned, lost, out):
    return {"sending": {"sent": sent, "returned": returned, "lost": lost, "out": out}}


WRONG = [
    (books(5100, 5099, 0), "5100 in, 5099 out, 0 dropped"),
    (books(5100, 5100, 1, corrupt=1), "5100 in, 5100 out, 1 dropped"),
    (books(5100, 5098, 2, foreign=1), "2 dropped, 1 of them for a reason"),
    (books(5099, 5099, 0), "5099 in, but its queues received 5100"),
    ({"accounting": None}, "does not say what became of what it received"),
    (sending(5101, 5099, 0, 1), "5101 sent in all, 5099 returned, 0 lost, 1 still out"),
    (sending(5102, 5100, 1, 1), "5102 sent in all, but 5000 in the window and 101 outside it"),
    ({"returned": 4999, "sent": 5001, "lost": 0}, "5001 sent, 4999 returned, 0 lost"),
]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        *WRONG,
        ({"stream": {"whole": 326336, "unfinished": 20}}, "326420 bytes in, 326336 of whole messages, 20 left over"),
    ],
)
def test_a_generator_over_tcp_whose_books_do_not_balance_is_invalid(tmp_path, change, detail):
    assert f"gen: {detail}" in verdicts_of(tmp_path, told(**change))["invalid: accounting"].split("; ")


@pytest.mark.parametrize(("change", "detail"), WRONG)
def test_so_is_a_primary_over_rings(tmp_path, change, detail):
    primary = told(app="simple_mp", proc_type="primary", **change)
    del primary["stream"]
    assert f"gen: {detail}" in verdicts_of(tmp_path, primary, SERIES[0])["invalid: accounting"].split("; ")


def test_what_was_refused_by_reason_balances(tmp_path):
    refused = {**books(5100, 5098, 2, foreign=2), **sending(5101, 5098, 2, 1), "foreign": 2}
    assert verdicts_of(tmp_path, told(**refused)) == {"refused": "2 foreign"}
