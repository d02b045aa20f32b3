"""The processes of a store that is mounted to work in: one server, and a relay on each host that mounts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestrator.apps.process import PlannedProcess
from orchestrator.apps.store_params import BackingParams, Cache, Durability, FaultParams, StoreMountParams
from orchestrator.errors import UsageError
from orchestrator.inventory.model import Host, Inventory
from orchestrator.scenarios.base import TrialContext
from orchestrator.scenarios.cables import driver_label, role_host
from orchestrator.scenarios.store_programs import Way, find_way, fresh_backing, network_process, server_process

DEADLINE_MS = 5000
"""After which an application that waits for a server which is gone gets an error."""
LINKS = {"dpdk": ("memif", "veth", "wire"), "tcp": ("veth", "wire"), "tcp-poll": ("veth", "wire")}
"""By transport, the kinds of links that it crosses, the first that there is being taken."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for. `link` and `clients` are chosen where they are empty."""

    transport: str
    link: str
    durability: Durability
    cache: Cache
    at: str
    """The folder on the clients' hosts."""
    backing: str = ""
    """A folder on the server's host that stays; empty: one that goes with the mount."""
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class MountedAt:
    """A folder of a host at which the store is mounted, and the process that serves it."""

    host: str
    path: str
    process: str


@dataclass(frozen=True)
class StorePlan:
    """All that is started for a mounted store, in order."""

    link: str
    driver: str
    backing: str
    """Where the files are on the server's host; a relative one lies beside the server's own files."""
    server: PlannedProcess
    relays: tuple[PlannedProcess, ...]
    mounts: tuple[MountedAt, ...]

    @property
    def processes(self) -> tuple[PlannedProcess, ...]:
        """Server and relays."""
        return (self.server, *self.relays)


def plan_store(inventory: Inventory, wish: Wish, context: TrialContext) -> StorePlan:
    """Resolve a wish. Raises UsageError for links, hosts or folders that there are not."""
    for what, folder in (("--at", wish.at), ("--backing", wish.backing)):
        if folder and (not folder.startswith("/") or ".." in PurePosixPath(folder).parts or folder == "/"):
            raise UsageError(f"{what} {folder}: it must be a whole path of a folder", remedy="such as /mnt/store")
    server = role_host(inventory, "sut")
    clients = [_host(inventory, name) for name in wish.clients] or [role_host(inventory, "generator")]
    link, way = _way(inventory, wish, server, clients)
    files = BackingParams(
        backing=wish.backing or fresh_backing(context, wish.durability),
        durability=wish.durability,
        cache=wish.cache,
        state="server.state",
    )
    mounts = _mounts(clients, wish.at)
    return StorePlan(
        link=link,
        driver=driver_label(way.cables, dpdk=way.dpdk),
        backing=files.backing,
        server=server_process(
            way, context, serve="store", files=files, idle="yield", folders=() if wish.backing else (files.backing,)
        ),
        relays=tuple(_relay(way, context, number, mount) for number, mount in enumerate(mounts)),
        mounts=mounts,
    )


def _relay(way: Way, context: TrialContext, client: int, mount: MountedAt) -> PlannedProcess:
    app = StoreMountParams(
        end=way.client_end(client),
        mount=mount.path,
        deadline_ms=DEADLINE_MS,
        idle="yield",
        faults=FaultParams(),
        stats=f"{mount.process}.stats.json",
    )
    return network_process(
        way,
        context,
        name=mount.process,
        program="store_mount",
        folder="store/mount",
        argv=app.argv(),
        stage=1,
        client=client,
    )


def _mounts(clients: Sequence[Host], at: str) -> tuple[MountedAt, ...]:
    """A folder for each client; a host that is named again has further ones, `at` and a number."""
    seen: Counter[str] = Counter()
    found = []
    for number, client in enumerate(clients):
        seen[client.name] += 1
        path = at if seen[client.name] == 1 else f"{at}-{seen[client.name]}"
        found.append(MountedAt(client.name, path, f"mount{number}"))
    return tuple(found)


def _host(inventory: Inventory, name: str) -> Host:
    for host in inventory.hosts:
        if host.name == name:
            return host
    listed = ", ".join(host.name for host in inventory.hosts)
    raise UsageError(f"--clients: there is no host {name} in the inventory", remedy=f"there are: {listed}")


def _way(inventory: Inventory, wish: Wish, server: Host, clients: Sequence[Host]) -> tuple[str, Way]:
    if wish.link and wish.link not in LINKS[wish.transport]:
        raise UsageError(f"{wish.transport} cannot cross {wish.link}", remedy="leave --link out")
    there = {link.kind for link in inventory.links}
    kinds = [wish.link] if wish.link else [kind for kind in LINKS[wish.transport] if kind in there]
    if not kinds:
        raise UsageError(f"the inventory has no link that {wish.transport} crosses", remedy="add one to the inventory")
    mtu = next((link.mtu for link in inventory.links if link.kind == kinds[0]), 0)
    return kinds[0], find_way(inventory, wish.transport, kinds[0], mtu, server, clients)
