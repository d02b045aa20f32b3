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
from orchestrator.commands.checkout import APPS, RESULTS, inventory_named
from orchestrator.commands.nics import bind_for_run, reverters
from orchestrator.commands.plan import plan_for
from orchestrator.commands.progress import Progress
from orchestrator.commands.reporting import finish, shown
from orchestrator.commands.session import Session, hold_all, new_run_id, session, timed
from orchestrator.commands.signals import interruptible, shielded
from orchestrator.errors import ExperimentFailed, OrchestratorError
from orchestrator.experiments.preparation import prepare
from orchestrator.experiments.records import Plan, PlannedTrial, TrialRecord
from orchestrator.experiments.runner import RunOutcome, run_trials
from orchestrator.experiments.trial import TrialRunner
from orchestrator.hosts.environment import Environment, differences
from orchestrator.hosts.restore import restore
from orchestrator.hosts.settings import RUN_OWNER_PREFIX
from orchestrator.inventory.model import Inventory
from orchestrator.remote.fleet import each
from orchestrator.results.ingest import ingest
from orchestrator.results.layout import ExperimentFolder, new_folder, write_atomic


@dataclass(frozen=True)
class Run:
    """One run: what it is called, what it will do, where its results go."""

    run_id: str
    inventory_name: str
    inventory: Inventory
    plan: Plan
    folder: ExperimentFolder
    keep: bool
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
) -> None:
    """Run an experiment; prints the table, and as the last line on stdout the result folder.

    Raises UsageError before anything is touched; ExperimentFailed or the error that ended the run after hosts were put
    back and what was measured was reported; KeyboardInterrupt likewise.
    """
    inventory = inventory_named(inventory_name)
    plan = plan_for(scenario, inventory, assignments, trials, seed, name)
    progress = Progress()
    run_id = new_run_id()
    folder = new_folder(RESULTS, plan.experiment, datetime.now(UTC), run_id)
    folder.write_plan(plan)
    folder.write_inventory(inventory)
    for trial in plan.trials:
        folder.ledger.append("planned", trial.key, row=trial.row, block=trial.block)
    this = Run(run_id, inventory_name, inventory, plan, folder, keep, progress)
    rows = len({trial.row for trial in plan.trials if trial.probes or not trial.row.startswith("floor")})
    progress.note(
        f"run {run_id}: {scenario}, {len(plan.trials)} trials of {rows} rows, seed {plan.seed}, "
        f"about {plan.estimated_s / 60:.1f} min"
    )
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
    with session(this.inventory, this.inventory_name, made_by=made_by, keep=this.keep) as hosts:
        hold_all(hosts, this.run_id)
        with timed(hosts.seconds, "build"):
            builds = build_all(hosts.remotes, hosts.inventory, source)
        with timed(hosts.seconds, "environment"):
            before = environment.record(this.folder, hosts, "before")
            environment.record_builds(this.folder, builds)
            environment.record_controller(this.folder)
        try:
            with timed(hosts.seconds, "prepare"):
                bind_for_run(hosts, this.plan, made_by)
                prepare(hosts.remotes, hosts.inventory, this.plan, hosts.journal, made_by)
            this.progress.note(
                "before the first trial: " + ", ".join(f"{step} {spent:.1f} s" for step, spent in hosts.seconds.items())
            )
            write_atomic(this.folder.root / "timing.json", json.dumps(hosts.seconds) + "\n")
            return _trials(this, hosts)
        finally:
            with shielded(this.progress.note):
                _put_back(this, hosts, made_by, before)


def _trials(this: Run, hosts: Session) -> RunOutcome:
    def deliver(record: TrialRecord) -> None:
        ingest(this.folder, record)

    def local_folder(trial: PlannedTrial) -> Path:
        this.folder.ledger.append("started", trial.key)
        return this.folder.trial(trial.key).root

    runner = TrialRunner(hosts.remotes, hosts.inventory, this.plan.source_digest, this.run_id, local_folder)
    return run_trials(this.plan, runner, deliver, this.progress)


def _put_back(this: Run, hosts: Session, made_by: str, before: dict[str, Environment]) -> None:
    """Remove the run's files from hosts, put its settings back, and record the environment after that."""
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
    with contextlib.suppress(FileNotFoundError):
        lines = [line for line in hosts.journal.path.read_text().splitlines() if f'"{made_by}"' in line]
        write_atomic(this.folder.journal, "".join(f"{line}\n" for line in lines), replace=True)
    for failure in report.failures:
        this.progress.warn(f"not put back: {failure}; run `invoke restore --inventory {this.inventory_name}`")
    try:
        after = environment.record(this.folder, hosts, "after")
    except OrchestratorError as error:
        this.progress.warn(f"the environment after the run was not recorded: {error}")
    else:
        for host in after:
            for difference in differences(before[host], after[host]):
                this.progress.warn(f"{host}: changed during the run: {difference}")
    report.check()
