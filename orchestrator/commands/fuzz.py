"""`invoke fuzz`: the targets of `dpdk_apps/fuzz`, built with clang and run from the kept corpus."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.commands.checkout import APPS, ROOT
from orchestrator.commands.progress import Progress
from orchestrator.errors import CommandFailed, OrchestratorError, UsageError

SOURCES = APPS / "fuzz"
CORPUS = SOURCES / "corpus"
BUILD = ROOT / "build" / "fuzz"
DEFAULT_RUNS = 10_000_000
LONGEST_INPUT = 4096
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)$", re.MULTILINE)
TAIL_LINES = 15


@dataclass(frozen=True)
class Fuzzed:
    """What one target has gone through. `findings`: the inputs that it failed on."""

    target: str
    executions: int
    seconds: float
    inputs: int
    findings: tuple[Path, ...]


def targets() -> tuple[str, ...]:
    """The names of all targets."""
    return tuple(sorted(path.stem.removeprefix("fuzz_") for path in SOURCES.glob("fuzz_*.c")))


def build(folder: Path, names: Sequence[str]) -> None:
    """Build targets with clang, libFuzzer, ASan and UBSan. Raises CommandFailed with what the build said."""
    compiler = shutil.which("clang")
    if compiler is None:
        raise CommandFailed("clang is not installed", remedy="./inv installs it")
    reuse = ("--reconfigure",) if (folder / "build.ninja").exists() else ()
    setup = ("meson", "setup", str(folder), str(APPS), "-Dfuzz=true", *reuse)
    for command in (setup, ("ninja", "-C", str(folder), *(f"fuzz/fuzz_{name}" for name in names))):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CC": compiler})
        if done.returncode != 0:
            raise CommandFailed(
                f"the build of the fuzz targets failed:\n{done.stdout}{done.stderr}", process=command[0]
            )


def run_target(folder: Path, target: str, limit: str, *options: str) -> Fuzzed:
    """Run a target from its kept corpus, which stays as it is; what is new goes to `grown/` of the folder.

    `limit` is an option of libFuzzer. Raises CommandFailed where the target fails without an input to blame.
    """
    grown, found = folder / "grown" / target, folder / "found" / target
    for needed in (grown, found):
        needed.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    log = folder / f"{target}.log"
    argv = [
        str(folder / "fuzz" / f"fuzz_{target}"), limit, f"-max_len={LONGEST_INPUT}", "-print_final_stats=1", *options,
        f"-artifact_prefix={found}/", str(grown), str(CORPUS / target),
    ]  # fmt: skip
    begin = time.monotonic()
    with log.open("w", encoding="utf-8") as said:
        code = subprocess.run(argv, stdout=said, stderr=subprocess.STDOUT, cwd=folder, check=False).returncode
    seconds = time.monotonic() - begin
    text = log.read_text(encoding="utf-8", errors="replace")
    findings = tuple(sorted(set(found.iterdir()) - before))
    if code != 0 and not findings:
        tail = "\n".join(text.splitlines()[-TAIL_LINES:])
        raise CommandFailed(f"ended with {code} and left no input:\n{tail}", process=f"fuzz_{target}")
    executed = EXECUTED.search(text)
    return Fuzzed(target, int(executed[1]) if executed else 0, seconds, sum(1 for _ in grown.iterdir()), findings)


def keep(folder: Path, target: str) -> int:
    """Take what reaches code that the kept corpus does not into it; how many inputs that is."""
    kept = CORPUS / target
    before = sum(1 for _ in kept.iterdir())
    argv = [
        str(folder / "fuzz" / f"fuzz_{target}"),
        "-merge=1",
        "-use_counters=0",
        str(kept),
        str(folder / "grown" / target),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, cwd=folder)
    if done.returncode != 0:
        raise CommandFailed(f"could not merge:\n{done.stderr[-2000:]}", process=f"fuzz_{target}")
    return sum(1 for _ in kept.iterdir()) - before


def fuzz(target: str, *, minutes: float | None, runs: int | None, keep_new: bool) -> str:
    """Run one target, or all; a table of what they went through. Raises OrchestratorError naming what was found."""
    if target and target not in targets():
        raise UsageError(f"there is no fuzz target {target}", remedy=f"there are: {', '.join(targets())}")
    if minutes is not None and runs is not None:
        raise UsageError("--minutes and --runs are two ways to say how long", remedy="give one of them")
    limit = f"-max_total_time={max(1, round(minutes * 60))}" if minutes is not None else f"-runs={runs or DEFAULT_RUNS}"
    chosen = (target,) if target else targets()
    progress = Progress()
    progress.note(f"building {', '.join(chosen)}")
    build(BUILD, chosen)
    lines = [f"{'target':<16} {'executions':>12} {'seconds':>8} {'new inputs':>10} {'kept':>5} {'findings':>8}"]
    findings: list[Path] = []
    for name in chosen:
        progress.note(f"{name}: running, {BUILD / name}.log tells how far it is")
        fuzzed = run_target(BUILD, name, limit)
        kept = keep(BUILD, name) if keep_new and not fuzzed.findings else 0
        findings += fuzzed.findings
        lines.append(
            f"{name:<16} {fuzzed.executions:>12} {fuzzed.seconds:>8.0f} {fuzzed.inputs:>10} {kept:>5} "
            f"{len(fuzzed.findings):>8}"
        )
    if findings:
        progress.note("\n".join(lines))
        programs = f"{BUILD}/fuzz/fuzz_NAME FILE"
        raise OrchestratorError(f"found: {', '.join(map(str, findings))}", remedy=f"each is repeated by {programs}")
    return "\n".join(lines)
