import re
from collections import Counter

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import UsageError
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import scenario_named


def plan(*assignments, cpus=(0, 1), trials=1, mtu=None):
    loaded = resolve_cores(load(INVENTORIES / "local.yml"), cpus)
    if mtu:
        links = tuple(link.model_copy(update={"mtu": mtu}) if link.kind == "veth" else link for link in loaded.links)
        loaded = loaded.model_copy(update={"links": links})
    request = Request(scenario_named("message"), assignments, trials, 7, "message")
    return make_plan(loaded, request, "0123456789abcdef")


def measured(made):
    return [trial for trial in made.trials if not trial.row.startswith("floor")]


def argv_of(trial, name):
    return next(process.argv for process in trial.processes if process.name == name)


def test_the_default_run_has_every_payload_over_every_transport_and_is_valid_on_two_cores():
    made = plan(trials=8)
    assert Counter((t.transport, t.link, t.driver, t.params["payload"]) for t in measured(made)) == {
        (*series, payload): 8
        for series in (
            ("dpdk", "memif", "memif"),
            ("dpdk", "veth", "af_packet"),
            ("tcp", "veth", "kernel"),
            ("tcp-poll", "veth", "kernel"),
        )
        for payload in ("bytes", "struct", "large")
    }
    assert not any(trial.oversubscribed for trial in made.trials)
    assert made.estimated_s < 270
    assert {t.params["size"] for t in measured(made) if t.params["payload"] == "large"} == {8192}


def test_dpdk_and_tcp_send_the_same_messages_on_the_same_cpus():
    found = {
        t.transport: t for t in measured(plan("link=veth", "payload=large", "rate=5000", "transport=dpdk,tcp-poll"))
    }
    same = re.compile(r"--(payload|mtu|flows|size|rate|warmup|window)=")
    dpdk, tcp = ([w for w in argv_of(t, "message") if same.match(w)] for t in (found["dpdk"], found["tcp-poll"]))
    assert dpdk == tcp
    assert "--payload=large" in dpdk
    assert "--mtu=1500" in dpdk
    assert [p.cpus for p in found["dpdk"].processes] == [p.cpus for p in found["tcp-poll"].processes]


def test_with_two_ports_the_forwarder_has_two_links():
    (trial,) = measured(plan("transport=dpdk", "link=memif", "payload=struct", "ports=2"))
    for name in ("l2fwd", "message"):
        argv = argv_of(trial, name)
        assert argv[argv.index("-p") + 1] == "3"
        assert sum(word.startswith("--vdev=net_memif") for word in argv) == 2


def test_only_the_sleeper_sleeps_and_what_a_full_ring_takes_is_waited_for():
    wanted = ("transport=dpdk", "link=memif", "payload=struct", "rate=100000", "loop=naive", "sleep_us=1000")
    (forwarder,) = measured(plan(*wanted))
    assert {"--loop=naive", "--sleep-us=1000"} <= set(argv_of(forwarder, "l2fwd"))
    assert {"--loop=poll", "--sleep-us=0", "--timeout-ms=564", "--settle-ms=22"} <= set(argv_of(forwarder, "message"))
    (sender,) = measured(plan(*wanted, "sleeper=sender"))
    assert {"--loop=naive", "--sleep-us=1000"} <= set(argv_of(sender, "message"))
    assert {"--loop=poll", "--sleep-us=0"} <= set(argv_of(sender, "l2fwd"))


def test_drain_is_the_forwarders_and_never_is_a_word():
    made = measured(plan("transport=dpdk", "link=memif", "payload=struct", "rate=1000", "drain_us=-1,0,100"))
    assert {w for t in made for w in argv_of(t, "l2fwd") if w.startswith("--drain-us")} == {
        "--drain-us=never",
        "--drain-us=0",
        "--drain-us=100",
    }


def test_connections_that_would_need_more_than_half_a_gib_are_refused_with_the_reason():
    large = ("payload=large", "large_size=65536", "link=veth")
    with pytest.raises(UsageError, match=r"flows=4096 with messages of 65536 B over TCP need about 15\d\d MiB"):
        plan("transport=tcp", "flows=4096", *large)
    with pytest.raises(UsageError, match="take fewer flows"):
        plan("transport=tcp-poll", "flows=1400", *large)
    assert measured(plan("transport=tcp,tcp-poll", "flows=1300", *large))
    made = plan("flows=4096", *large)
    assert {trial.transport for trial in made.trials} == {"dpdk"}
    assert len(made.left_out) == 1
    for size in ("size=64", "size=1456", "large_size=8192"):
        every = plan("flows=4096", "transport=tcp,dpdk", "link=veth", size)
        assert len(measured(every)) == 6
        assert every.left_out == ()


NEVER_DRAINED = ("transport=dpdk", "link=memif", "drain_us=-1")


@pytest.mark.parametrize(
    ("settings", "enough"),
    [
        (("payload=struct",), 32),
        (("payload=struct", "ports=2"), 63),  # 31 may wait in each of two buffers
        (("payload=large", "large_size=8192"), 6),  # 6 frames each
        (("payload=large", "large_size=8192", "ports=2"), 11),
        (("payload=large", "large_size=50000"), 2),  # 35 frames: 32 leave, and 3 wait for others
        (("payload=large", "large_size=46000"), 1),  # 32 frames fill a buffer by themselves
    ],
)
def test_without_a_drain_each_port_must_come_to_fill_its_buffer(settings, enough):
    made = measured(plan(*NEVER_DRAINED, *settings, f"depth={enough}"))
    assert len(made) == 1
    # The same loop, played through: a message goes round when all its frames have left their port's buffer.
    frames = -(-int(made[0].params["size"]) // 1444) if made[0].params["payload"] == "large" else 1
    assert goes_on(enough, frames, made[0].params["ports"])
    if enough > 1:
        assert not goes_on(enough - 1, frames, made[0].params["ports"])
        with pytest.raises(UsageError, match=f"a depth of {enough} or more"):
            plan(*NEVER_DRAINED, *settings, f"depth={enough - 1}")


def goes_on(depth, frames, ports, messages=2000):
    """Whether a closed loop of so many messages comes to its end if a port's 32 frames leave together."""
    sent = [0] * ports
    waiting = []
    for number in range(messages):
        port = number % ports
        sent[port] += frames
        waiting.append((port, sent[port]))
        waiting = [(at, last) for at, last in waiting if last > sent[at] // 32 * 32]
        if len(waiting) == depth:
            return False
    return True


def test_dump_is_asked_of_both_ends():
    for trial in measured(plan("dump=5", "payload=struct")):
        for process in trial.processes:
            assert {"--dump=5", f"--capture={process.name}"} <= set(process.argv)


@pytest.mark.parametrize("size", [1, 59, 60, 61, 1455, 1456])
def test_sizes_up_to_the_mtu_are_sent(size):
    assert len(measured(plan(f"size={size}", "payload=bytes"))) == 4


@pytest.mark.parametrize("link", ["memif", "veth"])
def test_one_byte_more_is_refused_or_sent_in_fragments(link):
    with pytest.raises(
        UsageError, match=rf"size=1457 does not fit \w+, a {link} of MTU 1500, which carries 1456 bytes"
    ):
        plan("size=1457", "payload=bytes", f"link={link}", "transport=dpdk")
    assert measured(plan("large_size=1457", "payload=large", f"link={link}", "transport=dpdk"))


@pytest.mark.parametrize(
    ("assignments", "says"),
    [
        (("transport=tcp", "link=memif"), "tcp cannot cross memif"),
        (("link=wire",), "the inventory has no wire link"),
        (("size=47", "payload=struct"), "has a struct of 48 bytes"),
        (("drain_us=-1", "payload=struct", "transport=dpdk"), "once no buffer of 32 fills, nothing ever returns"),
        (("sleeper=sender", "sleep_us=10", "transport=tcp"), "sleeper=sender is measured over dpdk"),
        (("loop=naive",), "loop without sleep_us: it says how, or whose, a loop sleeps, and none does"),
        (("loop=naive", "sleeper=sender", "sleep_us=0"), "loop and sleeper without sleep_us"),
        (
            ("ports=2", "link=veth", "transport=dpdk"),
            "and sut for ports=2: 2 needed, 1 in the inventory",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(assignments, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        plan(*assignments)


def test_parameters_that_mean_nothing_to_a_row_make_one_row():
    made = measured(plan("transport=tcp", "payload=struct", "drain_us=0,100", "large_size=5000,6000"))
    assert len(made) == 1
    assert "large_size" not in made[0].params


def test_the_twin_stands_beside_a_row_of_dpdk_also_where_that_drains_late():
    made = measured(plan("link=veth", "payload=struct", "drain_us=100,1000"))
    drains = sorted((trial.transport, trial.params["drain_us"]) for trial in made)
    assert drains == [("dpdk", 100), ("dpdk", 1000), ("tcp", 100), ("tcp-poll", 100)]
    twins = [process for trial in made if trial.transport != "dpdk" for process in trial.processes]
    assert not any(word.startswith("--drain") for process in twins for word in process.argv)


def test_jumbo_frames_are_sent_where_the_link_has_them():
    for trial in measured(plan("size=8956", "payload=bytes", "link=veth", mtu=9000)):
        assert "--mtu=9000" in argv_of(trial, "message")
        if trial.transport == "dpdk":
            assert "--mtu=9000" in argv_of(trial, "l2fwd")
            for process in trial.processes:
                assert any(word.endswith(",framesz=10240,blocksz=40960") for word in process.argv)
    with pytest.raises(UsageError, match="size=8957 does not fit veth0, a veth of MTU 9000, which carries 8956 bytes"):
        plan("size=8957", "payload=bytes", "link=veth", mtu=9000)
    with pytest.raises(UsageError, match="does not fit mem0, a memif of MTU 1500"):
        plan("size=8956", "payload=bytes", "link=memif", mtu=9000)
