"""Two hosts of a testbed of the bench's own, prepared, and how one block is measured on them."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.paired import Block
from orchestrator.apps.build import build_all
from orchestrator.apps.paths import binary, run_folder, scratch
from orchestrator.apps.process import PlannedProcess
from orchestrator.apps.source import SourceTree
from orchestrator.commands.checkout import APPS, inventory_named
from orchestrator.commands.nics import reverters
from orchestrator.commands.session import Session, hold_all, new_run_id, session
from orchestrator.errors import CommandFailed
from orchestrator.experiments.planner import Request, make_plan
from orchestrator.experiments.preparation import prepare
from orchestrator.experiments.records import Plan
from orchestrator.hosts.restore import restore
from orchestrator.hosts.scratch import make_folders, remove_folders
from orchestrator.remote.protocol import ProcessSpec, Supervised
from orchestrator.results.samples import Samples, read_recorder
from orchestrator.results.statistics import percentiles
from orchestrator.scenarios.base import scenario_named

DEADLINE_S = 600.0


@dataclass
class Bed:
    """Prepared hosts."""

    hosts: Session
    run_id: str
    digest: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(
        self, host: str, name: str, argv: tuple[str, ...], cpus: tuple[int, ...], *, ready: str, folder: str = ""
    ) -> Supervised:
        """Start a process in `folder`, or in one of its own, and wait until it is ready."""
        supervised = self.hosts.remotes[host].start(
            ProcessSpec(
                name=name,
                argv=argv,
                directory=folder or self.folder(host, name),
                run_id=self.run_id,
                cpus=cpus,
                ready=ready,
                done="@done",
                deadline_s=DEADLINE_S,
            )
        )
        supervised.wait_ready()
        return supervised

    def start_planned(self, process: PlannedProcess) -> Supervised:
        """Start a process of a plan."""
        return self.start(process.host, process.name, process.argv, process.cpus, ready="@ready")

    def folder(self, host: str, name: str) -> str:
        """A folder on the host that no other process of the bench has."""
        return f"{run_folder(self.hosts.inventory.host(host), self.run_id)}/{next(self.numbers)}-{name}"

    def probe_ns(self, host: str, cpus: tuple[int, int]) -> float:
        """The cache-line round trip between two CPUs."""
        program = binary(self.hosts.inventory.host(host), self.digest, "cacheline_probe")
        done = self.hosts.remotes[host].run([program, f"--cpus={cpus[0]},{cpus[1]}", "--ms=20"])
        return float(json.loads(done.stdout)["round_trip_ns_p50"])

    def block(self, process: PlannedProcess, probe: tuple[int, int], serve: Callable[[], Supervised]) -> Block:
        """Start a server and one of our generators; the p50 of its window. The server stops before the generator."""
        before = self.probe_ns(process.host, probe)
        with contextlib.ExitStack() as stop:
            server = serve()
            stop.callback(server.stop)
            supervised = self.start_planned(process)
            stop.callback(supervised.stop)
            ended = supervised.wait_done(60.0)
            server.stop()
        after = self.probe_ns(process.host, probe)
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip(), host=process.host, process=process.name)
        return Block(self.p50_us(process, supervised), before, after)

    @contextlib.contextmanager
    def running(self, processes: Sequence[PlannedProcess]) -> Iterator[dict[str, Supervised]]:
        """The processes of a trial by name, started stage by stage; those that are left at the end are stopped.

        Their folders are made before, and go with what is in them.
        """
        own = {process.host: self.folder(process.host, "trial") for process in processes}
        started: dict[str, Supervised] = {}
        with contextlib.ExitStack() as undo:
            for process in sorted(processes, key=lambda process: process.stage):
                remote, place = self.hosts.remotes[process.host], own[process.host]
                made = scratch(place, process.folders)
                make_folders(remote, made)
                undo.callback(remove_folders, remote, made)
                started[process.name] = self.start(
                    process.host, process.name, process.argv, process.cpus, ready="@ready", folder=place
                )
                undo.callback(started[process.name].stop)
            yield started

    def wait_measured(
        self, processes: Sequence[PlannedProcess], started: Mapping[str, Supervised], timeout_s: float = 60.0
    ) -> PlannedProcess:
        """Wait for the process of a trial that measures, and stop the others before it. Raises CommandFailed."""
        (measuring,) = (process for process in processes if process.measures)
        ended = started[measuring.name].wait_done(timeout_s)
        for process in sorted(processes, key=lambda process: -process.stage):
            if not process.measures:
                started[process.name].stop()
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip(), host=measuring.host, process=measuring.name)
        return measuring

    def trial(self, processes: Sequence[PlannedProcess], probe: tuple[int, int]) -> Block:
        """Run a trial: the p50 of the one that measures, with the probes around it."""
        host = next(process.host for process in processes if process.measures)
        before = self.probe_ns(host, probe)
        with self.running(processes) as started:
            measuring = self.wait_measured(processes, started)
        after = self.probe_ns(host, probe)
        return Block(self.p50_us(measuring, started[measuring.name]), before, after)

    def group_block(self, primary: PlannedProcess, secondary: PlannedProcess) -> Block:
        """The p50 of a primary that measures once its secondary has joined; the secondary stops first."""
        probe = (primary.cpus[0], secondary.cpus[0])
        before = self.probe_ns(primary.host, probe)
        with contextlib.ExitStack() as stop:
            measuring = self.start_planned(primary)
            stop.callback(measuring.stop)
            stop.callback(self.start_planned(secondary).stop)
            ended = measuring.wait_done(60.0)
        after = self.probe_ns(primary.host, probe)
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip(), host=primary.host, process=primary.name)
        return Block(self.p50_us(primary, measuring), before, after)

    def p50_us(self, process: PlannedProcess, supervised: Supervised) -> float:
        """The median of the samples that a process left in its folder."""
        samples = self.samples(process, supervised)
        (p50,) = percentiles(samples.returned, (0.5,), lost=samples.lost)
        if p50 is None:
            raise CommandFailed("the window has no samples", host=process.host, process=process.name)
        return p50 / 1000

    def samples(self, process: PlannedProcess, supervised: Supervised) -> Samples:
        """The samples that a process left in its folder."""
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / "samples.bin"
            self.hosts.remotes[process.host].get(f"{supervised.spec.directory}/{process.name}.samples.bin", path)
            return read_recorder(path)


def plan_of(*assignments: str, scenario: str = "smp") -> Plan:
    """A plan of one trial per row for the bench's hosts."""
    inventory = inventory_named("local")
    request = Request(scenario_named(scenario), assignments, trials=1, seed=1, experiment="bench")
    return make_plan(inventory, request, SourceTree(APPS).digest)


def processes_of(plan: Plan) -> tuple[PlannedProcess, ...]:
    """The processes of the plan's only row."""
    (trial,) = (trial for trial in plan.trials if not trial.row.startswith("floor"))
    return trial.processes


@contextlib.contextmanager
def bed(plan: Plan) -> Iterator[Bed]:
    """Bring hosts up, build, prepare; put everything back at the end."""
    inventory = inventory_named("local")
    assert inventory.testbed is not None
    inventory = inventory.model_copy(update={"testbed": inventory.testbed.model_copy(update={"name": "bench"})})
    run_id = new_run_id()
    owner = f"run:{run_id}"
    source = SourceTree(APPS)
    with session(inventory, "bench", made_by=owner) as hosts:
        hold_all(hosts, run_id)
        build_all(hosts.remotes, hosts.inventory, source)
        try:
            prepare(hosts.remotes, hosts.inventory, plan, hosts.journal, owner)
            yield Bed(hosts, run_id, source.digest)
        finally:
            for host in hosts.inventory.hosts:
                hosts.remotes[host.name].run(["rm", "-rf", "--", run_folder(host, run_id)], check=False)
            restore(hosts.remotes, hosts.journal, reverters(), only_owner=owner).check()
