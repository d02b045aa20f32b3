"""How anything on a host is changed: probe, journal, apply, verify; and put back from the journal.

    probe ---- already as wanted ----> nothing is written
      |
    journal.begin (controller and host, fsynced)
      |
    apply --- superseded --> journal.done, probe again
      |
    journal.applied
      |
    verify -- superseded --> revert --> journal.done, probe again
      |--- fails -------> revert --> journal.done --> the error

A setting never keeps what it changed in memory only: `revert` works from the journalled `Change` alone, in another
process and after any crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from orchestrator.errors import HostSettingError, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.hosts.journal import Journal
    from orchestrator.remote.protocol import Remote

JsonObject = dict[str, JsonValue]

SETUP_HUGEPAGES = "setup-hugepages"
BIND_NICS = "bind-nics"
RUN_OWNER_PREFIX = "run:"


class Change(BaseModel):
    """One change of one setting of one kernel, as it stands in the journal.

    `kind` selects the code that puts it back, `setting` is the name shown to users (`hugepages 2M`), `host` is the
    host through which it was written, `kernel` the boot_id it was written to: after a reboot there is nothing to put
    back. `owner` is `setup-hugepages`, `bind-nics`, or `run:<run id>`. `data` holds the prior value and whatever else
    `revert` needs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: str
    kind: str
    host: str
    kernel: str
    owner: str
    data: JsonObject


@dataclass(frozen=True)
class OpenChange:
    """A change that was begun and is not yet put back.

    `applied` is False when the controller ended between the journal entry and the confirmation of the write: the
    change may then have been made, partly made, or not made.
    """

    id: str
    change: Change
    applied: bool
    begun_utc: str
    in_own_copy: bool = False
    """Whether the journal on the host that is now called like the changed one knows of it: it is the same machine."""


@dataclass(frozen=True)
class Reverted:
    """How a change was put back. `remaining` is the new `data` of a change that could be put back only in part (its
    `note` says why and what helps); None when nothing of it is left.
    """

    note: str
    remaining: JsonObject | None = None


Revert = Callable[["Remote", OpenChange], Reverted]
"""Puts a change back, on a kernel that has not rebooted since. Idempotent. Raises HostSettingError."""


class Superseded(Exception):
    """Somebody else changed what was probed (nothing was written), or at once what was written: probe again."""


class SettingUnchanged(HostSettingError):
    """The setting could not be made, and stands as it did before: there is nothing to put back."""


class Setting(Protocol):
    """One setting of a host and the value that is wanted."""

    @property
    def name(self) -> str:
        """What users call it, for example `hugepages 2M`."""

    @property
    def kind(self) -> str:
        """Key of its `revert` in the mapping given to `restore`, for example `hugepages`."""

    def probe(self, remote: Remote) -> JsonObject | None:
        """What stands now and what is to be changed, as it will be journalled; None when nothing is to be changed.

        Raises HostSettingError where the setting cannot or must not be made (nothing was written).
        """

    def apply(self, remote: Remote, data: JsonObject) -> JsonObject:
        """Write. Returns `data` with what was really changed.

        Raises Superseded or SettingUnchanged (nothing is left written), HostSettingError (`revert` follows).
        """

    def verify(self, remote: Remote, data: JsonObject) -> None:
        """Read the setting back. Raises HostSettingError if it is not as wanted, Superseded to have it tried again."""

    def revert(self, remote: Remote, change: OpenChange) -> Reverted:
        """Put a change of this kind back. Needs nothing but the change, and is what `restore` calls."""


def make(
    setting: Setting, remote: Remote, journal: Journal, *, kernel: str, owner: str, attempts: int = 8
) -> Change | None:
    """Bring a setting about, journalled; return the change, or None when it was already as wanted.

    `kernel` is the boot_id of the host. What a failed attempt had written is put back before its error is raised.
    Raises HostSettingError, and what the Remote raises (the change then stays open in the journal, for `restore`).
    """
    for _ in range(attempts):
        data = setting.probe(remote)
        if data is None:
            return None
        change = Change(
            setting=setting.name, kind=setting.kind, host=remote.host, kernel=kernel, owner=owner, data=data
        )
        change_id = journal.begin(change)
        written = False
        try:
            data = setting.apply(remote, data)
            written = True
            journal.applied(change_id, data)
            setting.verify(remote, data)
        except Superseded:
            if written:
                settle(journal, journal.open_change(change_id), setting.revert(remote, journal.open_change(change_id)))
            else:
                journal.done(change_id)
            continue
        except SettingUnchanged as error:
            journal.done(change_id, note=f"not made: {error.what}")
            raise
        except HostSettingError as error:
            _give_back(setting, remote, journal, journal.open_change(change_id), error)
            raise
        return change.model_copy(update={"data": data})
    raise HostSettingError(
        f"{setting.name}: somebody else keeps changing it ({attempts} attempts)",
        host=remote.host,
        remedy="end the other program that sets it, then try again",
    )


def _give_back(setting: Setting, remote: Remote, journal: Journal, change: OpenChange, cause: HostSettingError) -> None:
    """Put back what a failed attempt wrote. Raises HostSettingError with both causes if that fails as well."""
    try:
        reverted = setting.revert(remote, change)
    except OrchestratorError as error:
        raise HostSettingError(
            f"{cause.what}; and putting it back failed: {error.what}", host=cause.host, remedy="run `invoke restore`"
        ) from cause
    settle(journal, change, reverted)


def settle(journal: Journal, change: OpenChange, reverted: Reverted) -> None:
    """Write into the journal how a change was put back: done, or what is left of it."""
    if reverted.remaining is None:
        journal.done(change.id, note=reverted.note)
    else:
        journal.applied(change.id, reverted.remaining)


Reverters = Mapping[str, Revert]
"""Kind of setting -> how it is put back."""
