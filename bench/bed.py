"""Two hosts of a testbed of the bench's own, prepared, and how one block is measured on them."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
from orchestrator.results.samples import read_recorder
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

    def trial(self, processes: Sequence[PlannedProcess], probe: tuple[int, int]) -> Block:
        """Start the processes of a trial stage by stage, wait for the one that measures, stop the others before it.

        Its folders are made before, and go with what is in them.
        """
        (measuring,) = (process for process in processes if process.measures)
        before = self.probe_ns(measuring.host, probe)
        folders = {process.name: self.folder(process.host, "trial") for process in processes}
        with contextlib.ExitStack() as undo:
            started: dict[str, Supervised] = {}
            for process in sorted(processes, key=lambda process: process.stage):
                place = folders[next(other.name for other in processes if other.host == process.host)]
                made = scratch(place, process.folders)
                make_folders(self.hosts.remotes[process.host], made)
                undo.callback(remove_folders, self.hosts.remotes[process.host], made)
                started[process.name] = self.start(
                    process.host, process.name, process.argv, process.cpus, ready="@ready", folder=place
                )
                undo.callback(started[process.name].stop)
            ended = started[measuring.name].wait_done(60.0)
            for process in sorted(processes, key=lambda process: -process.stage):
                if not process.measures:
                    started[process.name].stop()
        after = self.probe_ns(measuring.host, probe)
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip(), host=measuring.host, process=measuring.name)
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
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / "samples.bin"
            self.hosts.remotes[process.host].get(f"{supervised.spec.directory}/{process.name}.samples.bin", path)
            samples = read_recorder(path)
        (p50,) = percentiles(samples.returned, (0.5,), lost=samples.lost)
        if p50 is None:
            raise CommandFailed("the window has no samples", host=process.host, process=process.name)
        return p50 / 1000


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
