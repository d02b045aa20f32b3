"""Every error that a user is meant to read.

An error carries the fields from which its one line is built (host, process, what happened, remedy) and the exit code
of the command that it ends, so that the command line prints it without knowing its kind.
"""

from __future__ import annotations

from typing import ClassVar


class OrchestratorError(Exception):
    """A failure that is explained to the user in one line and without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, host: str = "", process: str = "", remedy: str = "") -> None:
        self.what = what
        self.host = host
        self.process = process
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.host, self.process) if part)
        line = f"{where}: {self.what}" if where else self.what
        return f"{line} - {self.remedy}" if self.remedy else line


class UsageError(OrchestratorError):
    """What the user typed or wrote (an option, a parameter, an inventory) cannot be used."""

    exit_code = 2


class HostUnreachable(OrchestratorError):
    """A host could not be reached, or its key or ours was not accepted."""

    exit_code = 3


class DeadlineExceeded(OrchestratorError):
    """Something did not happen in time; the message ends with the last lines of the log where there is one."""

    exit_code = 4


class CommandFailed(OrchestratorError):
    """A command or process on a host ended with a non-zero status."""

    exit_code = 5


class HostBusy(OrchestratorError):
    """Another controller holds the lease of the host."""

    exit_code = 6


class HostSettingError(OrchestratorError):
    """A setting of a host could not be made, verified or put back."""

    exit_code = 7


class TestbedError(OrchestratorError):
    """The testbed could not be made, repaired or taken down."""

    __test__ = False  # the name starts with "Test", which is no reason for pytest to collect it
    exit_code = 8


class ExperimentFailed(OrchestratorError):
    """The experiment ended without one trial that measured anything, or was cut short by a fault."""

    exit_code = 9


def as_told(line: str, exit_code: int) -> OrchestratorError:
    """The error that another process of ours ended with, from its line and exit code."""
    kinds = (kind for kind in OrchestratorError.__subclasses__() if kind.exit_code == exit_code)
    return next(kinds, OrchestratorError)(line)
