"""One host with NICs on a made-up bus, and how a test binds them and gives them back."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_pci import FakePci
from support.local_remote import LocalRemote

from orchestrator.errors import HostSettingError
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.nics import bind_nics, unbind_nics
from orchestrator.inventory.model import Host, Inventory, Nic, Ssh

PORT0, PORT1, SSH_CARD = "0000:3b:00.0", "0000:3b:00.1", "0000:5e:00.0"


def a_host(tmp_path: Path, *nics: Nic) -> Host:
    named = nics or (Nic(name="p0", pci=PORT0, role="dpdk", address="198.18.9.1/30"),)
    return Host(name="beta", ssh=Ssh(address="192.0.2.12"), cores=(1,), nics=named, workdir=tmp_path / "work")


class Lab:
    """One host with its bus, inventory and journal."""

    def __init__(self, tmp_path: Path, pci: FakePci, host: Host) -> None:
        self.pci, self.host = pci, host
        self.remotes = {host.name: LocalRemote(host.name)}
        self.inventory = Inventory(hosts=(host,))
        self.journal = Journal.of(tmp_path / "journal.jsonl", self.inventory, self.remotes)
        self.locks = tmp_path / "locks"

    def bind(self) -> list[tuple[str, str, bool]]:
        bound = bind_nics(
            self.remotes, self.inventory, journal=self.journal, tools=self.pci.tools, lock_folder=self.locks
        )
        return [(nic.bdf, nic.prior, nic.changed) for nic in bound]

    def unbind(self) -> list[str]:
        report = unbind_nics(self.remotes, self.journal, lock_folder=self.locks)
        report.check()
        return [entry.note for entry in report.restored]

    def open(self) -> list[str]:
        return [change.change.setting for change in self.journal.open_changes().changes]

    def refusal(self) -> HostSettingError:
        """The error of a refused binding; nothing may have been written or journalled."""
        before = self.writes()
        with pytest.raises(HostSettingError) as caught:
            self.bind()
        assert self.writes() == before
        assert self.open() == []
        assert caught.value.host == "beta"
        assert caught.value.remedy
        return caught.value

    def writes(self) -> list[tuple[str, str]]:
        return [(self.pci.driver_of(nic.pci), self.pci.override_of(nic.pci))
                for nic in self.host.nics if nic.pci and (self.pci.bus / "devices" / nic.pci).exists()]  # fmt: skip
