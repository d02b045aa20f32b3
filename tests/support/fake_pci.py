"""A made-up PCI bus in a folder, with a thread that does what the kernel does when sysfs is written to.

`driver_override` is a plain file. `unbind`, `bind` and `drivers_probe` are pipes that the thread reads: it moves the
`driver` links and the interfaces. Without the thread (`kernel()` not entered) a write changes nothing, as when a
driver refuses a card.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.hosts.nics import HostTools


@dataclass
class FakeInterface:
    """An interface as it is whenever its card's own driver has the card."""

    name: str
    mac: str = "02:00:00:00:00:01"
    up: bool = True
    state: str = "up"
    speed: str = "25000"
    mtu: str = "1500"
    addresses: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()


@dataclass
class FakePci:
    """The bus of one machine under `root`. `refuses`: drivers that probe no card. `settle_s`: see `HostTools`."""

    root: Path
    refuses: set[str] = field(default_factory=set)
    settle_s: float = 10.0

    def __post_init__(self) -> None:
        self._home: dict[str, str] = {}
        self._interfaces: dict[str, list[FakeInterface]] = {}
        self._addresses: dict[str, tuple[str, ...]] = {"lo": ("127.0.0.1/8",)}
        for folder in ("sys/bus/pci/devices", "sys/bus/pci/drivers", "sys/class/net", "proc/self/net", "proc/self/ns"):
            (self.root / folder).mkdir(parents=True)
        for folder in ("proc/2/ns", "proc/sys/net/core", "bin"):
            (self.root / folder).mkdir(parents=True)
        os.mkfifo(self.bus / "drivers_probe")
        self.network_namespace("net:[4026531840]")
        (self.root / "proc/sys/net/core/netdev_max_backlog").write_text("1000\n")
        (self.root / "proc/2/comm").write_text("kthreadd\n")
        (self.root / "proc/2/ns/net").symlink_to("net:[4026531840]")
        self.interface(FakeInterface("lo", mac="00:00:00:00:00:00", state="unknown", speed=""))
        self.program("modprobe", 'for last; do :; done; [ -e "$here/modules/$last" ] && echo "insmod $last"')
        self.program("ethtool", 'cat "$here/ethtool-$2"')
        self.program("ip", 'echo "$*" >> "$here/ip.log"; cat "$here/ip-$(echo "$*" | tr " /" "__")"')
        self.answer("ip", "-j -4 route show default table all", [])
        self.addresses()

    @property
    def bus(self) -> Path:
        return self.root / "sys/bus/pci"

    @property
    def tools(self) -> HostTools:
        folder = self.root / "bin"
        return HostTools(
            str(self.root), str(folder / "ip"), str(folder / "ethtool"), str(folder / "modprobe"), self.settle_s
        )

    def network_namespace(self, name: str) -> None:
        """The namespace in which the facts are read."""
        link = self.root / "proc/self/ns/net"
        link.unlink(missing_ok=True)
        link.symlink_to(name)

    def leave_initial_namespace(self) -> None:
        """Be a host made of namespaces: own network and PID namespace, the machine's bus."""
        self.network_namespace("net:[4026532177]")
        (self.root / "proc/sys/net/core/netdev_max_backlog").unlink()
        (self.root / "proc/2/comm").write_text("sshd\n")

    def program(self, name: str, body: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\n{body}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def answer(self, program: str, arguments: str, value: object) -> None:
        """What `ip` answers."""
        name = arguments.replace(" ", "_").replace("/", "_")
        (self.root / "bin" / f"{program}-{name}").write_text(json.dumps(value))

    def accept(self, arguments: str) -> None:
        """Let `ip` do this, and say nothing."""
        self.answer("ip", arguments, [])

    def driver(self, name: str) -> Path:
        folder = self.bus / "drivers" / name
        if not folder.is_dir():
            folder.mkdir()
            for file in ("bind", "unbind"):
                os.mkfifo(folder / file)
        return folder

    def module(self, name: str) -> None:
        """Let `modprobe` find a module."""
        (self.root / "bin/modules").mkdir(exist_ok=True)
        (self.root / "bin/modules" / name).touch()

    def card(
        self, bdf: str, *, driver: str = "ixgbe", vendor: str = "0x8086", group: str = "12", kind: str = "0x020000",
        interfaces: tuple[FakeInterface, ...] = (),
    ) -> Path:  # fmt: skip
        """Put in a card that `driver` has (empty: none)."""
        folder = self.root / "sys/devices/pci0000:00" / bdf
        folder.mkdir(parents=True)
        (self.bus / "devices" / bdf).symlink_to(folder)
        files = {"vendor": vendor, "device": "0x10fb", "class": kind, "numa_node": "1", "driver_override": "(null)"}
        for name, text in files.items():
            (folder / name).write_text(f"{text}\n")
        if group:
            members = self.root / "sys/kernel/iommu_groups" / group / "devices"
            members.mkdir(parents=True, exist_ok=True)
            (folder / "iommu_group").symlink_to(members.parent)
        self._home[bdf] = driver
        self._interfaces[bdf] = list(interfaces)
        if driver:
            self.attach(bdf, driver)
        return folder

    def interface(self, interface: FakeInterface, card: Path | None = None) -> None:
        place = (card / "net" if card else self.root / "sys/devices/virtual/net") / interface.name
        place.mkdir(parents=True)
        flags = "0x1003" if interface.up else "0x1002"
        files = {"address": interface.mac, "flags": flags, "operstate": interface.state, "speed": interface.speed}
        for name, text in {**files, "mtu": interface.mtu}.items():
            (place / name).write_text(f"{text}\n")
        (self.root / "sys/class/net" / interface.name).symlink_to(place)
        for name in interface.upper:
            (place / f"upper_{name}").symlink_to(f"../{name}")
            upper = self.root / "sys/class/net" / name
            if upper.is_dir():
                (upper / f"lower_{interface.name}").symlink_to(place)
        self._addresses[interface.name] = interface.addresses
        (self.root / "bin" / f"ethtool-{interface.name}").write_text(
            "driver: ixgbe\nversion: 6.1.0\nfirmware-version: 0x800007f5, 17.5.10\nbus-info: x\n"
        )
        self.addresses()

    def addresses(self) -> None:
        answer: list[dict[str, Any]] = []
        for name, addresses in self._addresses.items():
            entries = [
                {"local": text.partition("/")[0], "prefixlen": int(text.partition("/")[2]), "scope": "global"}
                for text in addresses
            ]
            answer.append({"ifname": name, "addr_info": [*entries, {"local": "fe80::1", "scope": "link"}]})
        self.answer("ip", "-j address show", answer)

    def ssh_connection(self, local: str, peer: str = "192.0.2.99") -> None:
        """Be started by sshd, two processes up, for a connection to `local`."""
        (self.root / "proc/self/status").write_text("Name:\tpython3\nPPid:\t70\n")
        (self.root / "proc/self/environ").write_bytes(b"LC_ALL=C\0")
        (self.root / "proc/70").mkdir(exist_ok=True)
        (self.root / "proc/70/status").write_text("Name:\tagent\nPPid:\t0\n")
        (self.root / "proc/70/environ").write_bytes(f"HOME=/\0SSH_CONNECTION={peer} 50000 {local} 22\0".encode())
        self.answer("ip", f"-j route get {peer}", [])

    def attach(self, bdf: str, driver: str) -> None:
        folder = self.bus / "devices" / bdf
        (folder / "driver").symlink_to(self.driver(driver))
        if driver == self._home[bdf]:
            for interface in self._interfaces[bdf]:
                self.interface(interface, folder.resolve())

    def detach(self, bdf: str) -> None:
        folder = (self.bus / "devices" / bdf).resolve()
        (folder / "driver").unlink()
        for interface in self._interfaces[bdf]:
            (self.root / "sys/class/net" / interface.name).unlink(missing_ok=True)
            self._addresses.pop(interface.name, None)
        shutil.rmtree(folder / "net", ignore_errors=True)
        self.addresses()

    def driver_of(self, bdf: str) -> str:
        link = self.bus / "devices" / bdf / "driver"
        return link.readlink().name if link.is_symlink() else ""

    def override_of(self, bdf: str) -> str:
        return (self.bus / "devices" / bdf / "driver_override").read_text().strip()

    @contextlib.contextmanager
    def kernel(self) -> Iterator[None]:
        """React to what is written to the pipes, until the end of the block."""
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            stop, stopper = os.pipe()
            stack.callback(os.close, stop)
            selector.register(stop, selectors.EVENT_READ, None)
            for path in (self.bus / "drivers_probe", *self.bus.glob("drivers/*/*bind")):
                # Also opened for writing, so that writers find a reader at once and the end of one is no end of file.
                descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
                stack.callback(os.close, descriptor)
                selector.register(descriptor, selectors.EVENT_READ, path)
            thread = threading.Thread(target=self._react, args=(selector,))
            thread.start()
            try:
                yield
            finally:
                os.close(stopper)
                thread.join(timeout=10)

    def _react(self, selector: selectors.BaseSelector) -> None:
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    return
                bdf = os.read(key.fd, 100).decode().strip()
                if key.data.name == "unbind":
                    self.detach(bdf)
                elif key.data.name == "bind":
                    self._try(bdf, key.data.parent.name)
                else:
                    override = self.override_of(bdf)
                    self._try(bdf, self._home[bdf] if override in {"", "(null)"} else override)

    def _try(self, bdf: str, driver: str) -> None:
        if driver and driver not in self.refuses and not self.driver_of(bdf):
            self.attach(bdf, driver)
