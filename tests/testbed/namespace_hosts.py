"""What the tests of testbeds look at: hosts over the system's own ssh, and what is left on the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import namespaces
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.processes import marked
from orchestrator.testbeds.topology import interface_prefix

NAMESPACES = ("mnt", "net", "pid", "uts", "ipc")


def ssh_argv(inventory: Inventory, host: str, *options: str) -> list[str]:
    """The system's ssh client, told nothing but what the resolved inventory says."""
    ssh = inventory.host(host).ssh
    assert ssh is not None
    argv = ["ssh", "-F", "none", "-i", str(ssh.key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    argv += ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={ssh.known_hosts}"]
    argv += ["-o", "GlobalKnownHostsFile=none", "-o", "KexAlgorithms=curve25519-sha256", "-o", "ConnectTimeout=5"]
    return [*argv, *options, "-p", str(ssh.port), f"{ssh.user}@{ssh.address}"]


def on(inventory: Inventory, host: str, script: str) -> str:
    """Run a shell script on a host; what it printed."""
    done = subprocess.run(
        [*ssh_argv(inventory, host), "sh -s"], input=script, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_on(inventory: Inventory, host: str, script: str) -> str:
    """Run a Python script on a host with the host's own Python."""
    done = subprocess.run(
        [*ssh_argv(inventory, host), "python3 -"], input=script, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def inits(name: str) -> dict[str, int]:
    """Process 1 of each host, in the machine's numbering."""
    return {host.name: host.init_pid for host in namespaces.status(name).hosts if host.init_pid is not None}


def namespaces_of(pid: int) -> set[str]:
    """The namespaces of a process, as the kernel names them (`net:[4026532281]`)."""
    return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in NAMESPACES}


def namespaces_in_use() -> set[str]:
    """The namespaces that any process on this machine is in."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found |= namespaces_of(int(entry.name))
            except OSError:
                continue
    return found


def left_of(name: str) -> list[str]:
    """What there is on this machine of a testbed but for its disks."""
    folders = Folders(name)
    interfaces = [e.name for e in Path("/sys/class/net").iterdir() if e.name.startswith(interface_prefix(name))]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"/testbeds/{name}/" in line]
    processes = [f"process {process.pid}" for process in marked(name)]
    places = [str(place) for place in (folders.run, *folders.locks.glob(f"testbed-{name}.*")) if place.exists()]
    return interfaces + mounts + processes + places


def machine() -> dict[str, set[str]]:
    """What a testbed must leave as it was. Not looked at is where other programs come and go at the same time."""
    interfaces = {entry.name for entry in Path("/sys/class/net").iterdir()}
    points = {line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return {
        "interfaces": {name for name in interfaces if not name.startswith(("dt", "veth"))},
        "mounts": {point for point in points if not point.startswith(("/run/", "/tmp/"))},
    }
