"""Collect raw text from a host, in one go: files, links, commands, NICs and hugetlbfs mounts. Nothing is interpreted.

Argument: {"root", "files": [glob], "commands": {name: argv}, "interfaces": [name], "pci": [address],
"mounts": bool}. Answer: {"files": {path: text}, "commands": {name: stdout}, "nics": {name: {...}}, "mounts": [...]};
whatever is not there is left out. Paths in the answer begin with "/" whatever the root is.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from typing import Any

COMMANDS_DEADLINE_S = 5.0
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


def read(path: str) -> str | None:
    """The text of a file of the kernel; None where it is missing or refuses to be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def read_files(root: str, patterns: list[str]) -> dict[str, str]:
    """Texts of all files that match, by their paths below `root`."""
    texts = {}
    for pattern in patterns:
        path = root + pattern
        for match in sorted(glob.glob(path)) if "*" in path or "[" in path else [path]:
            text = read(match)
            if text is not None:
                texts[match[len(root) :]] = text
    return texts


def run_commands(commands: dict[str, list[str]]) -> dict[str, str]:
    """Standard output of each command that ended with status 0; all run at once."""
    running = {}
    for name, argv in commands.items():
        try:
            running[name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
            )
        except OSError:
            continue
    outputs = {}
    for name, process in running.items():
        try:
            text, _ = process.communicate(timeout=COMMANDS_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        if process.returncode == 0:
            outputs[name] = text.decode("utf-8", "replace")
    return outputs


def link_name(path: str) -> str | None:
    """The last part of what a link points to; None where there is no such link."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


def nics(root: str, interfaces: list[str], addresses: list[str]) -> dict[str, dict[str, Any]]:
    """What the kernel knows of interfaces and PCI NICs, by the name under which they were asked for."""
    wanted: dict[str, dict[str, Any]] = {}
    for name in interfaces:
        if os.path.isdir(f"{root}/sys/class/net/{name}"):
            wanted[name] = {"interface": name, "pci": link_name(f"{root}/sys/class/net/{name}/device")}
    for address in addresses:
        folder = f"{root}/sys/bus/pci/devices/{address}"
        if not os.path.isdir(folder):
            continue
        # virtio has a bus of its own between the PCI device and the interface.
        names = sorted(glob.glob(f"{folder}/net/*") + glob.glob(f"{folder}/virtio*/net/*"))
        wanted[address] = {"interface": os.path.basename(names[0]) if names else None, "pci": address}
    commands: dict[str, list[str]] = {}
    for key, nic in wanted.items():
        name = nic["interface"]
        folder = f"{root}/sys/bus/pci/devices/{nic['pci']}"
        nic["pci_driver"] = link_name(f"{folder}/driver")
        nic["node"] = read(f"{folder}/numa_node")
        if name is None:
            continue
        for attribute in ("mtu", "speed", "address", "operstate"):
            nic[attribute] = read(f"{root}/sys/class/net/{name}/{attribute}")
        if root == "":
            commands[f"{key} driver"] = ["ethtool", "-i", name]
            commands[f"{key} features"] = ["ethtool", "-k", name]
            commands[f"{key} coalesce"] = ["ethtool", "-c", name]
            commands[f"{key} qdisc"] = ["tc", "-j", "qdisc", "show", "dev", name]
    for name, text in run_commands(commands).items():
        key, _, what = name.rpartition(" ")
        wanted[key][what] = text
    return wanted


def mounts(root: str) -> list[dict[str, Any]]:
    """Hugetlbfs mounts in their order, with what statfs says; blocks is 0 where the mount has no size of its own."""
    found = []
    for line in (read(f"{root}/proc/self/mounts") or "").splitlines():
        words = line.split(" ")
        if len(words) < 4 or words[2] != "hugetlbfs":
            continue
        path = words[1]
        for escape, character in ESCAPES:
            path = path.replace(escape, character)
        entry: dict[str, Any] = {"path": path, "options": words[3]}
        try:
            share = os.statvfs(root + path)
        except OSError:
            continue
        entry.update({"block": share.f_bsize, "blocks": share.f_blocks, "free": share.f_bfree})
        found.append(entry)
    return found


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Collect everything that was asked for; see the top of this file."""
    root = arguments["root"].rstrip("/")
    return {
        "files": read_files(root, arguments.get("files", [])),
        "commands": run_commands(arguments.get("commands", {})),
        "nics": nics(root, arguments.get("interfaces", []), arguments.get("pci", [])),
        "mounts": mounts(root) if arguments.get("mounts") else [],
    }


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
