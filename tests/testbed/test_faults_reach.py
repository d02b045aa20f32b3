"""Hosts that cannot be entered, as an inventory of existing hosts describes them: one line each, and nothing done."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.run_bed import Bed

from orchestrator.commands.checkout import inventory_named
from orchestrator.testbeds import namespaces

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Door:
    """How a host is entered."""

    address: str
    port: int
    key: Path
    known_hosts: Path


def doors(bed: Bed) -> dict[str, Door]:
    """Those of the testbed."""
    found = {}
    for host in namespaces.resolve(inventory_named(str(bed.inventory))).hosts:
        assert host.ssh is not None
        assert host.ssh.key is not None
        assert host.ssh.known_hosts is not None
        found[host.name] = Door(host.ssh.address, host.ssh.port, host.ssh.key, host.ssh.known_hosts)
    return found


def plain_inventory(path: Path, entries: dict[str, Door], pages: int = 64) -> Path:
    """Two hosts that exist already, joined by a wire."""
    lines = ["schema: 1", "roles: {generator: alpha, sut: beta}", "hosts:"]
    for number, (name, door) in enumerate(entries.items()):
        lines += [
            f"  - name: {name}",
            f"    ssh: {{address: {door.address}, port: {door.port}, user: root,",
            f"      key: {door.key}, known_hosts: {door.known_hosts}}}",
            f"    cores: {number}",
            f"    hugepages: {{size: 2M, pages: {pages}}}",
            "    nics:",
            f"      - {{name: data0, interface: data0, role: both, address: 198.19.0.{number + 1}/24}}",
        ]
    lines += ["links:", "  - {name: wire0, kind: wire, ends: [alpha.data0, beta.data0]}"]
    path.write_text("\n".join(lines) + "\n")
    return path


def new_key(folder: Path) -> Path:
    """A key that no host knows."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def test_hosts_that_exist_already_are_run_on_as_well(bed: Bed, tmp_path: Path) -> None:
    inventory = plain_inventory(tmp_path / "plain.yml", doors(bed))
    ended = bed.run("transport=tcp-poll", "link=wire", "processes=1", "window_s=0.3", inventory=inventory)
    assert ended.code == 0, ended.stderr
    assert "tcp-poll over wire" in ended.stdout
    bed.settled()


def test_a_host_that_cannot_be_entered_is_named_with_the_reason(bed: Bed, tmp_path: Path) -> None:
    entries = doors(bed)
    other = new_key(tmp_path)
    text = entries["beta"].known_hosts.read_text()
    name = entries["beta"].address
    kind, offered = next(line.split()[1:3] for line in text.splitlines() if line.startswith(name))
    wrong = (tmp_path / "key.pub").read_text().split()[1]
    changed, unknown = tmp_path / "changed", tmp_path / "unknown"
    assert kind == "ssh-ed25519"
    changed.write_text(text.replace(offered, wrong))
    unknown.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith(name)))
    closed = entries["beta"].port + 1
    cases = {
        "refuses connections": replace(entries["beta"], port=closed),
        "does not accept the key": replace(entries["beta"], key=other),
        "has CHANGED": replace(entries["beta"], known_hosts=changed),
        "is unknown": replace(entries["beta"], known_hosts=unknown),
    }
    for said, door in cases.items():
        inventory = plain_inventory(tmp_path / "plain.yml", {**entries, "beta": door})
        ended = bed.run("link=wire", "processes=1", "window_s=0.3", inventory=inventory)
        assert ended.code == 3, (said, ended.stderr)
        assert ended.error.startswith("beta: "), ended.error
        assert said in ended.error
        assert " - " in ended.error  # what to do about it
        assert not bed.strangers()
        assert bed.open_changes() == []


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port of loopback that neither takes nor refuses connections: its queue is full, so SYNs are dropped."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_host_that_answers_nothing_is_given_up_in_time(bed: Bed, tmp_path: Path) -> None:
    entries = doors(bed)
    with silent_port() as port:
        silent = replace(entries["beta"], address="127.0.0.1", port=port)
        inventory = plain_inventory(tmp_path / "plain.yml", {**entries, "beta": silent})
        begin = time.monotonic()
        ended = bed.run("link=wire", "processes=1", "window_s=0.3", inventory=inventory)
        seconds = time.monotonic() - begin
    assert ended.code == 3, ended.stderr
    assert ended.error.startswith("beta: "), ended.error
    assert "did not answer within" in ended.error
    assert seconds < 15
    assert not bed.strangers()  # alpha, which was reached, was let go
    assert bed.open_changes() == []
