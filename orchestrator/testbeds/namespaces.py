"""Testbeds of hosts made of namespaces on this machine: up, resolve, down, status.

A host is a process 1 of ours in mount, PID, UTS, IPC and network namespaces that nothing else holds, so that its end
is the end of everything in it. What is made for it outside (the machine's end of its management link, the file
system of the memif links, the state) is found again by names that follow from the testbed's name.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from orchestrator.errors import HostBusy, TestbedError
from orchestrator.inventory.model import Inventory, Ssh
from orchestrator.testbeds import leases, locks, management, root_plan, ssh_server, users
from orchestrator.testbeds import state as states
from orchestrator.testbeds.mending import Mending
from orchestrator.testbeds.paths import RUN, Folders
from orchestrator.testbeds.removal import DownReport, drop_unwanted, remove
from orchestrator.testbeds.requirements import require_programs, require_root
from orchestrator.testbeds.state import State
from orchestrator.testbeds.status import TestbedStatus, describe
from orchestrator.testbeds.survey import look, missing
from orchestrator.testbeds.topology import Topology, topology

LOCK_S = 30.0

Plans = dict[str, dict[str, Any]]


def up(inventory: Inventory, *, made_by: str = "user") -> Inventory:
    """Make the testbed of an inventory, or mend what is missing of it; the inventory with every host's `ssh`.

    Raises UsageError (not root, an inventory that cannot be made), HostBusy (another controller is at it, or a run
    is on hosts that would be changed), TestbedError (with the host, the end of its log, and what to do).
    """
    with changing(Folders(topology(inventory).name), made_by):
        return up_locked(inventory, made_by)


def up_locked(inventory: Inventory, made_by: str) -> Inventory:
    """`up` for who holds the testbed's lock (`changing`) already."""
    testbed = topology(inventory)
    require_root()
    require_programs()
    folders = Folders(testbed.name)
    ssh_server.make_keys(folders, (host.name for host in testbed.hosts))
    known = states.load(folders)
    wanted = states.without_ssh(inventory)
    if known is None:
        leases.refuse_if_held(folders, "made anew")
        remove(folders, forget=False)  # of another boot, or of a state that got lost: nothing can be told of it
    elif known.inventory != wanted:
        _refuse_if_used(folders, "changed to another inventory")
        drop_unwanted(known, testbed, folders)
    state = _state(known, wanted, testbed, folders, made_by)
    plans = _plans(testbed, state, folders)
    view = look(testbed, state, folders, plans)
    findings = missing(testbed, state, view, plans)
    if findings:
        leases.refuse_if_held(folders, "mended")
        Mending(testbed, state, folders, plans, view, findings).run()
        left = missing(testbed, state, look(testbed, state, folders, plans), plans)
        if left:
            raise TestbedError(
                f"testbed {testbed.name} is not whole: {'; '.join(map(str, left))}",
                remedy=f"see the logs in {folders.run}/hosts, or run invoke testbed-down and invoke testbed-up",
            )
    return _with_ssh(inventory, state, folders)


def resolve(inventory: Inventory) -> Inventory:
    """The inventory with the SSH endpoints of its testbed, which must be up; nothing is changed.

    Raises UsageError, or TestbedError saying what is missing of the testbed.
    """
    testbed = topology(inventory)
    require_root()
    folders = Folders(testbed.name)
    state = states.load(folders)
    remedy = "run: invoke testbed-up"
    if state is None:
        raise TestbedError(f"testbed {testbed.name} is not up", remedy=remedy)
    if state.inventory != states.without_ssh(inventory):
        raise TestbedError(f"testbed {testbed.name} was made from another inventory", remedy=remedy)
    plans = _plans(testbed, state, folders)
    left = missing(testbed, state, look(testbed, state, folders, plans), plans)
    if left:
        raise TestbedError(f"testbed {testbed.name} is not whole: {'; '.join(map(str, left))}", remedy=remedy)
    return _with_ssh(inventory, state, folders)


def down(name: str, *, forget: bool = False) -> DownReport:
    """End a testbed and remove everything that it has on this machine but for its disks and keys.

    With `forget` these go too. A testbed that is not there, or only half made, is no error. Raises UsageError (not
    root, no such name possible), HostBusy (also while a command uses it), TestbedError.
    """
    folders = Folders(name)
    require_root()
    with changing(folders, "testbed-down"):
        _refuse_if_used(folders, "taken down")
        report = remove(folders, forget=forget)
        users.forget(folders)
        return report


def status(name: str) -> TestbedStatus:
    """What there is of a testbed and what is missing. Raises UsageError, TestbedError if there is no such testbed."""
    folders = Folders(name)
    require_root()
    state = states.load(folders)
    if state is None:
        known = ", ".join(names()) or "none"
        raise TestbedError(f"testbed {name} is not up", remedy=f"run: invoke testbed-up (up are: {known})")
    testbed = topology(state.inventory)
    return describe(testbed, state, folders, _plans(testbed, state, folders))


def names() -> list[str]:
    """The testbeds that exist on this machine, whole or not."""
    root = RUN / "testbeds"
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []


def changing(folders: Folders, owner: str) -> AbstractContextManager[None]:
    """Hold the lock of a testbed, under which alone it is made, mended and taken down. Raises UsageError, HostBusy."""
    require_root()
    lock = folders.locks / f"testbed-{folders.testbed}.lock"
    return locks.held(lock, owner, what=f"testbed {folders.testbed}", wait_s=LOCK_S)


def _refuse_if_used(folders: Folders, what: str) -> None:
    """Raise HostBusy where a run is on the hosts, or a command that has not come to its lease yet."""
    leases.refuse_if_held(folders, what)
    if users.anyone(folders):
        raise HostBusy(
            f"testbed {folders.testbed} is not {what}: another command uses it", remedy="wait for that one to end"
        )


def _state(known: State | None, wanted: Inventory, testbed: Topology, folders: Folders, made_by: str) -> State:
    """The state as it is to be, on disk before anything is made. Networks that hosts have already stay theirs.

    A person who asks for a testbed takes it over from a command that made it for itself.
    """
    if known is not None and states.PERSON == made_by != known.made_by:
        known = known.owned_by(made_by)
        states.save(folders, known)
    if known is not None and known.inventory == wanted:
        return known
    with locks.held(folders.locks / "addresses.lock", made_by, what="the address plan", wait_s=LOCK_S):
        kept = known.management if known is not None else {}
        used = [*management.used_networks(folders), *kept.values()]
        networks = {}
        for host in testbed.hosts:
            networks[host.name] = kept.get(host.name) or management.choose(testbed.name, host.name, used)
            used.append(networks[host.name])
        state = State(known.made_by if known is not None else made_by, wanted, networks)
        states.save(folders, state)
    return state


def _plans(testbed: Topology, state: State, folders: Folders) -> Plans:
    addresses = {host.name: state.address(host.name) for host in testbed.hosts}
    hosts_file = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in addresses.items())
    return {
        host.name: root_plan.host_plan(
            testbed,
            host,
            folders,
            {"/etc/hosts": (hosts_file, 0o644), **ssh_server.server_files(folders, host.name, addresses[host.name])},
        )
        for host in testbed.hosts
    }


def _with_ssh(inventory: Inventory, state: State, folders: Folders) -> Inventory:
    ssh_server.write_known_hosts(folders, {host.name: state.address(host.name) for host in inventory.hosts})
    resolved = tuple(
        host.model_copy(
            update={
                "ssh": Ssh(
                    address=str(state.address(host.name)),
                    port=ssh_server.PORT,
                    user="root",
                    key=ssh_server.client_key(folders),
                    known_hosts=ssh_server.known_hosts(folders),
                )
            }
        )
        for host in inventory.hosts
    )
    return inventory.model_copy(update={"hosts": resolved})
