"""One trial on the hosts: probe, start in order, a quiet window, stop in reverse, probe, collect.

    probe_before -> start -> window -> stop -> probe_after -> collect
         |            |         |
         +------------+---------+--> (fault) stop -> collect

The error path is the same stop and collect: whatever happened, no process is left and what was written is fetched. A
lost connection to a host ends the run; every other fault ends only its trial.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from orchestrator.apps.paths import binary, scratch, trial_folder
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import CommandFailed, DeadlineExceeded, HostUnreachable, OrchestratorError
from orchestrator.experiments.records import PlannedTrial, ProbeReading, ProcessOutcome, TrialRecord
from orchestrator.hosts.scratch import make_folders, remove_folders
from orchestrator.inventory.model import Inventory
from orchestrator.remote.process import describe
from orchestrator.remote.protocol import ExitStatus, ProcessSpec, Remote, StopDeadlines, Supervised

PROBE_MS = 20
# From the end of the window to the end of the measuring process: stragglers come in, samples are written.
DRAIN_S = 20.0
# A process is ended on its host's own clock this long after the window should have ended.
DEADLINE_MARGIN_S = 25.0
READY_TIMEOUT_S = 15.0


@dataclass
class _Progress:
    """What is known of a trial while it runs."""

    phases: dict[str, float] = field(default_factory=dict)
    started: dict[str, tuple[Supervised, float]] = field(default_factory=dict)
    ready_s: dict[str, float] = field(default_factory=dict)
    ended: dict[str, ExitStatus] = field(default_factory=dict)
    before: tuple[ProbeReading, ...] = ()
    after: tuple[ProbeReading, ...] = ()
    fault: str = ""
    fatal: BaseException | None = None


@dataclass(frozen=True)
class TrialRunner:
    """Runs trials of one plan over remotes whose hosts are prepared."""

    remotes: Mapping[str, Remote]
    inventory: Inventory
    source_digest: str
    run_id: str
    local_folder: Callable[[PlannedTrial], Path]
    """Where the files of a trial are collected; one folder per host is made in it."""

    def run(self, trial: PlannedTrial, index: int, deliver: Callable[[TrialRecord], None]) -> TrialRecord:
        """Run one trial and hand its record to `deliver`, also when it failed.

        After that a lost host (HostUnreachable) and KeyboardInterrupt are raised; other faults stand in the record.
        """
        started_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        progress = _Progress()
        with self._phase(progress, "probe_before"):
            progress.before = self._probe(trial)
        if not progress.fault:
            with self._phase(progress, "start"):
                self._start(trial, progress)
        if not progress.fault:
            with self._phase(progress, "window"):
                self._window(trial, progress)
        with self._phase(progress, "stop"):
            self._stop(trial, progress)
        if isinstance(progress.fatal, KeyboardInterrupt):  # perhaps it cut the stopping short; what has ended, has
            with self._phase(progress, "stop"):
                self._stop(trial, progress)
        if not progress.fault:
            with self._phase(progress, "probe_after"):
                progress.after = self._probe(trial)
        if not isinstance(progress.fatal, HostUnreachable):
            with self._phase(progress, "collect"):
                self._collect(trial)
        record = TrialRecord(
            trial=trial,
            index=index,
            started_utc=started_utc,
            phases={name: round(seconds, 4) for name, seconds in progress.phases.items()},
            probes_before=progress.before,
            probes_after=progress.after,
            processes=tuple(
                ProcessOutcome(
                    name=process.name,
                    host=process.host,
                    exit_code=progress.ended[process.name].exit_code,
                    reason=progress.ended[process.name].reason,
                    ready_s=round(progress.ready_s.get(process.name, 0.0), 4),
                    seconds=round(progress.ended[process.name].seconds, 4),
                )
                for process in trial.processes
                if process.name in progress.ended
            ),
            fault=progress.fault,
        )
        deliver(record)
        if progress.fatal is not None:
            raise progress.fatal
        return record

    @contextlib.contextmanager
    def _phase(self, progress: _Progress, name: str) -> Iterator[None]:
        """Time a phase; the first fault of a trial is kept, later ones follow from it."""
        begin = time.monotonic()
        try:
            yield
        except HostUnreachable as error:
            progress.fault = progress.fault or str(error)
            progress.fatal = progress.fatal or error
        except OrchestratorError as error:
            progress.fault = progress.fault or _told(error)
        except KeyboardInterrupt as error:
            progress.fault = progress.fault or "interrupted"
            progress.fatal = progress.fatal or error
        finally:
            progress.phases[name] = progress.phases.get(name, 0.0) + time.monotonic() - begin

    def _probe(self, trial: PlannedTrial) -> tuple[ProbeReading, ...]:
        """Bounce a cache line between each pair of CPUs; nothing of the trial runs meanwhile."""
        readings = []
        for pair in trial.probes:
            program = binary(self.inventory.host(pair.host), self.source_digest, "cacheline_probe")
            cpus = f"{pair.cpus[0]},{pair.cpus[1]}"
            done = self.remotes[pair.host].run([program, f"--cpus={cpus}", f"--ms={PROBE_MS}"], timeout_s=10)
            reading = json.loads(done.stdout)
            readings.append(ProbeReading(host=pair.host, cpus=pair.cpus, round_trip_ns=reading["round_trip_ns_p50"]))
        return tuple(readings)

    def _start(self, trial: PlannedTrial, progress: _Progress) -> None:
        """Start stage by stage; a stage begins when everything before it is ready."""
        for host, folders in self._folders(trial).items():
            make_folders(self.remotes[host], folders)
        ordered = sorted(trial.processes, key=lambda process: process.stage)
        for _, stage in groupby(ordered, key=lambda process: process.stage):
            processes = list(stage)
            for process in processes:
                supervised = self.remotes[process.host].start(self._spec(trial, process))
                progress.started[process.name] = (supervised, time.monotonic())
            for process in processes:
                supervised, begin = progress.started[process.name]
                supervised.wait_ready()
                progress.ready_s[process.name] = time.monotonic() - begin

    def _spec(self, trial: PlannedTrial, process: PlannedProcess) -> ProcessSpec:
        return ProcessSpec(
            name=process.name,
            argv=process.argv,
            directory=trial_folder(self.inventory.host(process.host), self.run_id, trial.key),
            run_id=self.run_id,
            cpus=process.cpus,
            done="@done" if process.measures else "",
            ready_timeout_s=READY_TIMEOUT_S,
            deadline_s=2 * READY_TIMEOUT_S + trial.warmup_s + trial.window_s + DEADLINE_MARGIN_S,
            stop=StopDeadlines(),
        )

    def _window(self, trial: PlannedTrial, progress: _Progress) -> None:
        """Leave the hosts alone from warm-up to the end of the window; then the measuring process is done."""
        quiet_s = trial.warmup_s + trial.window_s
        for host in {process.host for process in trial.processes}:
            self.remotes[host].quiet(quiet_s)
        measuring = next(process for process in trial.processes if process.measures)
        supervised, _ = progress.started[measuring.name]
        status = supervised.wait_done(quiet_s + DRAIN_S)
        for process in trial.processes:
            ended = progress.started[process.name][0].poll()
            if process is not measuring and ended is not None and not _as_asked(process, ended):
                raise _ended_badly(process, ended, "ended while it was measured")
        if status is not None and status.exit_code != 0 and not _as_asked(measuring, status):
            raise _ended_badly(measuring, status, "failed")

    def _stop(self, trial: PlannedTrial, progress: _Progress) -> None:
        """Stop what was started; a process that cannot be stopped does not keep the others running.

        In reverse, but the measuring process last: it polls no more, while the others still do, and a poller of a
        memif crashes when the other end goes away.
        """
        faults: list[OrchestratorError] = []
        for process in sorted(trial.processes, key=lambda process: (process.measures, -process.stage)):
            if process.name not in progress.started:
                continue
            try:
                status = progress.started[process.name][0].stop()
            except OrchestratorError as error:
                faults.append(error)
                continue
            progress.ended[process.name] = status
            if status.exit_code != 0 and not progress.fault and not _as_asked(process, status):
                faults.append(_ended_badly(process, status, "did not stop cleanly"))
        if faults:
            raise faults[0]

    def _collect(self, trial: PlannedTrial) -> None:
        """Fetch the files of the trial from every host and remove them there."""
        for host, folders in self._folders(trial).items():
            remove_folders(self.remotes[host], folders)
        for host in dict.fromkeys(process.host for process in trial.processes):
            remote = self.remotes[host]
            folder = trial_folder(self.inventory.host(host), self.run_id, trial.key)
            remote.get_tree(folder, self.local_folder(trial) / host)
            remote.run(["rm", "-rf", "--", folder])

    def _folders(self, trial: PlannedTrial) -> dict[str, list[str]]:
        """By host, the folders of its processes that go without being fetched."""
        found: dict[str, list[str]] = {}
        for process in trial.processes:
            own = trial_folder(self.inventory.host(process.host), self.run_id, trial.key)
            if process.folders:
                found.setdefault(process.host, []).extend(scratch(own, process.folders))
        return found


def _told(error: OrchestratorError) -> str:
    """The line of an error, with what to do where the error itself does not know."""
    full = not error.remedy and os.strerror(errno.ENOSPC) in error.what
    return f"{error} - make room there (`df` shows which disk is full)" if full else str(error)


def _as_asked(process: PlannedProcess, status: ExitStatus) -> bool:
    """Whether an end that would be a fault elsewhere is what the trial is about."""
    return process.ended_as_asked(status.exit_code, status.reason)


def _ended_badly(process: PlannedProcess, status: ExitStatus, what: str) -> OrchestratorError:
    """The error for a process that ended as it should not, with the last lines that it wrote."""
    kind = DeadlineExceeded if status.reason == "deadline" else CommandFailed
    return kind(f"{what}: it {describe(status)}", host=process.host, process=process.name)
