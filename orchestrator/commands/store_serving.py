"""The processes of a mounted store on their hosts: started, watched, stopped, and everything removed after them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.apps.paths import run_folder, scratch
from orchestrator.apps.process import PlannedProcess
from orchestrator.commands.session import Session
from orchestrator.errors import CommandFailed, HostUnreachable, OrchestratorError
from orchestrator.hosts.scratch import make_folders, remove_folders
from orchestrator.remote.process import describe
from orchestrator.remote.protocol import ExitStatus, ProcessSpec, Supervised
from orchestrator.scenarios.store_session import MountedAt, StorePlan

READY_S = 15.0
BEYOND_S = 120.0
"""The hosts end the processes by themselves so long after the lease is over, if the keeper has not."""

# Says `made` where there was no folder. A mount hides what is in a folder, and one on another is nobody's wish.
TAKE_MOUNT_POINT = """\\
set -eu
if [ ! -e "$1" ]; then
    mkdir -p -- "$1"
    echo made
    exit
fi
[ -d "$1" ] || { echo "$1 is no folder" >&2; exit 1; }
! grep -qF " $1 " /proc/self/mounts || { echo "something is mounted at $1" >&2; exit 1; }
[ -z "$(ls -A -- "$1")" ] || { echo "$1 is not empty" >&2; exit 1; }
"""
UNMOUNT = """\\
while grep -qF " $1 " /proc/self/mounts; do
    umount -l -- "$1" || exit
done
"""


@dataclass
class Serving:
    """A store's processes. `made` are the mount points that were made for it."""

    hosts: Session
    run_id: str
    plan: StorePlan
    lease_s: float
    started: dict[str, Supervised] = field(default_factory=dict)
    made: list[MountedAt] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start the server and then the relays; each is ready when it serves.

        Raises CommandFailed (a mount point cannot be used), what `Supervised.wait_ready` raises, HostUnreachable.
        """
        for mount in self.plan.mounts:
            self._take(mount)
        for process in self.plan.processes:
            make_folders(self.hosts.remotes[process.host], self._scratch(process))
        if not self.plan.server.folders:
            make_folders(self.hosts.remotes[self.plan.server.host], [self.plan.backing])
        for process in self.plan.processes:
            self.begin(process)

    def begin(self, process: PlannedProcess, suffix: str = "") -> None:
        """Start one process and wait until it serves; with `suffix` its logs are its own."""
        left_s = self.lease_s - (time.monotonic() - self.begun)
        spec = ProcessSpec(
            name=f"{process.name}{suffix}",
            argv=process.argv,
            directory=self._own(process),
            run_id=self.run_id,
            cpus=process.cpus,
            ready_timeout_s=READY_S,
            deadline_s=left_s + BEYOND_S,
        )
        self.started[process.name] = self.hosts.remotes[process.host].start(spec)
        self.started[process.name].wait_ready()

    def ended(self) -> Iterator[tuple[PlannedProcess, ExitStatus]]:
        """The processes that have ended, in the order of the plan. Raises HostUnreachable where a host is lost."""
        for process in self.plan.processes:
            status = self.started[process.name].poll()
            if status is not None and status.reason == "lost":
                raise HostUnreachable(status.detail or "connection lost", host=process.host)
            if status is not None:
                yield process, status

    def unmount(self, process: PlannedProcess) -> None:
        """Take the mount of a relay that has ended away, if it is still there: who waits on it gets an error."""
        mount = next(mount for mount in self.plan.mounts if mount.process == process.name)
        self.hosts.remotes[mount.host].run(["sh", "-s", "--", mount.path], stdin=UNMOUNT)

    def stop(self) -> list[OrchestratorError]:
        """Stop the relays, then the server, and remove what was made for them; what of that failed, if anything."""
        faults: list[OrchestratorError] = []
        for process in reversed(self.plan.processes):
            try:
                self._end(process)
            except OrchestratorError as error:
                faults.append(error)
        for host, remote in self.hosts.remotes.items():
            try:
                for mount in self.made:
                    if mount.host == host:
                        remote.run(["rmdir", "--", mount.path], check=False)
                for process in self.plan.processes:
                    if process.host == host:
                        remove_folders(remote, self._scratch(process))
                remote.run(["rm", "-rf", "--", run_folder(self.hosts.inventory.host(host), self.run_id)])
            except OrchestratorError as error:
                faults.append(error)
        return faults

    def _end(self, process: PlannedProcess) -> None:
        if process.name not in self.started:
            return
        was = self.started[process.name].poll()
        status = self.started[process.name].stop()
        if process is not self.plan.server:
            self.unmount(process)
        if was is None and status.exit_code != 0:
            what = f"did not stop cleanly: it {describe(status)}"
            raise CommandFailed(what, host=process.host, process=process.name)

    def _take(self, mount: MountedAt) -> None:
        done = self.hosts.remotes[mount.host].run(["sh", "-s", "--", mount.path], stdin=TAKE_MOUNT_POINT, check=False)
        if done.exit_code != 0:
            what = f"cannot mount there: {done.stderr.strip()}"
            raise CommandFailed(what, host=mount.host, remedy="name an empty folder, or one to be made, with --at")
        if done.stdout.strip() == "made":
            self.made.append(mount)

    def _own(self, process: PlannedProcess) -> str:
        return f"{run_folder(self.hosts.inventory.host(process.host), self.run_id)}/store"

    def _scratch(self, process: PlannedProcess) -> list[str]:
        return scratch(self._own(process), process.folders)
