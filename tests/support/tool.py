"""The tool as users run it: a process in a session of its own, followed by what it writes while it runs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from orchestrator.commands.checkout import RESULTS_VARIABLE, ROOT

TOOL = (sys.executable, "-m", "invoke", "--search-root", str(ROOT))
STEP_S = 40.0
"""For a step that takes a few seconds on a machine that does nothing else."""
POLL_S = 0.005


def eventually(happened: Callable[[], object], within_s: float, what: str) -> float:
    """Look until `happened()` is true; the seconds it took. Fails, saying what did not happen, after `within_s`."""
    begin = time.monotonic()
    while not happened():
        if time.monotonic() - begin > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - begin


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that says why it failed; fails if there is a traceback or anything but one line at the end."""
        assert "Traceback" not in self.stderr, self.stderr
        lines = self.stderr.rstrip("\n").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
        assert starts == [len(lines) - 1], self.stderr
        return lines[-1].removeprefix("error: ")


class Tool:
    """One command of the tool while it runs."""

    def __init__(self, *arguments: str, results: Path) -> None:
        environment = {**os.environ, RESULTS_VARIABLE: str(results), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            [*TOOL, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._changed = threading.Condition()
        self._text = {"stdout": "", "stderr": ""}
        self._threads = [
            threading.Thread(target=self._follow, args=(name, stream), daemon=True)
            for name, stream in (("stdout", self.process.stdout), ("stderr", self.process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Tool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it if a test left it running."""
        if self.running:
            self.kill()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def stderr(self) -> str:
        """What it wrote so far."""
        return self._text["stderr"]

    def wait_for(self, pattern: str, within_s: float = STEP_S) -> re.Match[str]:
        """Wait until a line on stderr matches; the match. Fails when the command ended without it."""
        compiled = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + within_s
        with self._changed:
            while (match := compiled.search(self.stderr)) is None:
                assert self._threads[1].is_alive(), f"ended without {pattern!r}: {self._text}"
                assert time.monotonic() < deadline, f"no {pattern!r} within {within_s:g} s: {self._text}"
                self._changed.wait(0.05)
        return match

    def until(self, happened: Callable[[], object], what: str) -> None:
        """Look until `happened()` is true; fails when the command ended without it."""

        seen = False

        def look() -> bool:
            nonlocal seen
            running = self.running  # asked first: what it did last is seen by the look after that
            seen = bool(happened())
            return seen or not running

        eventually(look, STEP_S, f"{what}: {self._text}")
        assert seen, f"ended without {what}: {self._text}"

    @property
    def run_id(self) -> str:
        """The run's name, which it says first."""
        return self.wait_for(r"^run ([0-9a-f]{8}):").group(1)

    def wait(self, within_s: float = STEP_S) -> Ended:
        """Wait for its end. Fails, and kills it, if that takes longer."""
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {within_s:g} s: {self._text}") from None
        for thread in self._threads:
            thread.join(5.0)
        return Ended(code, self._text["stdout"], self._text["stderr"])

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to all of its process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL to all of its process group, and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def _follow(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            with self._changed:
                self._text[name] += line
                self._changed.notify_all()


def run_tool(*arguments: str, results: Path, within_s: float = STEP_S) -> Ended:
    """Run a command of the tool to its end."""
    with Tool(*arguments, results=results) as tool:
        return tool.wait(within_s)


@contextlib.contextmanager
def killed_at_end(*pids: int) -> Iterator[None]:
    """Make sure that processes which a test stopped do not stay."""
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
