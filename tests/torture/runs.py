"""Runs of the checker, one or several at once, each in a new folder of its own."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor

from torture.checker import Checker, Report, Wrong
from torture.drawing import Place


def run_one(under: str, seed: int, operations: int, compare_every: int, deadline_s: float) -> Report:
    """One run. Raises Wrong, which names the folder; that is left as it is then."""
    folder = tempfile.mkdtemp(prefix="torture-", dir=under)
    place = Place(folder)
    try:
        report = Checker(place, seed, compare_every).run(operations, deadline_s)
    except Wrong as wrong:
        raise Wrong(f"{wrong}\nin {folder}") from None
    finally:
        place.close()
    shutil.rmtree(folder)
    return report


def run_all(
    under: str, seed: int, operations: int, jobs: int = 1, compare_every: int = 10_000, deadline_s: float = float("inf")
) -> Report:
    """Runs in so many processes at once that share the operations, with seeds that follow one another; one report.

    What waits for a timer of one process does not wait for those of the others. Raises Wrong with what any of them
    found.
    """
    if jobs == 1:
        return run_one(under, seed, operations, compare_every, deadline_s)
    whole = Report(seed)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        each = [
            pool.submit(run_one, under, seed + job, -(-operations // jobs), compare_every, deadline_s)
            for job in range(jobs)
        ]
        for one in each:
            whole.add(one.result())
    return whole
