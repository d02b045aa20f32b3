"""What holds for all tests: in CI a test that could run here must not be skipped."""

from __future__ import annotations

import os
import re

import pytest

# Reasons (regular expressions) for which CI accepts a skip: what its machine truly has not.
ACCEPTED_IN_CI: tuple[str, ...] = (
    r"^needs \d+ CPUs, this machine has \d+$",
    r"^needs hardware: ",
)


class SkipGuard:
    """Gathers the skips of a session and, in CI, fails it for those that are not accepted."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not any(re.search(pattern, reason) for pattern in ACCEPTED_IN_CI):
            self.refused.append(f"{report.nodeid}: {reason}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.refused:
            terminalreporter.section("skipped, which CI does not accept", red=True)
            for line in self.refused:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        config.pluginmanager.register(SkipGuard(), "skip-guard")
