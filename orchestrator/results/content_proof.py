"""Proof of content: what the processes of a trial captured is decoded and compared, field by field, with what was sent.

A process that was asked to keep packets leaves `<process>.tx.pcap` and `<process>.rx.pcap`. The sender's `tx` is the
truth; every record that another capture has of the same message must be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.results.pcap import ETHERNET, CaptureError, read_pcap
from orchestrator.results.wire_record import WireError, WireRecord, decode, differences, records_of_frame

_MOST_SAID = 3


@dataclass(frozen=True)
class Proof:
    """`compared`: records that were found in the sender's and in another capture; `problems`: one line each."""

    compared: int
    problems: tuple[str, ...]


def prove(folders: dict[str, Path], sender: str, *, lossless: bool = False) -> Proof:
    """Compare the captures of a trial.

    `folders` says where the files of each process lie. The sender is also the receiver: its `rx` must have at least one
    record in common with its `tx`. So must every other capture where nothing was lost on the way (`lossless`); where
    something was, it may have been just what the sender kept. A capture that is missing or broken is a problem, not an
    error.
    """
    problems: list[str] = []
    captures: dict[str, list[WireRecord]] = {}
    for process, folder in folders.items():
        for way in ("tx", "rx"):
            name = f"{process}.{way}"
            try:
                captures[name] = read_records(folder / f"{name}.pcap")
            except (CaptureError, WireError) as error:
                problems.append(f"{name}: {error}")
    sent = {(record.seq, record.index): record for record in captures.pop(f"{sender}.tx", [])}
    compared = 0
    for name, records in captures.items():
        common = [(sent[key], record) for record in records if (key := (record.seq, record.index)) in sent]
        compared += len(common)
        if not common and (lossless or name == f"{sender}.rx"):
            problems.append(
                f"{name}: none of {len(records)} records is one of the {len(sent)} that were kept of those sent"
            )
        for was, came in common:
            problems += [f"{name}: message {came.seq}: {line}" for line in differences(was, came)]
    if len(problems) > _MOST_SAID:
        problems = [*problems[:_MOST_SAID], f"and {len(problems) - _MOST_SAID} more"]
    return Proof(compared, tuple(problems))


def read_records(path: Path) -> list[WireRecord]:
    """The records of a capture file, in its order. Raises CaptureError, and WireError naming the packet."""
    capture = read_pcap(path)
    records = []
    for number, (_ns, packet) in enumerate(capture.packets):
        try:
            record, rest = decode(records_of_frame(packet) if capture.link == ETHERNET else packet)
            if rest:
                raise WireError(f"{len(rest)} bytes follow the record")
        except WireError as error:
            raise WireError(f"packet {number}: {error}") from error
        records.append(record)
    return records
