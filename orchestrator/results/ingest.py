"""From the files that a trial left to its samples, numbers and verdicts on disk."""

from __future__ import annotations

from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import OrchestratorError
from orchestrator.experiments.records import TrialRecord
from orchestrator.results.content_proof import Proof, prove
from orchestrator.results.layout import ExperimentFolder, TrialFolder, to_json, write_atomic
from orchestrator.results.model import (
    Accounting,
    Load,
    Percentiles,
    PoolBalance,
    Share,
    StoredTrial,
    ThreadReading,
    TrialResult,
)
from orchestrator.results.packet_counts import compare
from orchestrator.results.protocol_counts import packet_accounting, protocol_counts
from orchestrator.results.samples import Samples, SamplesError, read_parquet, read_recorder, write_parquet
from orchestrator.results.statistics import drift, percentiles
from orchestrator.results.stats import ProcessStats, StatsError, read_stats
from orchestrator.results.verdicts import Evidence, judge, probe_shifts

QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def ingest(folder: ExperimentFolder, record: TrialRecord) -> TrialResult:
    """Store what came of one trial: samples.parquet, trial.json and the ledger's line; return the result.

    The recorder's file is deleted once its samples are in Parquet. Files that are missing or broken (an app that died)
    make a verdict, not an error. Raises OrchestratorError if the results cannot be written, or are there already.
    """
    trial = folder.trial(record.trial.key)
    if trial.record.exists():
        raise OrchestratorError(f"{trial.record} is already there", remedy="results are never overwritten")
    folder.ledger.append(
        "finished", record.trial.key, index=record.index, fault=record.fault, seconds=sum(record.phases.values())
    )
    result = evaluate(trial, record)
    write_atomic(trial.record, to_json(StoredTrial(record=record, result=result)))
    for process in record.trial.processes:
        # Whatever is of no use any more: of a trial without samples the file stays, for whoever wants to look.
        if trial.samples.exists():
            trial.of_process(process.host, process.name, "samples.bin").unlink(missing_ok=True)
        if trial.oneway.exists():
            trial.of_process(process.host, process.name, "oneway.samples.bin").unlink(missing_ok=True)
    folder.ledger.append(
        "verdicts",
        record.trial.key,
        row=record.trial.row,
        valid=result.valid,
        n=result.n,
        verdicts=[verdict.model_dump() for verdict in result.verdicts],
    )
    return result


def evaluate(trial: TrialFolder, record: TrialRecord) -> TrialResult:
    """The numbers and verdicts of one trial; writes samples.parquet unless it is there. Raises as `ingest`."""
    problems: list[str] = []
    stats: dict[str, ProcessStats] = {}
    for process in record.trial.processes:
        try:
            found = read_stats(trial.of_process(process.host, process.name, "stats.json"))
        except StatsError as error:
            problems.append(str(error))
            continue
        if found is None and not process.dies:
            problems.append(f"{process.host}: {process.name} left no stats")
        elif found is not None:
            stats[process.name] = found
    measuring = next((process for process in record.trial.processes if process.measures), None)
    samples = _samples(trial, measuring, problems)
    oneway = _oneway(trial, measuring, samples, problems)
    returned = samples.returned if samples else None
    evidence = Evidence(
        record=record,
        measuring=measuring,
        stats=stats,
        problems=tuple(problems),
        samples=0 if returned is None else len(returned),
        saturated=samples is not None and samples.saturated,
        drift=None if returned is None else drift(returned),
        threads=_threads(record, stats),
        accounting=_accounting(record, stats),
        generator_accounting=_generator_accounting(measuring, stats),
        protocol=protocol_counts(stats),
        pools=_pools(stats),
        probes=probe_shifts(record),
        counts=compare(record, stats),
        proof=_proof(trial, record, measuring, stats),
    )
    generator = evidence.generator
    window_s = (generator.window_actual_s or generator.window_s) if generator else record.trial.window_s
    known = generator or ProcessStats(schema=1, app="", role="")
    return TrialResult(
        n=evidence.samples,
        sent=len(samples) if samples else known.sent,
        lost=samples.lost if samples else known.lost,
        duplicates=known.duplicates,
        reordered=known.reordered,
        corrupt=known.corrupt,
        late=known.late,
        retransmits=sum(entry.retransmits for entry in stats.values()),
        latency=_latency(samples),
        oneway=None if oneway is None else _latency(oneway),
        ops_per_s=evidence.samples / window_s if window_s > 0 else 0.0,
        window_actual_s=window_s,
        load=_load(known),
        floor=known.floor or (measuring is not None and "--floor" in measuring.argv),
        drivers=tuple(dict.fromkeys(q.driver for entry in stats.values() for q in entry.queues if q.driver)),
        shares=_shares(record, stats),
        accounting=evidence.accounting,
        generator_accounting=evidence.generator_accounting,
        protocol=evidence.protocol,
        pools=evidence.pools,
        threads=evidence.threads,
        probes=evidence.probes,
        compared=evidence.proof.compared if evidence.proof else 0,
        compared_counts=evidence.counts.compared,
        uncompared_counts=evidence.counts.uncompared,
        verdicts=judge(evidence),
    )


def _proof(
    trial: TrialFolder, record: TrialRecord, measuring: PlannedProcess | None, stats: dict[str, ProcessStats]
) -> Proof | None:
    """Of trials whose processes were to keep packets."""
    if measuring is None or not record.trial.params.get("dump"):
        return None
    folders = {process.name: trial.host(process.host) for process in record.trial.processes}
    told = stats.get(measuring.name)
    return prove(folders, measuring.name, lossless=told is not None and told.lost == 0)


def _samples(trial: TrialFolder, measuring: PlannedProcess | None, problems: list[str]) -> Samples | None:
    """The trial's samples, which are in Parquet then; None, and a line in `problems`, if there are none."""
    if measuring is None:
        problems.append("no process of the trial measures")
        return None
    try:
        if trial.samples.exists():  # an earlier ingest was cut off after this point
            return read_parquet(trial.samples)
        source = trial.of_process(measuring.host, measuring.name, "samples.bin")
        if not source.exists():
            problems.append(f"{measuring.host}: {measuring.name} left no samples")
            return None
        samples = read_recorder(source)
    except SamplesError as error:
        problems.append(str(error))
        return None
    write_parquet(samples, trial.samples)
    return samples


def _oneway(
    trial: TrialFolder, measuring: PlannedProcess | None, samples: Samples | None, problems: list[str]
) -> Samples | None:
    """The way there of the trial's packets, which is in Parquet then; None where it was not measured."""
    if measuring is None or samples is None:
        return None
    source = trial.of_process(measuring.host, measuring.name, "oneway.samples.bin")
    try:
        if trial.oneway.exists():
            return read_parquet(trial.oneway)
        if not source.exists():
            return None
        oneway = read_recorder(source)
        if len(oneway) != len(samples):
            problems.append(f"{source}: {len(oneway)} samples, but {len(samples)} of the round trip")
            return None
    except SamplesError as error:
        problems.append(str(error))
        return None
    write_parquet(oneway, trial.oneway)
    return oneway


def _latency(samples: Samples | None) -> Percentiles:
    if samples is None or not len(samples):
        return Percentiles()
    returned = samples.returned
    if not len(returned):
        return Percentiles()
    p50, p90, p99, p999, p9999 = percentiles(returned, QUANTILES, lost=samples.lost)
    return Percentiles(
        p50_ns=p50,
        p90_ns=p90,
        p99_ns=p99,
        p999_ns=p999,
        p9999_ns=p9999,
        min_ns=int(returned.min()),
        max_ns=int(returned.max()),
    )


def _load(stats: ProcessStats) -> Load:
    loop = stats.loop if stats.loop in {"closed", "open"} else "unknown"
    return Load.model_validate(
        {"loop": loop, "depth": stats.depth, "asked": stats.rate_asked, "achieved": stats.rate_achieved}
    )


def _under_test(record: TrialRecord) -> list[PlannedProcess]:
    return [process for process in record.trial.processes if not process.measures]


def _shares(record: TrialRecord, stats: dict[str, ProcessStats]) -> tuple[Share, ...]:
    """Of every process under test, also of one that left no stats and so is known to have done nothing of use."""
    packets = {p.name: stats[p.name].rx_packets if p.name in stats else 0 for p in _under_test(record)}
    total = sum(packets.values())
    return tuple(
        Share(process=name, packets=count, fraction=count / total if total else 0.0) for name, count in packets.items()
    )


def _accounting(record: TrialRecord, stats: dict[str, ProcessStats]) -> tuple[Accounting, ...]:
    entries = []
    for process in _under_test(record):
        entry = stats.get(process.name)
        if entry is None:
            continue
        entries += [
            Accounting(
                process=f"{process.name}/{member.name}",
                packets_in=member.packets_in,
                packets_out=member.packets_out,
                drops=sum(member.drops.values()),
                reasons={reason: number for reason, number in member.drops.items() if number},
            )
            for member in entry.members
        ]
        spoken = packet_accounting(process.name, entry)
        if spoken is not None:
            entries.append(spoken)
            continue
        if entry.accounting is None and not entry.queues:
            continue
        reasons = entry.drops_by_reason
        if entry.accounting is not None:
            told = entry.accounting
            reasons = reasons or {reason: number for reason, number in told.reasons.items() if number}
            packets_in, packets_out, drops = told.packets_in, told.packets_out, told.drops
        else:
            packets_in = entry.rx_packets
            packets_out = sum(queue.tx_packets for queue in entry.queues)
            drops = sum(sum(queue.drops.values()) for queue in entry.queues)
        entries.append(
            Accounting(
                process=process.name,
                packets_in=packets_in,
                packets_out=packets_out,
                drops=drops,
                reasons=reasons,
            )
        )
    return tuple(entries)


def _generator_accounting(measuring: PlannedProcess | None, stats: dict[str, ProcessStats]) -> Accounting | None:
    """Of what it received; None where it does not say, which `books.imbalances` takes for a fault."""
    entry = stats.get(measuring.name) if measuring else None
    if measuring is None or entry is None:
        return None
    if entry.accounting is None:
        return packet_accounting(measuring.name, entry)
    told = entry.accounting
    return Accounting(
        process=measuring.name,
        packets_in=told.packets_in,
        packets_out=told.packets_out,
        drops=told.drops,
        reasons={reason: number for reason, number in told.reasons.items() if number},
    )


def _pools(stats: dict[str, ProcessStats]) -> tuple[PoolBalance, ...]:
    """Of the groups' primaries, which end last: what a secondary sees in use may be another's."""
    return tuple(
        PoolBalance(
            process=name,
            size=entry.pool.size,
            in_use=entry.pool.in_use_at_end,
            explained={reason: number for reason, number in entry.pool.explained.items() if number},
        )
        for name, entry in stats.items()
        if entry.pool is not None and entry.proc_type != "secondary"
    )


def _threads(record: TrialRecord, stats: dict[str, ProcessStats]) -> tuple[ThreadReading, ...]:
    return tuple(
        ThreadReading(
            process=process.name,
            host=process.host,
            name=thread.name,
            planned_cpus=process.cpus,
            allowed=thread.allowed,
            last_cpu=thread.last_cpu,
            voluntary_switches=thread.voluntary_switches,
            involuntary_switches=thread.involuntary_switches,
        )
        for process in record.trial.processes
        if process.name in stats
        for thread in stats[process.name].threads
    )
