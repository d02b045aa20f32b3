"""What the tool itself costs: around each trial, before the first trial (warm), and for `./inv --list`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRIAL_LIMIT_S = 2.0
RUN_LIMIT_S = 5.0
LIST_LIMIT_S = 0.7
LAUNCHER_LIMIT_S = 0.3
REPEATS = 7


def seconds(argv: list[str]) -> float:
    """Median wall time of a command that succeeds."""
    taken = []
    for _ in range(REPEATS):
        begin = time.monotonic()
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.monotonic() - begin)
    return statistics.median(taken)


def one_run() -> Path:
    """A short real run; the second of two, so that the programs are built."""
    argv = ["./inv", "run-experiment", "--scenario", "smp", "--trials", "2", "--name", "bench-overheads"]
    for _ in range(2):
        done = subprocess.run([*argv, "--set", "window_s=0.5"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return ROOT / done.stdout.strip().splitlines()[-1]


def main() -> int:
    """Measure and print; 0 if every figure is reached."""
    folder = one_run()
    before = json.loads((folder / "timing.json").read_text())
    records = [json.loads(path.read_text())["record"] for path in folder.glob("trials/*/trial.json")]
    around: dict[str, list[float]] = {}
    totals = []
    for record in records:
        phases = dict(record["phases"])
        phases["window"] -= record["trial"]["warmup_s"] + record["trial"]["window_s"]
        totals.append(sum(phases.values()) + record["trial"]["warmup_s"])
        for name, spent in phases.items():
            around.setdefault(name, []).append(spent)
    listing = seconds(["./inv", "--list"])
    launcher = seconds(["./inv", "--version"]) - seconds([".venv/bin/python", "-m", "invoke", "--version"])
    figures = [
        ("outside the window of a trial, with its warm-up (median)", statistics.median(totals), TRIAL_LIMIT_S),
        ("outside the window of a trial, with its warm-up (most)", max(totals), TRIAL_LIMIT_S),
        ("before the first trial, warm", sum(before.values()), RUN_LIMIT_S),
        ("./inv --list", listing, LIST_LIMIT_S),
        ("what the launcher adds", launcher, LAUNCHER_LIMIT_S),
    ]
    for name, value, limit in figures:
        print(f"{name}: {value:.3f} s (limit {limit} s): {'reached' if value <= limit else 'NOT REACHED'}")
    print("a trial: " + ", ".join(f"{name} {statistics.median(spent):.3f} s" for name, spent in around.items()))
    print("a run, before its first trial: " + ", ".join(f"{name} {spent:.3f} s" for name, spent in before.items()))
    return 0 if all(value <= limit for _, value, limit in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
