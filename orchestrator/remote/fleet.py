"""The same thing on many hosts at once, with a deadline and a verdict for each: none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.errors import DeadlineExceeded, OrchestratorError
from orchestrator.inventory.model import Host, Inventory
from orchestrator.remote.protocol import Remote

T = TypeVar("T")
CONNECT_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What an action came to on one host: a value, or the error that it raised. `seconds` until then."""

    host: str
    seconds: float
    value: T | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether the action ended, and without an error."""
        return self.error is None


def each(remotes: Mapping[str, Remote], action: Callable[[Remote], T], *, deadline_s: float) -> dict[str, Outcome[T]]:
    """Do `action` on every host in parallel; one verdict per host, in the order given.

    A host that is not done after `deadline_s` seconds gets DeadlineExceeded; its thread is left to itself (it is a
    daemon, and the remote must not be used for anything but `close`).
    """
    changed = threading.Condition()
    outcomes: dict[str, Outcome[T]] = {}
    began = time.monotonic()

    def work(name: str, remote: Remote) -> None:
        value, error = None, None
        try:
            value = action(remote)
        except Exception as caught:  # noqa: BLE001 - it is the verdict, raised by `values` or judged by the caller
            error = caught
        with changed:
            outcomes.setdefault(name, Outcome(name, time.monotonic() - began, value, error))
            changed.notify_all()

    for name, remote in remotes.items():
        threading.Thread(target=work, args=(name, remote), name=f"fleet {name}", daemon=True).start()
    with changed:
        changed.wait_for(lambda: len(outcomes) == len(remotes), deadline_s)
        for name in remotes:
            late = DeadlineExceeded(f"not done within {deadline_s:g} s", host=name, remedy="see whether the host hangs")
            outcomes.setdefault(name, Outcome(name, time.monotonic() - began, error=late))
        return {name: outcomes[name] for name in remotes}


def values(outcomes: Mapping[str, Outcome[T]]) -> dict[str, T]:
    """The values of all hosts. If any failed, raises one error that names every host that did.

    Its class is that of the first failure, so that the exit code says what happened. An exception that is no
    OrchestratorError is a fault in the program, and is raised as it is.
    """
    failed = [outcome.error for outcome in outcomes.values() if outcome.error is not None]
    explained = [error for error in failed if isinstance(error, OrchestratorError)]
    for error in failed:
        if error not in explained or len(failed) == 1:
            raise error
    if explained:
        raise type(explained[0])("; ".join(str(error) for error in explained)) from explained[0]
    return {name: outcome.value for name, outcome in outcomes.items()}  # type: ignore[misc]


def connect_all(
    inventory: Inventory, factory: Callable[[Host], Remote], *, deadline_s: float = CONNECT_DEADLINE_S
) -> dict[str, Remote]:
    """A connected Remote for every host of an inventory, by name; all or none.

    Raises what `values` raises, after closing all of them.
    """
    remotes = {host.name: factory(host) for host in inventory.hosts}
    outcomes = each(remotes, lambda remote: remote.connect(), deadline_s=deadline_s)
    try:
        values(outcomes)
    except BaseException:
        close_all(remotes)  # also ends the attempt of one that hangs
        raise
    return remotes


def close_all(remotes: Mapping[str, Remote], *, deadline_s: float = 10.0) -> dict[str, Outcome[None]]:
    """Close every Remote, whatever the others do."""
    return each(remotes, lambda remote: remote.close(), deadline_s=deadline_s)
