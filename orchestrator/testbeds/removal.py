"""Taking a testbed down, whole or half made, and removing what an inventory no longer has."""

from __future__ import annotations

import ctypes
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import TestbedError
from orchestrator.testbeds import hosts, processes
from orchestrator.testbeds.host_init import MNT_DETACH, mount_points
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.processes import read_identity
from orchestrator.testbeds.state import State
from orchestrator.testbeds.topology import Topology, interface_prefix, topology


@dataclass(frozen=True)
class DownReport:
    """What was removed."""

    name: str
    hosts: tuple[str, ...]
    interfaces: tuple[str, ...]
    mounts: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def anything(self) -> bool:
        """Whether there was something to remove."""
        return bool(self.hosts or self.interfaces or self.mounts or self.folders)


def remove(folders: Folders, *, forget: bool) -> DownReport:
    """Remove a testbed by what is found of it, state or no state. Raises TestbedError."""
    name = folders.testbed
    prefix = interface_prefix(name)
    interfaces = sorted(entry.name for entry in Path("/sys/class/net").iterdir() if entry.name.startswith(prefix))
    ended = _end_hosts(folders)  # which takes their interfaces along, sooner or later; below is sooner
    for interface in interfaces:
        hosts.delete_interface(interface)
    mounts = []
    while str(folders.links) in mount_points("self"):
        _unmount(folders.links)
        mounts.append(str(folders.links))
    removed = []
    for folder in (folders.run, folders.persistent) if forget else (folders.run,):
        if folder.exists():
            _refuse_mounts(folder)
            shutil.rmtree(folder)
            removed.append(str(folder))
    return DownReport(name, ended, tuple(interfaces), tuple(mounts), tuple(removed))


def drop_unwanted(known: State, wanted: Topology, folders: Folders) -> None:
    """End hosts and delete interfaces that the testbed had and the new inventory has not. Raises TestbedError."""
    before = topology(known.inventory)
    staying = {host.name for host in wanted.hosts}
    for host in before.hosts:
        if host.name not in staying:
            processes.end_all(processes.marked(before.name, host.name))
            hosts.delete_interface(host.interface)
            if folders.host(host.name).exists():
                shutil.rmtree(folders.host(host.name))
            continue
        process = read_identity(folders.host(host.name) / "init.json", f"{before.name}/{host.name}")
        names = {name for port in before.ports(host.name) for name in port.names}
        names -= {name for port in wanted.ports(host.name) for name in port.names}
        if process is not None and names:
            hosts.delete_in_host(process, host.name, sorted(names))


def _end_hosts(folders: Folders) -> tuple[str, ...]:
    """End every process that carries the testbed's mark, first of all those that are just making a host."""
    found = processes.marked(folders.testbed)
    names = {mark.partition("/")[2] for process in found if (mark := processes.mark_of(process.pid))}
    processes.end_all(process for process in found if not processes.in_own_namespace(process.pid))
    processes.end_all(processes.marked(folders.testbed))
    return tuple(sorted(names))


def _unmount(path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(str(path).encode(), 0) and libc.umount2(str(path).encode(), MNT_DETACH):
        number = ctypes.get_errno()
        raise TestbedError(f"cannot unmount {path}: {os.strerror(number)}", remedy=f"see who uses it: fuser -vm {path}")


def _refuse_mounts(folder: Path) -> None:
    """A folder that something is mounted in is not deleted: that could be anything."""
    inside = [point for point in mount_points("self") if Path(point).is_relative_to(folder)]
    if inside:
        raise TestbedError(
            f"something is mounted at {', '.join(sorted(inside))}, so {folder} is left there",
            remedy=f"run: umount {' '.join(sorted(inside))}, then invoke testbed-down again",
        )
