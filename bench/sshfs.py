"""sshfs between two hosts of a testbed, over their data link: the peer that the store is compared with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench import fio
from bench.bed import Bed
from bench.paired import Block
from orchestrator.errors import CommandFailed, DeadlineExceeded
from orchestrator.inventory.addresses import kernel_address, link_of, peer_of
from orchestrator.inventory.model import NicRef
from orchestrator.remote.protocol import Supervised
from orchestrator.testbeds import ssh_server
from orchestrator.testbeds.paths import Folders

MOUNTED_WITHIN_S = 20.0
SYNCHRONOUS = ("direct_io", "sshfs_sync")
"""Each read and write crosses the network, and its answer is waited for."""
ASYNCHRONOUS = ("direct_io",)
"""sshfs's way unless told otherwise: a write returns before its answer, which close() waits for."""


@dataclass(frozen=True)
class Ends:
    """Who mounts whose folder over which NIC of his, and the CPUs of either side."""

    client: NicRef
    client_cpus: tuple[int, ...]
    server_cpus: tuple[int, ...]

    @property
    def probe(self) -> tuple[int, int]:
        """The two CPUs between which the work goes to and fro."""
        return self.client_cpus[0], self.server_cpus[0]


@contextlib.contextmanager
def mounted(hosts: Bed, ends: Ends, how: tuple[str, ...]) -> Iterator[str]:
    """A folder of the peer, mounted at the client: its path there.

    The peer runs one more sshd, with its own key, on its end of the link alone. The client knows that key beforehand
    and has the testbed's. Raises CommandFailed or DeadlineExceeded naming the host.
    """
    inventory = hosts.hosts.inventory
    server = peer_of(inventory, ends.client)
    address = str(kernel_address(inventory, server).ip)
    served = hosts.folder(server.host, "served")
    place = hosts.folder(ends.client.host, "mounted")
    client = hosts.hosts.remotes[ends.client.host]
    hosts.hosts.remotes[server.host].run(["mkdir", "-p", served])
    client.run(["mkdir", "-p", place])
    with contextlib.ExitStack() as undo:
        undo.callback(_start_server(hosts, server.host, address, ends.server_cpus).stop)
        options = ",".join((*how, *_identity(hosts, ends.client.host, server.host, address), "dir_cache=no"))
        argv = ("sshfs", "-f", "-o", options, f"root@{address}:{served}", place)
        undo.callback(client.run, ["sh", "-c", '! mountpoint -q "$1" || umount -l "$1"', "sh", place])
        relay = hosts.start(ends.client.host, "sshfs", argv, ends.client_cpus, ready="")
        undo.callback(relay.stop)
        _wait_mounted(hosts, relay, ends.client.host, place)
        yield place


def block(hosts: Bed, ends: Ends, folder: str, operation: str) -> Block:
    """fio's single 4 KiB operations on a mounted folder, with the probes around them: one side of a pair."""
    before = hosts.probe_ns(ends.client.host, ends.probe)
    p50_us = fio.p50_us(hosts, ends.client.host, f"{folder}/data", operation, ends.client_cpus[0])
    return Block(p50_us, before, hosts.probe_ns(ends.client.host, ends.probe))


def over_link(hosts: Bed, name: str, client: str, client_cpus: tuple[int, ...], server_cpus: tuple[int, ...]) -> Ends:
    """The ends for a link of the inventory, by its name."""
    (link,) = (link for link in hosts.hosts.inventory.links if link.name == name)
    (nic,) = (end for end in link.ends if end.host == client)
    assert link_of(hosts.hosts.inventory, nic) == link
    return Ends(nic, client_cpus, server_cpus)


def _start_server(hosts: Bed, host: str, address: str, cpus: tuple[int, ...]) -> Supervised:
    """The host's sshd once more, with the same keys, on another address. It says on stderr that it listens."""
    script = (
        'sed -e "/^ListenAddress/d" -e "/^PidFile/d" /etc/ssh/sshd_config >sshd_config; '
        'exec /usr/sbin/sshd -D -e -f "$PWD/sshd_config" -o PidFile=none -o "ListenAddress=$1" 2>&1'
    )
    return hosts.start(host, "sshd", ("sh", "-c", script, "sh", address), cpus, ready="Server")


def _identity(hosts: Bed, client: str, server: str, address: str) -> tuple[str, ...]:
    """Options of ssh by which the client shows the testbed's key and takes that host's key and no other."""
    assert hosts.hosts.inventory.testbed is not None
    folders = Folders(hosts.hosts.inventory.testbed.name)
    public = ssh_server.host_key(folders, server).with_suffix(".pub").read_text(encoding="ascii").split()
    place = hosts.folder(client, "identity")
    remote = hosts.hosts.remotes[client]
    remote.put(ssh_server.client_key(folders).read_bytes(), f"{place}/key", mode=0o600)
    remote.put(f"{address} {public[0]} {public[1]}\n".encode("ascii"), f"{place}/known_hosts")
    return (
        f"IdentityFile={place}/key", "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={place}/known_hosts", "GlobalKnownHostsFile=/dev/null",
    )  # fmt: skip


def _wait_mounted(hosts: Bed, relay: Supervised, host: str, place: str) -> None:
    """sshfs in the foreground does not say when it serves."""
    end = time.monotonic() + MOUNTED_WITHIN_S
    while hosts.hosts.remotes[host].run(["mountpoint", "-q", place], check=False).exit_code != 0:
        ended = relay.poll()
        if ended is not None:
            raise CommandFailed(ended.stderr_tail.strip() or "ended at once", host=host, process="sshfs")
        if time.monotonic() > end:
            raise DeadlineExceeded(f"mounted nothing within {MOUNTED_WITHIN_S:g} s", host=host, process="sshfs")
        time.sleep(0.05)
