"""A Remote that runs everything on this machine by subprocess: for tests of scripts against made-up file trees.

It needs no agent, so nothing to start or close; what an agent does is tested with `orchestrator.remote.local`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import CommandFailed, DeadlineExceeded
from orchestrator.remote.protocol import Completed, ProcessSpec, Supervised

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""That of a host's sshd, not that of the tests' own environment."""


class LocalRemote:
    """`host` is only a name. `runs` counts commands."""

    def __init__(self, host: str = "here") -> None:
        self._host = host
        self.runs = 0

    @property
    def host(self) -> str:
        return self._host

    def connect(self) -> None:
        """There is nothing to connect to."""

    def hold(self, run_id: str, owner: str, remedy: str = "") -> None:
        """One test has this host."""

    def release(self) -> None:
        """See `hold`."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        timeout_s: float = 30.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Completed:
        self.runs += 1
        started = time.monotonic()
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
                cwd=cwd,
                env={**os.environ, "LC_ALL": "C", "PATH": PATH, **(env or {})},
            )
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceeded(f"{argv[0]} took more than {timeout_s} s", host=self.host) from error
        if check and done.returncode:
            tail = " | ".join(done.stderr.strip().splitlines()[-3:])
            raise CommandFailed(f"{argv[0]} ended with status {done.returncode}: {tail}", host=self.host)
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    def put(self, local: Path | bytes, remote: str, *, mode: int = 0o644) -> None:
        target = Path(remote)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(local if isinstance(local, bytes) else local.read_bytes())
        target.chmod(mode)

    def get(self, remote: str, local: Path) -> None:
        local.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(remote, local)
        except OSError as error:
            raise CommandFailed(f"{remote}: {error.strerror}", host=self.host) from error

    def get_tree(self, remote: str, local: Path) -> None:
        shutil.copytree(remote, local, dirs_exist_ok=True)

    def start(self, spec: ProcessSpec) -> Supervised:
        raise NotImplementedError("tests of supervised processes use a real Remote")

    def quiet(self, seconds: float) -> None:
        """Nothing is sent anyway."""

    def close(self) -> None:
        """Nothing is open."""
