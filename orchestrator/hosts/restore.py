"""Putting back whatever the journal says was changed, however the last run ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import HostSettingError, OrchestratorError
from orchestrator.hosts.kernel import LOCK_FOLDER, kernel_lock, read_boot_ids
from orchestrator.hosts.parallel import in_parallel, raise_all, verdicts
from orchestrator.hosts.settings import OpenChange, Reverters, settle
from orchestrator.hosts.stale import clean_stale
from orchestrator.remote.fleet import each

if TYPE_CHECKING:
    from orchestrator.hosts.journal import Journal
    from orchestrator.remote.protocol import Remote


CLEAR_DEADLINE_S = 40.0

Clear = Callable[["Remote"], Sequence[str]]


def clear_stale(remote: Remote) -> list[str]:
    """Remove hugepage files and runtime folders of our killed runs that nobody holds."""
    return clean_stale(remote, [])


@dataclass(frozen=True)
class Restored:
    """One change that was looked at. `note` says what was done, for users; `open` that something of it is left."""

    host: str
    owner: str
    note: str
    open: bool = False


@dataclass(frozen=True)
class RestoreReport:
    """What `restore` did. `failures` holds one error per host, kernel or change that could not be put back."""

    restored: tuple[Restored, ...]
    failures: tuple[OrchestratorError, ...]

    def check(self) -> None:
        """Raise an error that names everything that could not be put back, if there is any."""
        raise_all({str(number): error for number, error in enumerate(self.failures)})


def restore(
    remotes: Mapping[str, Remote],
    journal: Journal,
    reverters: Reverters,
    *,
    only_owner: str | None = None,
    clear: Clear = clear_stale,
    lock_folder: Path = LOCK_FOLDER,
) -> RestoreReport:
    """Put back every open change (of `only_owner`), the newest first, all kernels in parallel. Idempotent.

    Works from the controller's copy of the journal or from those of the hosts. A change of a kernel that has rebooted
    since is only noted: the reboot has put it back (that it is the same machine, its own copy of the journal shows).
    Files of killed runs pin pages, so `clear` removes those that nobody holds on every host first. A change whose host
    is not there any more is put back through another host of the same kernel. Nothing is raised for a host that
    fails: the others are put back, and the report names it.
    """
    found = journal.open_changes()
    failures: list[OrchestratorError] = list(found.unread.values())
    for half in found.half_done:
        _note_done(journal, half, "", failures)
    changes = [change for change in found.changes if only_owner in (None, change.change.owner)]
    if not changes:
        return RestoreReport((), tuple(failures))

    reachable = {host: remote for host, remote in remotes.items() if host not in found.unread}
    kernels, unreachable = read_boot_ids(reachable)
    failures.extend(unreachable.values())
    cleared, uncleared = verdicts(each({host: reachable[host] for host in kernels}, clear, deadline_s=CLEAR_DEADLINE_S))
    failures.extend(uncleared.values())
    restored = [
        Restored(host, "", f"{len(paths)} files left by DPDK processes removed")
        for host, paths in cleared.items()
        if paths
    ]
    kernels = {host: kernel for host, kernel in kernels.items() if host in cleared}
    work: dict[str, list[tuple[OpenChange, Remote]]] = {}
    for change in reversed(changes):
        host = change.change.host
        through = _way_to(change, kernels)
        if through is not None:
            work.setdefault(change.change.kernel, []).append((change, remotes[through]))
        elif host in kernels and change.in_own_copy:
            note = f"{change.change.setting}: the kernel has rebooted since, nothing to put back"
            _note_done(journal, change, note, failures)
            restored.append(Restored(host, change.change.owner, note))
        elif host in kernels:
            failures.append(
                HostSettingError(
                    f"{change.change.setting} was changed at {change.begun_utc} on another machine: this one has "
                    "another kernel, and its journal knows nothing of it",
                    host=host,
                    remedy=f"restore with the inventory that has that machine; if it is gone for good, take change "
                    f"{change.id} out of {journal.path}",
                )
            )
        elif host not in found.unread and host not in unreachable and host not in uncleared:
            failures.append(
                HostSettingError(
                    f"{change.change.setting} was changed at {change.begun_utc}, and no host of that kernel is left",
                    host=host,
                    remedy="bring the testbed up, or restore with the inventory that has the host",
                )
            )

    def put_back(kernel: str) -> tuple[list[Restored], list[OrchestratorError]]:
        with kernel_lock(kernel, lock_folder):
            return _put_back(work[kernel], journal, reverters)

    results, errors = in_parallel({kernel: partial(put_back, kernel) for kernel in work})
    for notes, failed in results.values():
        restored.extend(notes)
        failures.extend(failed)
    return RestoreReport(tuple(restored), (*failures, *errors.values()))


def _way_to(change: OpenChange, kernels: Mapping[str, str]) -> str | None:
    """A host that runs on the change's kernel, the change's own before any other; None if there is none."""
    if kernels.get(change.change.host) == change.change.kernel:
        return change.change.host
    return next((host for host, kernel in kernels.items() if kernel == change.change.kernel), None)


def _put_back(
    work: list[tuple[OpenChange, Remote]], journal: Journal, reverters: Reverters
) -> tuple[list[Restored], list[OrchestratorError]]:
    restored: list[Restored] = []
    failures: list[OrchestratorError] = []
    for change, remote in work:
        revert = reverters.get(change.change.kind)
        if revert is None:
            failures.append(
                HostSettingError(
                    f"{change.change.setting}: this version cannot put back changes of kind {change.change.kind!r}",
                    host=change.change.host,
                    remedy="run `invoke restore` of the version that made the change",
                )
            )
            continue
        try:
            reverted = revert(remote, change)
            settle(journal, change, reverted)
        except OrchestratorError as error:
            failures.append(error)
            continue
        left = reverted.remaining is not None
        restored.append(Restored(remote.host, change.change.owner, reverted.note, open=left))
        if left:
            failures.append(HostSettingError(reverted.note, host=remote.host))
    return restored, failures


def _note_done(journal: Journal, change: OpenChange, note: str, failures: list[OrchestratorError]) -> None:
    try:
        journal.done(change.id, note)
    except OrchestratorError as error:
        failures.append(error)
