"""The hosts of an inventory, reached: a testbed brought up where the inventory asks for one, a connection to each host.

The last session on a testbed takes it down again, unless somebody made it or it is to be kept.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.progress import Progress
from orchestrator.commands.signals import interruptible, shielded
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.settings import RUN_OWNER_PREFIX
from orchestrator.inventory.loader import find
from orchestrator.inventory.model import Inventory
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.fleet import CONNECT_DEADLINE_S, close_all, each, values
from orchestrator.remote.protocol import Remote
from orchestrator.testbeds.use import Use

JOURNALS = Path("/var/lib/dpdk-orchestrator/journal")


def new_run_id() -> str:
    """A name for one run: 8 hexadecimal digits."""
    return secrets.token_hex(4)


def owner() -> str:
    """Who runs this controller, for the lease that others see."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


@dataclass
class Session:
    """Reached hosts. `seconds` says what getting there cost, by step."""

    inventory: Inventory
    remotes: Mapping[str, Remote]
    journal: Journal
    seconds: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Add the duration of a step to `seconds`."""
    begin = time.monotonic()
    try:
        yield
    finally:
        seconds[step] = round(seconds.get(step, 0.0) + time.monotonic() - begin, 3)


def journal_path(inventory: Inventory, name: str) -> Path:
    """The controller's copy of the journal: one for each testbed or inventory."""
    if inventory.testbed is not None:
        return JOURNALS / f"{inventory.testbed.name}.jsonl"
    path = find(name, INVENTORIES).resolve()
    if path.parent == INVENTORIES:
        return JOURNALS / f"{path.stem}.jsonl"
    # Files of one name in several folders describe different machines.
    return JOURNALS / f"{path.stem}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}.jsonl"


@contextlib.contextmanager
def session(
    inventory: Inventory,
    name: str,
    *,
    made_by: str,
    keep: bool = False,
    tolerant: bool = False,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Session]:
    """Bring up what is to be brought up, connect to every host, and close and take down in reverse.

    `name` is the inventory's, for its journal. `tolerant` goes on with the hosts that answer (for `restore`); else one
    error names every host that could not be reached. `note` is told what is being waited for. Signals that end a
    program end the block with KeyboardInterrupt; what follows the block is not interrupted.
    """
    seconds: dict[str, float] = {}
    with interruptible(), _undoing() as undo:
        with timed(seconds, "testbed"):
            if inventory.testbed is not None:
                use = Use(inventory, made_by=made_by)
                undo.callback(use.leave, keep=keep, of_run=_run_of(made_by))
                note(f"testbed {inventory.testbed.name}")
                inventory = use.enter()
        remotes: dict[str, Remote] = {host.name: FabricRemote(host) for host in inventory.hosts}
        undo.callback(close_all, dict(remotes))
        note(f"connecting to {', '.join(remotes)}")
        with timed(seconds, "connect"):
            outcomes = each(remotes, lambda remote: remote.connect(), deadline_s=CONNECT_DEADLINE_S)
            if tolerant:
                remotes = {host: remotes[host] for host, outcome in outcomes.items() if outcome.error is None}
            else:
                values(outcomes)
        journal = Journal.of(journal_path(inventory, name), inventory, remotes)
        yield Session(inventory, remotes, journal, seconds)


def _run_of(made_by: str) -> str:
    """The run that a session belongs to; empty for other commands."""
    return made_by.removeprefix(RUN_OWNER_PREFIX) if made_by.startswith(RUN_OWNER_PREFIX) else ""


@contextlib.contextmanager
def _undoing() -> Iterator[contextlib.ExitStack]:
    """An ExitStack that no signal interrupts."""
    undo = contextlib.ExitStack()
    try:
        yield undo
    finally:
        with shielded(Progress().note):
            undo.close()


def hold_all(hosts: Session, run_id: str, *, why: str = "", remedy: str = "") -> None:
    """Take the lease of every host, so that no other controller changes it meanwhile. Raises HostBusy.

    `why` is told to others beside who holds it, and `remedy` what to do where it is not to wait.
    """
    who = f"{owner()} ({why})" if why else owner()
    values(each(hosts.remotes, lambda remote: remote.hold(run_id, who, remedy), deadline_s=10.0))
