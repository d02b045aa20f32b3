"""Where a testbed keeps its things on this machine: volatile ones under /run, persistent ones under /var/lib."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
HOST_MARK = "DPDK_ORCHESTRATOR_HOST"
"""Environment variable of a host's processes: `<testbed>/<host>`."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for, on this machine and in hosts; a user's own PATH may lack the sbin folders."""
RUN = Path("/run/dpdk-orchestrator")
PERSISTENT = Path("/var/lib/dpdk-orchestrator")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Folders:
    """The places of one testbed. Raises UsageError for a name that is none (it becomes part of paths)."""

    testbed: str
    run_root: Path = RUN
    persistent_root: Path = PERSISTENT

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.testbed):
            raise UsageError(
                f"{self.testbed!r} is no name of a testbed", remedy="use lower-case letters, digits and hyphens"
            )

    @property
    def run(self) -> Path:
        """Volatile state of the testbed; only root may look."""
        return self.run_root / "testbeds" / self.testbed

    @property
    def persistent(self) -> Path:
        """What stays when the testbed goes down."""
        return self.persistent_root / "testbeds" / self.testbed

    @property
    def locks(self) -> Path:
        """Locks of all testbeds."""
        return self.run_root / "locks"

    @property
    def state(self) -> Path:
        """The testbed's state file."""
        return self.run / "state.json"

    @property
    def links(self) -> Path:
        """The tmpfs with one folder per memif link."""
        return self.run / "links"

    @property
    def keys(self) -> Path:
        """SSH keys and known_hosts."""
        return self.persistent / "keys"

    def link(self, name: str) -> Path:
        """The folder of a memif link."""
        return self.links / name

    def host(self, name: str) -> Path:
        """Volatile things of a host: plan.json, init.json, log, and the place where its root is mounted first."""
        return self.run / "hosts" / name

    def home(self, host: str) -> Path:
        """What the host has as /root."""
        return self.persistent / "hosts" / host / "home"

    def workdir(self, host: str) -> Path:
        """What the host has as its workdir."""
        return self.persistent / "hosts" / host / "workdir"
