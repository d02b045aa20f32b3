"""Runs of the checker, one or several at once, each in a new folder of its own."""

from __future__ import annotations

import math
import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from torture.checker import Checker, Report, Wrong
from torture.drawing import Place


@dataclass(frozen=True)
class How:
    """What holds for every run; see `Checker`. One that takes longer than `deadline_s` has failed."""

    compare_every: int = 10_000
    deadline_s: float = math.inf
    restarts: bool = False


AS_USUAL = How()


def run_one(under: str, seed: int, operations: int, how: How = AS_USUAL) -> Report:
    """One run. Raises Wrong, which names the folder; that is left as it is then."""
    folder = tempfile.mkdtemp(prefix="torture-", dir=under)
    place = Place(folder)
    try:
        report = Checker(place, seed, how.compare_every, restarts=how.restarts).run(operations, how.deadline_s)
    except Wrong as wrong:
        raise Wrong(f"{wrong}\nin {folder}") from None
    finally:
        place.close()
    shutil.rmtree(folder, ignore_errors=how.restarts)
    return report


def run_all(under: str, seed: int, operations: int, jobs: int = 1, how: How = AS_USUAL) -> Report:
    """Runs in so many processes at once that share the operations, with seeds that follow one another; one report.

    What waits for a timer of one process does not wait for those of the others. Raises Wrong with what any of them
    found.
    """
    if jobs == 1:
        return run_one(under, seed, operations, how)
    whole = Report(seed)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        share = -(-operations // jobs)
        for one in [pool.submit(run_one, under, seed + job, share, how) for job in range(jobs)]:
            whole.add(one.result())
    return whole
