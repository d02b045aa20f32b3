"""A testbed for whole runs: its inventory, what of a run is on its hosts, and what a run left on the machine."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.tool import STEP_S, Ended, Tool, eventually, run_tool

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.commands.session import JOURNALS
from orchestrator.hosts.leftovers import RUN_VARIABLE
from orchestrator.testbeds import namespaces
from orchestrator.testbeds.paths import Folders

SMALL = ("transport=dpdk", "link=memif", "processes=1", "window_s=0.3")
"""The smallest run with DPDK processes on both hosts."""
POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


@dataclass(frozen=True)
class Seen:
    """A process on a host, in the machine's numbering."""

    pid: int
    host: str
    command: str


@dataclass(frozen=True)
class Result:
    """What a run left in its folder."""

    root: Path

    @property
    def rows(self) -> list[dict[str, str]]:
        """summary.csv."""
        with (self.root / "summary.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def fates(self) -> list[dict[str, str]]:
        """processes.csv."""
        with (self.root / "processes.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def ledger(self) -> list[dict[str, object]]:
        """Events so far."""
        path = self.root / "ledger.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def events(self, kind: str) -> list[dict[str, object]]:
        """Events of one kind so far."""
        return [event for event in self.ledger if event["event"] == kind]

    @property
    def trials(self) -> list[dict[str, object]]:
        """trial.json of every trial that was stored, by the order in which they ran."""
        found = [json.loads(path.read_text()) for path in self.root.glob("trials/*/trial.json")]
        return sorted(found, key=lambda trial: trial["record"]["index"])


@dataclass(frozen=True)
class Bed:
    """A testbed of namespaces with a name of its own and a folder for results."""

    name: str
    folder: Path

    @property
    def inventory(self) -> Path:
        """The file that describes it."""
        return self.folder / "inventory.yml"

    @property
    def results(self) -> Path:
        """Where its runs leave results."""
        return self.folder / "results"

    @property
    def paths(self) -> Folders:
        """Where the testbed keeps its things."""
        return Folders(self.name)

    @property
    def journal(self) -> Path:
        """The controller's copy of its journal."""
        return JOURNALS / f"{self.name}.jsonl"

    def write_inventory(self, pages: int = 128) -> None:
        """`inventories/local.yml` under this testbed's name, each host with a share of so many pages."""
        text = (INVENTORIES / "local.yml").read_text()
        changed = text.replace("  name: local\n", f"  name: {self.name}\n").replace("pages: 128", f"pages: {pages}")
        assert changed.count(self.name) == 1
        self.folder.mkdir(parents=True, exist_ok=True)
        self.inventory.write_text(changed)

    def tool(self, task: str, *arguments: str, within_s: float = STEP_S) -> Ended:
        """Run a task on this testbed to its end."""
        return run_tool(task, *arguments, "--inventory", str(self.inventory), results=self.results, within_s=within_s)

    def start(
        self,
        *settings: str,
        trials: int = 1,
        inventory: Path | None = None,
        options: tuple[str, ...] = (),
        scenario: str = "smp",
    ) -> Tool:
        """Begin a run."""
        words = [word for setting in settings for word in ("--set", setting)]
        chosen = str(inventory or self.inventory)
        fixed = ("--scenario", scenario, "--trials", str(trials), "--seed", "1", "--inventory", chosen)
        return Tool("run-experiment", "--once", *fixed, *words, *options, results=self.results)

    def run(self, *settings: str, trials: int = 1, inventory: Path | None = None, within_s: float = STEP_S) -> Ended:
        """Do a run of `smp`."""
        with self.start(*settings, trials=trials, inventory=inventory) as tool:
            return tool.wait(within_s)

    def result(self, run_id: str) -> Result:
        """The folder of a run."""
        (root,) = self.results.glob(f"*/*-{run_id}")
        return Result(root)

    def inits(self) -> dict[str, int]:
        """Process 1 of each host that runs."""
        status = namespaces.status(self.name)
        return {host.name: host.init_pid for host in status.hosts if host.init_pid is not None}

    def init(self, host: str) -> int:
        """Process 1 of a host, read from its file: fast enough to follow a run by."""
        return int(json.loads((self.paths.host(host) / "init.json").read_text())["pid"])

    def workdir(self, host: str) -> Path:
        """The host's workdir as the machine sees it."""
        return self.paths.workdir(host)

    def on_host(self, host: str, *argv: str) -> str:
        """Run a command in a host's mount and PID namespaces; what it printed."""
        command = ["nsenter", "-t", str(self.init(host)), "-m", "-p", "--", *argv]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def strangers(self) -> list[Seen]:
        """Every process on the hosts but their own: process 1 and the sshd that it started.

        So the agents, the sshd sessions that carry them, and all processes of runs.
        """
        found = []
        hosts = {host: self.init(host) for host in ("alpha", "beta") if (self.paths.host(host) / "init.json").exists()}
        spaces = {space: host for host, pid in hosts.items() if (space := _pid_namespace(pid))}
        for pid in _pids():
            host = spaces.get(_pid_namespace(pid), "")
            parent = _parent(pid)
            if host and pid != hosts[host] and parent is not None and not (parent == hosts[host] and _is_sshd(pid)):
                found.append(Seen(pid, host, _command(pid)))
        return found

    def of_run(self, run_id: str, program: str = "") -> list[Seen]:
        """Processes on this machine that carry a run's id, whose program ends like this."""
        wanted = f"{RUN_VARIABLE}={run_id}".encode()
        found = []
        for pid in _pids():
            command = _command(pid)
            if command.split(" ")[0].endswith(program) and wanted in _environment(pid) and _parent(pid) is not None:
                found.append(Seen(pid, "", command))
        return found

    def wait_for_process(self, tool: Tool, program: str) -> Seen:
        """Wait until a program of a run is there."""
        run_id = tool.run_id
        found: list[Seen] = []

        def look() -> bool:
            found[:] = self.of_run(run_id, f"/{program}")
            return bool(found)

        tool.until(look, f"{program} of the run")
        return found[0]

    def wait_for_window(self, tool: Tool, host: str = "alpha", process: str = "traffic") -> Path:
        """Wait until the measuring process said that it is ready, after which warm-up and window follow; its trial."""
        folder = self.workdir(host) / "runs" / tool.run_id
        ready: list[Path] = []

        def look() -> bool:
            ready[:] = [path for path in folder.glob(f"*/{process}.stdout") if "@ready" in _text(path)]
            return bool(ready)

        tool.until(lambda: ready or look(), f"{process} ready")
        return ready[0].parent

    def wait_into_window(self, tool: Tool, warmup_s: float, process: str = "traffic") -> Path:
        """Wait until the measuring process, which polls, has measured for a moment; its trial.

        Told by its processor time since it was ready: it has used no more of it than time has gone by.
        """
        folder = self.wait_for_window(tool, process=process)
        pid = self.wait_for_process(tool, process).pid
        wanted = cpu_ticks(pid) + (warmup_s + 0.1) * os.sysconf("SC_CLK_TCK")
        tool.until(lambda: cpu_ticks(pid) >= wanted, f"{process} measuring")
        return folder

    def open_changes(self) -> list[dict[str, object]]:
        """Changes of hosts that the controller's journal calls begun and not done."""
        text = self.journal.read_text() if self.journal.exists() else ""
        events = [json.loads(line) for line in text.splitlines()]
        done = {event["id"] for event in events if event["event"] == "done"}
        return [event["change"] for event in events if event["event"] == "begin" and event["id"] not in done]

    def settled(self) -> None:
        """Fails if anything of a run is left: processes, run folders, hugepage files, changed settings."""
        eventually(lambda: not self.strangers(), 5.0, f"nothing of ours on the hosts: {self.strangers()}")
        assert self.open_changes() == []
        for host in ("alpha", "beta"):
            runs = self.workdir(host) / "runs"
            assert not runs.exists() or list(runs.iterdir()) == []

    def forget(self) -> None:
        """Take it down and remove everything that it has on this machine."""
        namespaces.down(self.name, forget=True)
        self.journal.unlink(missing_ok=True)

    def copy_builds_from(self, other: Bed) -> None:
        """Have the builds of another testbed, which saves building anew."""
        for host in ("alpha", "beta"):
            target = self.workdir(host) / "build"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(other.workdir(host) / "build", target, symlinks=True)


def cpu_ticks(pid: int) -> int:
    """Processor time of a process so far, in clock ticks."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def pool_pages() -> int:
    """Hugepages of 2M that the machine has."""
    return int((POOL / "nr_hugepages").read_text())


def free_pages() -> int:
    """Hugepages of 2M that nobody uses."""
    return int((POOL / "free_hugepages").read_text()) - int((POOL / "resv_hugepages").read_text())


def alone() -> bool:
    """Whether no other testbed may change the machine's hugepages meanwhile."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - often


def _pid_namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115
    except OSError:
        return ""


def _command(pid: int) -> str:
    return _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _environment(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/environ").split(b"\0")


def _parent(pid: int) -> int | None:
    """The parent of a process; None for a zombie and for what is gone."""
    words = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(words[1]) if len(words) > 1 and words[0] not in (b"Z", b"X") else None


def _is_sshd(pid: int) -> bool:
    """Whether this is the sshd that listens: the session's sshd are its children, and carry a user in their title."""
    return b"/usr/sbin/sshd" in _read(f"/proc/{pid}/cmdline")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - often
            return file.read()
    except OSError:
        return b""
