"""Find processes by the run id in their environment, and end them by pid file descriptor.

Argument: {"variable", "run": run id or null for any, "end": bool, "grace_s"}. Answer: {"processes": [{"pid", "run",
"command", "ended": "" | "TERM" | "KILL" | "no"}]}. This script and its ancestors are never among them, nor are
processes of another PID namespace: a testbed on this host is a set of hosts of its own, with leases of their own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any

KILL_WAIT_S = 2.0


def run_of(pid: int, variable: str) -> str | None:
    """The run id in a process's environment; None if there is none, or no such process."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == variable.encode():
            return value.decode(errors="replace")
    return None


def status_of(pid: int) -> tuple[int, str, int] | None:
    """Parent, state and start time (clock ticks since boot) of a process; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return int(words[1]), words[0], int(words[19])


def own_line() -> set[int]:
    """This process and its ancestors."""
    line = {os.getpid()}
    pid = os.getpid()
    while pid > 1:
        status = status_of(pid)
        if status is None:
            break
        pid = status[0]
        line.add(pid)
    return line


def command_of(pid: int) -> str:
    """The command line of a process, cut to 200 characters."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    except OSError:
        return ""


def same_host(pid: int) -> bool:
    """Whether a process lives in this script's own PID namespace."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    except OSError:  # it has ended
        return False


def find(variable: str, run: str | None) -> list[dict[str, Any]]:
    """Living processes of a run, or of any run."""
    spared = own_line()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in spared:
            continue
        pid = int(name)
        value = run_of(pid, variable)
        status = status_of(pid)
        if value is None or (run is not None and value != run) or status is None or status[1] in "ZX":
            continue
        if not same_host(pid):
            continue
        found.append({"pid": pid, "run": value, "command": command_of(pid), "started": status[2], "ended": ""})
    return sorted(found, key=lambda process: process["pid"])


def end(processes: list[dict[str, Any]], variable: str, grace_s: float) -> None:
    """TERM to all, KILL to those that are still there after the grace; sets `ended` of each."""
    open_ones: dict[int, dict[str, Any]] = {}
    for process in processes:
        process["ended"] = "TERM"
        try:
            descriptor = os.pidfd_open(process["pid"])
        except ProcessLookupError:
            continue
        # From here on the descriptor stands for one process; that it is the one that was found is checked once more.
        status = status_of(process["pid"])
        if status is None or status[2] != process["started"] or run_of(process["pid"], variable) != process["run"]:
            os.close(descriptor)
            continue
        open_ones[descriptor] = process
        send(descriptor, signal.SIGTERM)
    wait(open_ones, grace_s)
    for descriptor, process in open_ones.items():
        process["ended"] = "KILL"
        send(descriptor, signal.SIGKILL)
    wait(open_ones, KILL_WAIT_S)
    for process in open_ones.values():
        process["ended"] = "no"


def send(descriptor: int, number: signal.Signals) -> None:
    """A signal to the process behind a descriptor, if it is still there."""
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return


def wait(open_ones: dict[int, dict[str, Any]], seconds: float) -> None:
    """Wait until all have ended or the time is over; close and drop those that have ended."""
    poll = select.poll()
    for descriptor in open_ones:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + seconds
    while open_ones:
        ready = poll.poll(max(0, int((deadline - time.monotonic()) * 1000)))
        if not ready:
            return
        for descriptor, _ in ready:
            poll.unregister(descriptor)
            os.close(descriptor)
            del open_ones[descriptor]


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Find, and end if asked to; see the top of this file."""
    processes = find(arguments["variable"], arguments["run"])
    if arguments["end"]:
        end(processes, arguments["variable"], arguments["grace_s"])
    return {"processes": [{key: process[key] for key in ("pid", "run", "command", "ended")} for process in processes]}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
