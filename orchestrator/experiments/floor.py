"""The generator's own floor: what it measures against an echo inside its own program.

No result can be below it, and a figure near it says more about the generator than about what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.apps.paths import trial_folder
from orchestrator.apps.process import PlannedProcess
from orchestrator.errors import CommandFailed
from orchestrator.experiments.records import Plan
from orchestrator.inventory.model import Inventory
from orchestrator.remote.protocol import ProcessSpec, Remote

FLOOR_WINDOW_S = 0.2
DEADLINE_S = 30.0


def generators(plan: Plan) -> dict[str, PlannedProcess]:
    """One measuring process for each transport of the plan, of its first row."""
    found: dict[str, PlannedProcess] = {}
    for trial in sorted(plan.trials, key=lambda trial: trial.row):
        found.setdefault(trial.transport, next(process for process in trial.processes if process.measures))
    return found


def measure_floor(
    remotes: Mapping[str, Remote],
    inventory: Inventory,
    run_id: str,
    transport: str,
    process: PlannedProcess,
    local: Path,
) -> None:
    """Run the generator of one transport against itself and collect its files into `local`.

    Raises CommandFailed if it ends with an error.
    """
    remote = remotes[process.host]
    folder = trial_folder(inventory.host(process.host), run_id, f"floor-{transport}")
    spec = ProcessSpec(
        name=process.name,
        # A later option takes the place of an earlier one.
        argv=(*process.argv, "--floor", f"--warmup={FLOOR_WINDOW_S}", f"--window={FLOOR_WINDOW_S}"),
        directory=folder,
        run_id=run_id,
        cpus=process.cpus,
        deadline_s=DEADLINE_S,
    )
    status = remote.start(spec).wait(DEADLINE_S)
    remote.get_tree(folder, local)
    remote.run(["rm", "-rf", "--", folder])
    if status.exit_code != 0:
        raise CommandFailed(
            f"the floor could not be measured: {status.stderr_tail.strip()}", host=process.host, process=process.name
        )
