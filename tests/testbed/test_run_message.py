"""Whole runs of the scenario `message` over SSH: every transport, captures, verdicts, the finding of the notes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scapy.all import UDP, rdpcap
from support.run_bed import Bed, Result

from orchestrator.results.content_proof import read_records
from orchestrator.results.wire_record import LARGE, decode, decode_reading, fold_tag, reading_of

pytestmark = pytest.mark.timeout(300)


def run(bed: Bed, *settings: str) -> Result:
    with bed.start(*settings, scenario="message") as tool:
        ended = tool.wait(180)
    assert ended.code == 0, ended.stderr
    return bed.result(ended.stderr.split("run ", 1)[1][:8])


def rows(result: Result) -> dict[tuple[str, ...], dict[str, str]]:
    return {
        (row["transport"], row["link"], row["driver"], json.loads(row["params"])["payload"]): row for row in result.rows
    }


def told(trial: dict) -> str:
    return "; ".join(verdict["name"] for verdict in trial["result"]["verdicts"] if verdict["invalid"])


def test_what_arrives_is_proved_over_every_transport(bed: Bed) -> None:
    result = run(bed, "payload=struct,large", "dump=5", "window_s=0.3")
    assert set(rows(result)) == {
        (*series, payload)
        for payload in ("struct", "large")
        for series in (
            ("dpdk", "memif", "memif"),
            ("dpdk", "veth", "af_packet"),
            ("tcp", "veth", "kernel"),
            ("tcp-poll", "veth", "kernel"),
        )
    }
    for trial in result.trials:
        planned = trial["record"]["trial"]
        floor = planned["row"].startswith("floor")
        content = told(trial)
        assert "contents differ" not in content, trial["result"]["verdicts"]
        assert "counts disagree" not in content, trial["result"]["verdicts"]
        assert trial["result"]["compared"] >= (5 if floor else 10)
        if planned["transport"] == "dpdk":
            counts = trial["result"]["compared_counts"]
            assert any("with the counts of net_" in line for line in counts), trial["result"]["uncompared_counts"]
            ends = any(line.startswith(f"both ends of {planned['link']}") for line in counts)
            assert ends != floor, trial["result"]["uncompared_counts"]
        folder = result.root / "trials" / planned["key"]
        (tag,) = (int(word[6:]) for word in planned["processes"][-1]["argv"] if word.startswith("--tag="))
        for process in planned["processes"]:
            check_captures(folder / process["host"], process["name"], tag, frames=planned["transport"] == "dpdk")
    for name in ("ecdf", "ccdf", "fates", "payload"):
        assert (result.root / "plots" / f"{name}.png").exists(), name


def check_captures(folder: Path, process: str, tag: int, *, frames: bool) -> None:
    """Text and captures of one process are there, scapy reads them, and the structs in them are what they must be."""
    text = (folder / f"{process}.dump.txt").read_text()
    assert len(re.findall(r"^# (?:tx|rx), \d+ bytes$", text, re.MULTILINE)) == 10
    assert ("dump mbuf at" in text) == frames
    for way in ("tx", "rx"):
        path = folder / f"{process}.{way}.pcap"
        records = read_records(path)
        packets = rdpcap(str(path))
        assert len(records) == len(packets) == 5
        raw = [bytes(packet[UDP].payload if frames else packet) for packet in packets]
        assert [decode(payload)[0] for payload in raw] == records
        for record in records:
            assert record.tag == fold_tag(tag)
            assert (record.total > 1456) == (record.type == LARGE)
            if record.index == 0:
                assert decode_reading(record.body) == reading_of(record.type, record.seq, tag)


def test_the_finding_of_the_notes_shows_in_one_sweep(bed: Bed) -> None:
    load = ("transport=dpdk", "link=memif", "payload=struct", "rate=20000", "window_s=0.3")
    result = run(bed, *load, "loop=naive,poll", "sleep_us=0,3000")
    lost = {}
    for row in result.rows:
        params = json.loads(row["params"])
        lost[params["loop"], params["sleep_us"]] = int(row["lost"]) / (int(row["lost"]) + int(row["n"]))
    assert lost["naive", 3000] > 0.25
    assert max(share for key, share in lost.items() if key != ("naive", 3000)) < 0.05
    for name in ("lost-by-sleep", "latency-by-sleep"):
        assert (result.root / "plots" / f"{name}.png").exists()
    for trial in result.trials:
        assert "counts disagree" not in told(trial), trial["result"]["verdicts"]
        assert "contents differ" not in told(trial), trial["result"]["verdicts"]
