"""`invoke run-experiment`: from an inventory to a table, plots and hosts as they were.

    plan -> testbed -> connect -> lease -> build -> environment -> prepare -> trials -> restore -> environment -> report
                                                        +------ any fault or signal ------>^

Whatever happens after the lease, what the run changed on hosts is put back and what was measured is reported.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.apps.build import build_all
from orchestrator.apps.paths import run_folder
from orchestrator.apps.source import SourceTree
from orchestrator.commands import environment
from orchestrator.commands.checkout import APPS, inventory_named, results_root
from orchestrator.commands.nics import bind_for_run, reverters
from orchestrator.commands.plan import left_out_lines, plan_for
from orchestrator.commands.progress import Progress
from orchestrator.commands.reporting import finish, shown
from orchestrator.commands.session import Session, hold_all, new_run_id, session, timed
from orchestrator.commands.signals import deferred, interruptible, shielded
from orchestrator.errors import ExperimentFailed, OrchestratorError
from orchestrator.experiments.preparation import prepare
from orchestrator.experiments.records import Plan, PlannedTrial, TrialRecord
from orchestrator.experiments.runner import RunOutcome, run_trials
from orchestrator.experiments.trial import TrialRunner
from orchestrator.hosts.environment import Environment, differences
from orchestrator.hosts.leftovers import end_leftovers
from orchestrator.hosts.restore import RestoreReport, restore
from orchestrator.hosts.settings import RUN_OWNER_PREFIX
from orchestrator.inventory.model import Inventory
from orchestrator.remote.fleet import each
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder, new_folder, write_atomic
from orchestrator.results.verdicts import placement_shifted
from orchestrator.testbeds.requirements import require_root


@dataclass(frozen=True)
class Run:
    """One run: what it is called, what it will do, where its results go."""

    run_id: str
    inventory_name: str
    inventory: Inventory
    plan: Plan
    folder: ExperimentFolder
    keep: bool
    once: bool
    """Whether trials that a move of the virtual machine spoilt are left at that."""
    progress: Progress


def run(
    scenario: str,
    inventory_name: str,
    assignments: Sequence[str],
    *,
    trials: int,
    seed: int | None,
    name: str,
    keep: bool,
    once: bool,
) -> None:
    """Run an experiment; prints the table, and as the last line on stdout the result folder.

    Raises UsageError before anything is touched; ExperimentFailed or the error that ended the run after hosts were put
    back and what was measured was reported; KeyboardInterrupt likewise.
    """
    inventory = inventory_named(inventory_name)
    if inventory.testbed is not None:
        require_root()
    plan = plan_for(scenario, inventory, assignments, trials, seed, name)
    progress = Progress(inventory_name)
    run_id = new_run_id()
    folder = new_folder(results_root(), plan.experiment, datetime.now(UTC), run_id)
    folder.write_plan(plan)
    folder.write_inventory(inventory)
    for trial in plan.trials:
        folder.ledger.append("planned", trial.key, row=trial.row, block=trial.block)
    this = Run(run_id, inventory_name, inventory, plan, folder, keep, once, progress)
    rows = len({trial.row for trial in plan.trials if trial.probes or not trial.row.startswith("floor")})
    progress.note(
        f"run {run_id}: {scenario}, {len(plan.trials)} trials of {rows} rows, seed {plan.seed}, "
        f"about {plan.estimated_s / 60:.1f} min"
    )
    for line in left_out_lines(plan):
        progress.note(line)
    with interruptible():
        try:
            outcome = _on_hosts(this)
        except BaseException as error:
            if not isinstance(error, OrchestratorError | KeyboardInterrupt):
                raise
            folder.ledger.append("interrupted", reason=str(error) or type(error).__name__)
            with contextlib.suppress(OrchestratorError):  # the first error is the one to show
                finish(folder, progress)
            raise
        measured = finish(folder, progress)
    if outcome.faults:
        ended = "gave up after three failed trials in a row" if outcome.gave_up else "some trials failed"
        raise ExperimentFailed(
            f"{ended}: {'; '.join(outcome.faults)}",
            remedy=f"logs of every process are in {shown(folder)}/trials",
        )
    if not measured:
        raise ExperimentFailed("no trial measured anything", remedy=f"see the verdicts in {shown(folder)}/summary.csv")


def _on_hosts(this: Run) -> RunOutcome:
    """Everything that touches hosts."""
    made_by = f"{RUN_OWNER_PREFIX}{this.run_id}"
    source = SourceTree(APPS)
    note = this.progress.note
    with session(this.inventory, this.inventory_name, made_by=made_by, keep=this.keep, note=note) as hosts:
        hold_all(hosts, this.run_id)
        note("building")
        with timed(hosts.seconds, "build"):
            builds = build_all(hosts.remotes, hosts.inventory, source)
        with timed(hosts.seconds, "environment"):
            before = environment.record(this.folder, hosts, "before")
            environment.record_builds(this.folder, builds)
            environment.record_controller(this.folder)
        note("preparing hosts")
        try:
            with timed(hosts.seconds, "prepare"):
                bind_for_run(hosts, this.plan, made_by)
                prepare(hosts.remotes, hosts.inventory, this.plan, hosts.journal, made_by)
            note(
                "before the first trial: " + ", ".join(f"{step} {spent:.1f} s" for step, spent in hosts.seconds.items())
            )
            write_atomic(this.folder.root / "timing.json", json.dumps(hosts.seconds) + "\n")
            outcome = _trials(this, hosts)
        except BaseException:
            with shielded(note):
                _end_processes(this, hosts)
                _put_back(this, hosts, made_by, before)  # tells what failed; the first error is the one to show
            raise
        with shielded(note):
            report = _put_back(this, hosts, made_by, before)
        report.check()
        return outcome


@dataclass(frozen=True)
class _Watch:
    """Notes the beginning of a trial in the ledger before people see it."""

    folder: ExperimentFolder
    progress: Progress
    planned: set[str]

    def trial_begins(self, trial: PlannedTrial, index: int, total: int, left_s: float) -> None:
        """See `Observer`. A trial that runs once more is planned only now."""
        if trial.key not in self.planned:
            self.folder.ledger.append("planned", trial.key, row=trial.row, block=trial.block)
        self.folder.ledger.append("started", trial.key)
        self.progress.trial_begins(trial, index, total, left_s)

    def trial_ended(self, record: TrialRecord) -> None:
        """See `Observer`."""
        self.progress.trial_ended(record)


def _trials(this: Run, hosts: Session) -> RunOutcome:
    def deliver(record: TrialRecord) -> None:
        with deferred():
            ingest(this.folder, record)

    def local_folder(trial: PlannedTrial) -> Path:
        return this.folder.trial(trial.key).root

    runner = TrialRunner(hosts.remotes, hosts.inventory, this.plan.source_digest, this.run_id, local_folder)
    watch = _Watch(this.folder, this.progress, {trial.key for trial in this.plan.trials})
    return run_trials(this.plan, runner, deliver, watch, (lambda _: False) if this.once else placement_shifted)


def _end_processes(this: Run, hosts: Session) -> None:
    """End what an interrupt left running: one that came while a process was started left it unknown to the trial."""
    for host, outcome in each(
        hosts.remotes, lambda remote: end_leftovers(remote, this.run_id), deadline_s=15.0
    ).items():
        if outcome.error is not None:
            this.progress.warn(f"{host}: processes of the run were not looked for: {outcome.error}")


def _put_back(this: Run, hosts: Session, made_by: str, before: dict[str, Environment]) -> RestoreReport:
    """Remove the run's files from hosts, put its settings back, and record the environment after that."""
    this.progress.note("putting hosts back")
    outcomes = each(
        hosts.remotes,
        lambda remote: remote.run(
            ["rm", "-rf", "--", run_folder(hosts.inventory.host(remote.host), this.run_id)], check=False
        ),
        deadline_s=15.0,
    )
    reached = {host: remote for host, remote in hosts.remotes.items() if outcomes[host].error is None}
    report = restore(reached, hosts.journal, reverters(), only_owner=made_by)
    for entry in report.restored:
        this.folder.ledger.append("restored", host=entry.host, note=entry.note)
    path = hosts.journal.path
    lines = _lines_of(path.read_text().splitlines() if path.exists() else (), made_by)
    write_atomic(this.folder.journal, "".join(f"{line}\n" for line in lines), replace=True)
    for failure in report.failures:
        this.progress.warn(f"not put back: {failure}; run `invoke restore`")
    try:
        after = environment.record(this.folder, hosts, "after")
    except OrchestratorError as error:
        this.progress.warn(f"the environment after the run was not recorded: {error}")
    else:
        for host in after:
            for difference in differences(before[host], after[host]):
                this.progress.warn(f"{host}: changed during the run: {difference}")
    return report


def _lines_of(journal: Sequence[str], owner: str) -> list[str]:
    """The lines of a journal that are about changes of `owner`."""
    ours: set[str] = set()
    lines = []
    for line in journal:
        with contextlib.suppress(ValueError):  # torn by a crash
            event = json.loads(line)
            if (event.get("change") or {}).get("owner") == owner:
                ours.add(event["id"])
            if event.get("id") in ours:
                lines.append(line)
    return lines
