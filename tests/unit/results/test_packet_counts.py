"""The verdicts `counts disagree` and `contents differ`: that they fire, and only where they should."""

import pytest
from synthetic_experiment import planned_trial, record_of, write_trial

from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder

STEADY = [1000 + i % 97 for i in range(5000)]


def trial_of(link="memif"):
    trial = planned_trial()
    server, generator = trial.processes
    grouped = (
        server.model_copy(update={"file_prefix": "dporch-t1"}),
        generator.model_copy(update={"file_prefix": "dporch-t1-gen"}),
    )
    return trial.model_copy(update={"processes": grouped, "link": link})


def queue(rx, tx, driver="net_memif", number=0):
    return {"port": 0, "queue": number, "driver": driver, "rx_packets": rx, "tx_packets": tx, "drops": {}}


def driver(ipackets, opackets):
    return [{"port": 0, "ipackets": ipackets, "opackets": opackets}]


def outcome(tmp_path, *, server=None, generator=None, link="memif", record=None):
    folder = ExperimentFolder(tmp_path)
    trial = trial_of(link)
    near = {"queues": [queue(5000, 5000)], "driver_stats": driver(5000, 5000), "settled": True}
    far = {"queues": [queue(5000, 5000)], "driver_stats": driver(5000, 5000), "accounting": None}
    write_trial(folder, trial, STEADY, server={**far, **(server or {})}, generator={**near, **(generator or {})})
    return ingest(folder, record_of(trial, **(record or {})))


def test_counts_that_agree_are_no_verdict(tmp_path):
    result = outcome(tmp_path)
    assert result.verdict == "ok"
    assert result.compared_counts == (
        "b: port 0: with the counts of net_memif",
        "a: port 0: with the counts of net_memif",
        "both ends of memif, by queue",
    )
    assert result.uncompared_counts == ()


def over_veth(rx, tx, **drops):
    return {
        "queues": [{**queue(rx, tx, "net_af_packet"), "drops": drops}],
        "driver_stats": driver(rx, tx),
    }


def test_both_ends_of_a_veth_are_compared_where_only_ours_came(tmp_path):
    result = outcome(tmp_path, link="veth", server=over_veth(5000, 5000), generator=over_veth(5000, 5000))
    assert result.verdict == "ok"
    assert "both ends of veth, by port" in result.compared_counts
    assert result.uncompared_counts == ()


def test_more_from_a_veth_than_was_sent_is_a_disagreement(tmp_path):
    result = outcome(tmp_path, link="veth", server=over_veth(5001, 5000), generator=over_veth(5000, 5000))
    details = {verdict.name: verdict.detail for verdict in result.verdicts}
    assert details["invalid: counts disagree"] == "port 0: the other end received 5001, the generator sent 5000"


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (over_veth(4990, 5005), "both ends of veth: 15 frames were lost on the way"),
        (over_veth(5002, 5000, group_address=2), "both ends of veth: 2 frames of others came"),
        (
            {"queues": [queue(5000, 5000, "net_tap")], "driver_stats": driver(5000, 5000)},
            "both ends of veth: through net_af_packet, net_tap others may send and drop",
        ),
    ],
)
def test_it_is_said_why_ends_of_a_veth_were_not_compared(tmp_path, server, why):
    result = outcome(tmp_path, link="veth", server=server, generator=over_veth(5000, 5000))
    assert why in result.uncompared_counts
    assert not any("both ends" in line for line in result.compared_counts)


@pytest.mark.parametrize("side", ["server", "generator"])
@pytest.mark.parametrize("name", ["net_memif", "net_af_packet"])
def test_a_program_and_its_driver_must_have_counted_the_same(tmp_path, side, name):
    result = outcome(
        tmp_path,
        link="veth",
        **{side: {"queues": [queue(5000, 5000, name)], "driver_stats": driver(5000, 4999)}},
    )
    (verdict,) = result.verdicts
    assert verdict.name == "invalid: counts disagree"
    assert verdict.detail.endswith("port 0: 5000 sent, its driver counted 4999")
    assert not result.valid


def test_both_ends_of_a_memif_must_have_counted_the_same(tmp_path):
    result = outcome(tmp_path, generator={"queues": [queue(5000, 5001)], "driver_stats": driver(5000, 5001)})
    (verdict,) = result.verdicts
    assert verdict.detail == "port 0 queue 0: the generator sent 5001, the other end received 5000"


def test_a_queue_is_compared_with_its_own_at_the_other_end(tmp_path):
    moved = [queue(2500, 2500), queue(2500, 2500, number=1)]
    detail = outcome(tmp_path, generator={"queues": moved}).verdicts[0].detail
    assert "port 0 queue 1: the generator received 2500, the other end sent 0" in detail


@pytest.mark.parametrize(
    "changes",
    [
        {"generator": {"settled": False}},  # something may still have been under way
    ],
)
def test_ends_are_not_compared_where_they_may_differ(tmp_path, changes):
    server = {"queues": [queue(4000, 4000)], "driver_stats": driver(4000, 4000)}
    result = outcome(tmp_path, server=server, **changes)
    assert result.verdict == "ok"
    assert result.uncompared_counts == ("both ends of memif: the generator did not wait until nothing was under way",)


@pytest.mark.parametrize(
    "server",
    [
        {
            "queues": [queue(5000, 5000, "net_ixgbe")],
            "driver_stats": driver(5001, 5000),
        },  # counts what came, not what was taken
        {"driver_stats": driver(0, 0)},  # forgotten with the link
    ],
)
def test_drivers_that_count_otherwise_are_not_compared(tmp_path, server):
    result = outcome(tmp_path, server=server)
    assert result.verdict == "ok"
    assert result.uncompared_counts[0].startswith("b: port 0: net_")


@pytest.mark.parametrize("side", ["server", "generator"])
def test_a_driver_whose_call_failed_is_not_compared_and_it_is_said_why(tmp_path, side):
    failed = [{"port": 0, "error": "Operation not supported"}]
    result = outcome(tmp_path, **{side: {"driver_stats": failed}})
    assert result.verdict == "ok"
    host = {"server": "b", "generator": "a"}[side]
    assert result.uncompared_counts == (
        f"{host}: port 0: net_memif did not say what it counted: Operation not supported",
    )


def test_the_packets_of_a_group_are_summed(tmp_path):
    """The primary's driver counts what its secondaries did too."""
    folder = ExperimentFolder(tmp_path)
    trial = planned_trial(count=2)
    processes = tuple(
        p.model_copy(update={"file_prefix": "gen" if p.measures else "dporch-t1"}) for p in trial.processes
    )
    trial = trial.model_copy(update={"processes": processes})
    write_trial(folder, trial, STEADY, shares=(0.5, 0.5), server={"driver_stats": driver(5000, 5000)})
    assert ingest(folder, record_of(trial)).verdict == "ok"


@pytest.mark.parametrize(
    ("digest", "fine"),
    [
        ({"sent": "0000000000000005", "received": "0000000000000003", "lost": "0000000000000002"}, True),
        ({"sent": "0000000000000001", "received": "ffffffffffffffff", "lost": "0000000000000002"}, True),
        ({"sent": "0000000000000005", "received": "0000000000000003", "lost": "0000000000000000"}, False),
    ],
)
def test_digests_of_everything_sent_and_received_must_agree(tmp_path, digest, fine):
    result = outcome(tmp_path, generator={"digest": digest})
    assert result.valid == fine
    if not fine:
        assert result.verdict == "invalid: contents differ"
        assert "0000000000000005 sent is not 0000000000000003 received" in result.verdicts[0].detail


def test_a_trial_that_was_to_keep_packets_and_kept_none_is_invalid(tmp_path):
    folder = ExperimentFolder(tmp_path)
    trial = planned_trial()
    trial = trial.model_copy(update={"params": {**trial.params, "dump": 5}})
    write_trial(folder, trial, STEADY)
    result = ingest(folder, record_of(trial))
    assert result.verdict == "invalid: contents differ"
    assert "No such file" in result.verdicts[0].detail


def test_a_full_ring_of_the_generator_is_a_drop(tmp_path):
    full = {"queues": [{**queue(5000, 5000), "drops": {"ring_full": 3}}]}
    (verdict,) = outcome(tmp_path, generator=full).verdicts
    assert (verdict.name, verdict.detail, verdict.invalid) == ("drops", "gen: ring_full 3", False)
