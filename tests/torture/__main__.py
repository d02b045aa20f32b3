"""The command: python3 -m torture --folder DIR [--seed N] [--operations N] [--jobs N].

It needs Python's standard library only, so that it can be packed by `python3 -m zipapp` and run on any host.
"""

from __future__ import annotations

import argparse
import random
import sys

from torture.checker import KINDS, Report, Wrong
from torture.runs import run_all

SHARE_LEAST = 0.03


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--folder", required=True, help="a folder of the file system; all happens in new ones below it")
    parser.add_argument("--seed", type=int, help="what is drawn follows from it (default: a new one, which is printed)")
    parser.add_argument("--operations", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes that share them, each in its folder (default: 1)"
    )
    parser.add_argument("--compare-every", type=int, default=10_000, help="whole comparisons (default: %(default)s)")
    parser.add_argument("--deadline-s", type=float, default=float("inf"), help="longer is a failure (default: none)")
    return parser.parse_args(words)


def told(report: Report) -> str:
    """A run in a few lines."""
    least = min(KINDS, key=report.share)
    return (
        f"seed {report.seed}: {report.total} operations of {len(KINDS)} kinds in {report.took_s:.1f} s, "
        f"{report.refused.total()} refused as they must be, {report.unknown} unknown; "
        f"{report.comparisons} whole comparisons; the slowest took {report.slowest_s:.3f} s; "
        f"the rarest kind is {least.__name__} with {100 * report.share(least):.2f} %"
    )


def main(words: list[str]) -> int:
    """0 where all was right, 1 with the reason on stderr where not; then the folder is left as it is."""
    given = parse(words)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    try:
        report = run_all(given.folder, seed, given.operations, given.jobs, given.compare_every, given.deadline_s)
    except Wrong as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    sys.stdout.write(told(report) + "\n")
    rare = [kind.__name__ for kind in KINDS if report.share(kind) < SHARE_LEAST]
    if rare and given.operations >= 100 * len(KINDS) * given.jobs:
        sys.stderr.write(f"less than {SHARE_LEAST:.0%} of the operations: {', '.join(rare)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
