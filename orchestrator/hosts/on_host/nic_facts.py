"""Read what the kernel says of network cards on PCI, of the interfaces on them, and of the way that SSH takes.

Argument: {"root", "ssh_port", "ip", "ethtool", "modprobe"}: the last three are the programs to ask.
"addresses" and "default_routes" are null where they could not be read.
Answer: {"namespaces", "vfio_module", "devices": [...], "interfaces": {...}, "addresses", "default_routes",
"ssh_local", "ssh_routes", "ethtool"}. Nothing is judged here: see `orchestrator.hosts.pci`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from typing import Any

COMMAND_DEADLINE_S = 5.0
NETWORK_CLASS = "0x02"
ESTABLISHED = "01"


class Facts:
    """What is read, all of it under `root`."""

    def __init__(self, root: str, programs: dict[str, str]) -> None:
        self.root = root
        self.programs = programs

    def path(self, *parts: str) -> str:
        """A path of the kernel's."""
        return os.path.join(self.root, *parts)

    def text(self, *parts: str) -> str:
        """A file's text without white space around it; empty if it cannot be read."""
        try:
            with open(self.path(*parts)) as file:
                return file.read().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def names(self, *parts: str) -> list[str]:
        """The entries of a folder, sorted; none if it is not there."""
        try:
            return sorted(os.listdir(self.path(*parts)))
        except OSError:
            return []

    def link(self, *parts: str) -> str:
        """Where a symbolic link leads, as it is written; empty if there is none."""
        try:
            return os.readlink(self.path(*parts))
        except OSError:
            return ""

    def command(self, name: str, *args: str) -> str | None:
        """What a program of the host prints; None if it is not there or fails."""
        try:
            done = subprocess.run(
                [self.programs[name], *args],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_DEADLINE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    def listed(self, *args: str) -> list[Any] | None:
        """What `ip -j` answers; None if it fails, which is not the same as nothing."""
        answer = self.command("ip", "-j", *args)
        try:
            return list(json.loads(answer)) if answer is not None else None
        except ValueError:
            return None


def namespaces(facts: Facts) -> dict[str, Any]:
    """What tells whether this is the kernel's initial network namespace.

    The kernel shows net.core.netdev_max_backlog in that namespace alone, and kthreadd (PID 2 of the initial PID
    namespace) never leaves it. The inode number of the namespace says nothing: kernels before 6.18 have no fixed one.
    """
    kthreadd = facts.text("proc/2/comm") == "kthreadd"
    return {
        "own": facts.link("proc/self/ns/net"),
        "kthreadd": facts.link("proc/2/ns/net") if kthreadd else "",
        "initial_only_sysctl": os.path.exists(facts.path("proc/sys/net/core/netdev_max_backlog")),
    }


def devices(facts: Facts) -> list[dict[str, Any]]:
    """Every PCI device: network cards with all that is known, others as far as IOMMU groups need them."""
    found = []
    for bdf in facts.names("sys/bus/pci/devices"):
        folder = f"sys/bus/pci/devices/{bdf}"
        entry: dict[str, Any] = {
            "bdf": bdf,
            "class": facts.text(folder, "class"),
            "driver": os.path.basename(facts.link(folder, "driver")),
            "iommu_group": os.path.basename(facts.link(folder, "iommu_group")),
        }
        if entry["class"].startswith(NETWORK_CLASS):
            entry.update(
                vendor=facts.text(folder, "vendor"),
                device=facts.text(folder, "device"),
                driver_override=facts.text(folder, "driver_override"),
                numa_node=facts.text(folder, "numa_node"),
                virtual_functions=facts.text(folder, "sriov_numvfs"),
                interfaces=interfaces_of(facts, folder),
            )
        found.append(entry)
    return found


def interfaces_of(facts: Facts, folder: str) -> list[str]:
    """The interfaces of a device: below it, or below its virtio device."""
    virtio = [name for name in facts.names(folder) if name.startswith("virtio") and name[6:].isdigit()]
    return sorted({name for place in ("", *virtio) for name in facts.names(folder, place, "net")})


def interfaces(facts: Facts) -> dict[str, dict[str, Any]]:
    """Every interface of this network namespace, with those that it is made of and those that are made of it."""
    found = {}
    for name in facts.names("sys/class/net"):
        folder = f"sys/class/net/{name}"
        inside = facts.names(folder)
        if not inside:
            continue  # files such as bonding_masters stand beside the interfaces
        flags = facts.text(folder, "flags")
        found[name] = {
            "mac": facts.text(folder, "address"),
            "up": bool(int(flags, 16) & 1) if flags else False,
            "state": facts.text(folder, "operstate"),
            "speed_mbps": facts.text(folder, "speed"),
            "mtu": facts.text(folder, "mtu"),
            "lower": [entry[6:] for entry in inside if entry.startswith("lower_")],
            "upper": [entry[6:] for entry in inside if entry.startswith("upper_")],
        }
    return found


def ssh_ends(facts: Facts, port: int) -> tuple[list[str], list[str]]:
    """Addresses of this host, and of its peers, of the SSH connection by which this runs and of any other one.

    sshd gives SSH_CONNECTION to what it starts; commands may run without it, but one of their parents has it. Behind
    a port forwarding the port is another one than `port`: hence both ways.
    """
    local, peers = set(), set()
    for value in inherited(facts, "SSH_CONNECTION"):
        parts = value.split()
        if len(parts) == 4:
            peers.add(parts[0].partition("%")[0])
            local.add(parts[2].partition("%")[0])
            port = int(parts[3]) if parts[3].isdigit() else port
    for table in ("tcp", "tcp6"):
        for line in facts.text("proc/self/net", table).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == ESTABLISHED and int(fields[1].rpartition(":")[2], 16) == port:
                local.add(socket_address(fields[1].rpartition(":")[0]))
                peers.add(socket_address(fields[2].rpartition(":")[0]))
    return sorted(local), sorted(peers)


def inherited(facts: Facts, name: str) -> list[str]:
    """Values of an environment variable in this process and its parents."""
    values = []
    pid = "self"
    for _ in range(64):
        try:
            with open(facts.path("proc", pid, "environ"), "rb") as file:
                variables = file.read().split(b"\0")
        except OSError:
            variables = []
        start = name.encode() + b"="
        values += [entry[len(start) :].decode("ascii", "replace") for entry in variables if entry.startswith(start)]
        parent = [line.split()[1] for line in facts.text("proc", pid, "status").splitlines() if line[:5] == "PPid:"]
        if not parent or parent[0] == "0":
            break
        pid = parent[0]
    return values


def socket_address(text: str) -> str:
    """An address of /proc/net/tcp: 32-bit words in the host's byte order (this code runs on that host)."""
    words = [int(text[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def vfio_module(facts: Facts) -> str:
    """`loaded`, `there` (can be loaded) or `missing`."""
    if os.path.isdir(facts.path("sys/bus/pci/drivers/vfio-pci")):
        return "loaded"
    return "there" if facts.command("modprobe", "--dry-run", "--verbose", "vfio-pci") else "missing"


def default_routes(facts: Facts) -> list[Any] | None:
    """Default routes of all tables (policies and VRFs have their own); None if they could not be read."""
    routes = facts.listed("-4", "route", "show", "default", "table", "all")
    if routes is None or not os.path.exists(facts.path("proc/self/net/if_inet6")):
        return routes
    more = facts.listed("-6", "route", "show", "default", "table", "all")
    return None if more is None else routes + more


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Everything; see the top of this file."""
    facts = Facts(arguments["root"], {name: arguments[name] for name in ("ip", "ethtool", "modprobe")})
    cards = devices(facts)
    local, peers = ssh_ends(facts, arguments["ssh_port"])
    return {
        "namespaces": namespaces(facts),
        "vfio_module": vfio_module(facts),
        "devices": cards,
        "interfaces": interfaces(facts),
        "addresses": facts.listed("address", "show"),
        "default_routes": default_routes(facts),
        "ssh_local": local,
        "ssh_routes": [route for peer in peers for route in facts.listed("route", "get", peer) or ()],
        "ethtool": {
            name: facts.command("ethtool", "-i", name) or "" for card in cards for name in card.get("interfaces", ())
        },
    }


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
