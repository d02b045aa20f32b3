"""What killed DPDK processes leave on a host: hugepage files that pin pages, runtime folders, memif sockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.hosts.script import run_script

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote

RUN_PREFIX = "dporch-"
"""Start of every `--file-prefix` that this tool gives; files of other prefixes are never touched."""

RUNTIME = "/var/run/dpdk"


@dataclass(frozen=True)
class Stale:
    """Paths that were removed, and the pids that hold a file prefix of ours (0: a process that cannot be seen)."""

    removed: tuple[str, ...]
    held: dict[str, tuple[int, ...]]


def look_and_clean(
    remote: Remote,
    memif_dirs: Sequence[str],
    *,
    prefix: str = RUN_PREFIX,
    runtime: str = RUNTIME,
    hugetlbfs: Sequence[str] | None = None,
) -> Stale:
    """Remove what nobody holds, of file prefixes that begin with `prefix` and of sockets in `memif_dirs`.

    `hugetlbfs`: mounts to look in; all of the host where it is None. Raises CommandFailed and what the Remote raises.
    """
    answer = run_script(
        remote,
        "stale",
        {
            "prefix": prefix,
            "runtime": runtime,
            "hugetlbfs": None if hugetlbfs is None else list(hugetlbfs),
            "memif": list(memif_dirs),
        },
    )
    return Stale(tuple(answer["removed"]), {name: tuple(pids) for name, pids in answer["held"].items()})


def clean_stale(remote: Remote, memif_dirs: Sequence[str]) -> list[str]:
    """Remove the left-overs of our killed runs that nobody holds; return their paths."""
    return list(look_and_clean(remote, memif_dirs).removed)
