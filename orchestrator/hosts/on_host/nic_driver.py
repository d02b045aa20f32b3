"""Give one PCI network card to another driver by way of sysfs, or give it back.

Argument: {"action": "bind" | "give_back", "root", "bdf", "ip", "modprobe", "settle_s", ...}.
"settle_s": how long to wait for a driver after a write; some probe in the background, and interfaces come later still.
* bind: "driver" to bind to, and "prior", "prior_override" as read before; nothing is written if they do not stand.
* give_back: "driver" (that which `bind` chose), "prior", "prior_override", and "interfaces" as they were.
Answer: {"driver": the one that has the card now (empty: none), ...}, with "error" where the kernel refused a write,
"superseded", "gone" (no such card), "namespaced", "taken_by" (a driver of somebody else's choice), "users" (processes
that have the card open through VFIO: taking it from them would block until they end).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

STEP_S = 0.02
COMMAND_DEADLINE_S = 10.0


class Card:
    """One PCI device."""

    def __init__(self, root: str, bdf: str, settle_s: float) -> None:
        self.root = root
        self.settle_s = settle_s
        self.bdf = bdf
        self.bus = os.path.join(root, "sys/bus/pci")
        self.folder = os.path.join(self.bus, "devices", bdf)

    def driver(self) -> str:
        """The driver that has the card; empty for none."""
        try:
            return os.path.basename(os.readlink(os.path.join(self.folder, "driver")))
        except OSError:
            return ""

    def override(self) -> str:
        """The driver that alone may have the card; empty for any."""
        with open(os.path.join(self.folder, "driver_override")) as file:
            text = file.read().strip()
        return "" if text == "(null)" else text

    def set_override(self, driver: str) -> None:
        """Choose the driver that alone may have the card; empty for any. Raises OSError."""
        write(os.path.join(self.folder, "driver_override"), f"{driver}\n")

    def release(self) -> None:
        """Take the card from its driver. Raises OSError."""
        if self.driver():
            write(os.path.join(self.folder, "driver", "unbind"), self.bdf)
            self.wait_for("")

    def probe(self, wanted: str) -> None:
        """Let the kernel find a driver for the card. Raises OSError."""
        write(os.path.join(self.bus, "drivers_probe"), self.bdf)
        self.wait_for(wanted)

    def wait_for(self, driver: str) -> None:
        """Wait until `driver` has the card, or the deadline has passed: who calls this reads the driver again."""
        deadline = time.monotonic() + self.settle_s
        while self.driver() != driver and time.monotonic() < deadline:
            time.sleep(STEP_S)

    def interfaces(self) -> list[str]:
        """Names of the card's interfaces."""
        folders = [self.folder]
        folders += [os.path.join(self.folder, name) for name in os.listdir(self.folder) if name.startswith("virtio")]
        found = []
        for folder in folders:
            if os.path.isdir(os.path.join(folder, "net")):
                found += os.listdir(os.path.join(folder, "net"))
        return sorted(found)

    def users(self) -> list[int]:
        """Processes that have the card's VFIO files open."""
        files = set()
        try:
            group = os.path.basename(os.readlink(os.path.join(self.folder, "iommu_group")))
            files |= {f"/dev/vfio/{group}", f"/dev/vfio/noiommu-{group}"}
        except OSError:
            pass  # no IOMMU group, so no file of one
        if os.path.isdir(os.path.join(self.folder, "vfio-dev")):
            files |= {f"/dev/vfio/devices/{name}" for name in os.listdir(os.path.join(self.folder, "vfio-dev"))}
        return [pid for pid in self._pids() if files & self._open_files(pid)] if files else []

    def _pids(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(os.path.join(self.root, "proc")) if name.isdigit())

    def _open_files(self, pid: int) -> set[str]:
        folder = os.path.join(self.root, "proc", str(pid), "fd")
        try:
            return {os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)}
        except OSError:
            return set()  # the process ended meanwhile


def write(path: str, text: str) -> None:
    """One write of a file that must be there already, as sysfs wants it. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)


def run(program: str, *args: str) -> str:
    """Run a program; its last line of stderr if it failed, else nothing."""
    try:
        done = subprocess.run(
            [program, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=COMMAND_DEADLINE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program}: {error}"
    return "" if done.returncode == 0 else f"{program}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}"


def bind(card: Card, arguments: dict[str, Any]) -> dict[str, Any]:
    """Bind the card to another driver; see the top of this file."""
    if (card.driver(), card.override()) != (arguments["prior"], arguments["prior_override"]):
        return {"superseded": True}
    driver = arguments["driver"]
    if not os.path.isdir(os.path.join(card.bus, "drivers", driver)):
        failed = run(arguments["modprobe"], driver)
        if failed:
            return {"unchanged": failed}
    card.set_override(driver)
    card.release()
    card.probe(driver)
    return {}


def give_back(card: Card, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the card back to the driver that it had; see the top of this file. Idempotent."""
    chosen, prior = arguments["driver"], arguments["prior"]
    if card.driver() not in {chosen, prior, ""}:
        if card.override() == chosen:
            card.set_override(arguments["prior_override"])
        return {"taken_by": card.driver()}
    users = card.users() if card.driver() == chosen != prior else []
    if users:
        return {"users": users}
    card.set_override(arguments["prior_override"])
    if card.driver() != prior:
        card.release()
        if prior:
            card.probe(prior)
    if prior and not card.driver():
        # The bus may prefer no driver by itself (the prior one was bound by hand): name it.
        folder = os.path.join(card.bus, "drivers", prior)
        if not os.path.isdir(folder):
            run(arguments["modprobe"], prior)
        write(os.path.join(folder, "bind"), card.bdf)
        card.wait_for(prior)
    if card.driver() != prior:
        return {}
    return {"not_restored": restore_interfaces(card, arguments["interfaces"], arguments["ip"])}


def restore_interfaces(card: Card, wanted: list[dict[str, Any]], ip: str) -> list[str]:
    """Set MTU, addresses and state as they were; return what failed. Interfaces keep their order, not their names."""
    deadline = time.monotonic() + card.settle_s
    while len(card.interfaces()) < len(wanted) and time.monotonic() < deadline:
        time.sleep(STEP_S)
    there = card.interfaces()
    problems = [f"interface {entry['name']} did not come back" for entry in wanted[len(there) :]]
    for entry, name in zip(wanted, there):  # noqa: B905 - Python 3.9 has no strict, and the rest was named above
        commands = [["link", "set", "dev", name, "mtu", str(entry["mtu"])]] if entry["mtu"] else []
        commands += [["address", "replace", address, "dev", name] for address in entry["addresses"]]
        commands += [["link", "set", "dev", name, "up"]] if entry["up"] else []
        problems += [failed for failed in (run(ip, *command) for command in commands) if failed]
    return problems


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Do the action and return the answer; see the top of this file."""
    card = Card(arguments["root"], arguments["bdf"], arguments["settle_s"])
    if not os.path.exists(os.path.join(arguments["root"], "proc/sys/net/core/netdev_max_backlog")):
        # Not the kernel's initial network namespace: the card is the real machine's. No caller may get past this.
        return {"namespaced": True, "driver": card.driver()}
    if not os.path.isdir(card.folder):
        return {"gone": True, "driver": ""}
    try:
        answer = bind(card, arguments) if arguments["action"] == "bind" else give_back(card, arguments)
    except OSError as error:
        answer = {"error": f"{error.filename or 'a write to sysfs'}: {error.strerror}"}
    return {**answer, "driver": card.driver()}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
