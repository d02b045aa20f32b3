"""Verdicts about packets: lost, refused, dropped, and whether every process can say where each went."""

import pytest
from synthetic_experiment import LOST, STEADY, names, outcome_of


def test_losses_are_a_mark_and_count_as_slow(folder):
    rtt = [*STEADY[:4000], *[LOST] * 1000]
    result = outcome_of(folder, rtt)
    assert names(result) == ["losses"]
    assert result.valid
    assert (result.n, result.sent, result.lost) == (4000, 5000, 1000)
    assert result.latency.p50_ns == sorted(STEADY[:4000])[2499]
    assert result.latency.p90_ns is None


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
