"""The kernel's hugepage pool: so many free pages for every host, written once per kernel.

Hosts made of namespaces share one pool, so demands are summed over the hosts of a kernel (equal boot_id). "N pages"
means N *free* pages for each host: what is added is the sum less what is free already. Only what was added is taken
away again, from whatever the count is by then: two testbeds on one kernel may come and go in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import HostSettingError, UsageError
from orchestrator.hosts.kernel import LOCK_FOLDER, kernel_lock, read_boot_ids
from orchestrator.hosts.parallel import in_parallel, raise_all
from orchestrator.hosts.script import run_script
from orchestrator.hosts.settings import JsonObject, OpenChange, Reverted, SettingUnchanged, Superseded, make
from orchestrator.inventory.model import PAGE_BYTES, Hugepages, Inventory, PageSize

if TYPE_CHECKING:
    from orchestrator.hosts.journal import Journal
    from orchestrator.remote.protocol import Remote

KIND = "hugepages"
LOCK_FILE = "hugepages.lock"
MAX_PAGES = 1 << 20

FREE_MEMORY = "echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory"
"""Shell commands that give the kernel a chance to make more pages."""


@dataclass(frozen=True)
class PoolDemand:
    """So many free pages in one pool of one kernel, for `hosts` together; written through the first of them."""

    kernel: str
    size: PageSize
    node: int | None
    pages: int
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class PoolOutcome:
    """What became of a demand. `added` is 0 where enough pages were free."""

    demand: PoolDemand
    prior: int
    added: int
    free: int


@dataclass(frozen=True)
class HugepageReport:
    """What `setup_hugepages` did, one entry per pool."""

    pools: tuple[PoolOutcome, ...]


def plan_demands(kernels: Mapping[str, str], demands: Mapping[str, Sequence[Hugepages]]) -> tuple[PoolDemand, ...]:
    """Sum the demands of hosts per kernel, page size and node. `kernels`: boot_id by host.

    A demand for pages of any node is met after those for a node, and includes them, as both draw from the same pages.
    """
    pools: dict[tuple[str, PageSize, int | None], list[tuple[str, int]]] = {}
    for host, wishes in demands.items():
        for wish in wishes:
            pools.setdefault((kernels[host], wish.size, wish.node), []).append((host, wish.pages))
    planned = []
    for (kernel, size, node), entries in sorted(pools.items(), key=lambda item: item[0][2] is None):
        pages = sum(count for _, count in entries)
        if node is None:
            pages += sum(
                count
                for (other, other_size, other_node), others in pools.items()
                if (other, other_size) == (kernel, size) and other_node is not None
                for _, count in others
            )
        hosts = tuple(dict.fromkeys(host for host, _ in entries))
        planned.append(PoolDemand(kernel, size, node, pages, hosts))
    return tuple(planned)


class HugepagePool:
    """One pool as a Setting: `pages` free pages of `size`, on `node` or anywhere, for `hosts` together.

    `lock` is a file on the host through which the pool is written.
    """

    kind = KIND

    def __init__(
        self, size: PageSize, node: int | None, pages: int, *, lock: str, hosts: Sequence[str] = (), root: str = "/"
    ) -> None:
        self.pages = pages
        self._hosts = tuple(hosts)
        self._size: PageSize = size
        self._where: JsonObject = {"size_kb": PAGE_BYTES[size] // 1024, "node": node, "lock": lock, "root": root}
        self._node = node

    @property
    def name(self) -> str:
        """For example `hugepages 2M` or `hugepages 1G node 0`."""
        return f"hugepages {self._size}" + ("" if self._node is None else f" node {self._node}")

    def state(self, remote: Remote) -> dict[str, Any]:
        """The pool now: nr, free (less reserved), reserved, available_kb, total_kb. Raises HostSettingError."""
        answer = run_script(remote, "hugepages", {"action": "read", **self._where})
        if answer.get("missing"):
            raise HostSettingError(
                f"the kernel has no pool of {self.name}",
                host=remote.host,
                remedy="choose a size and node that are in /sys/kernel/mm/hugepages and /sys/devices/system/node",
            )
        return answer

    def probe(self, remote: Remote) -> JsonObject | None:
        """The pages to add; None if enough are free. Raises HostSettingError if memory cannot hold them."""
        now = self.state(remote)
        added = self.pages - int(now["free"])
        if added <= 0:
            return None
        size_kb = PAGE_BYTES[self._size] // 1024
        # Asking for all that there is makes the kernel throw out every other page first, and then somebody is killed.
        spare_kb = int(now["available_kb"]) - max(64 << 10, int(now["total_kb"]) // 50)
        if added * size_kb > spare_kb:
            most = max(0, spare_kb) // size_kb + int(now["free"])
            raise SettingUnchanged(
                f"{self.name}: {self._asked(added)}, but only {_mib(now['available_kb'])} of memory is "
                "available; nothing was changed",
                host=remote.host,
                remedy=f"{self._at_most(most)}, or free memory: {FREE_MEMORY}",
            )
        return {**self._where, "wanted": self.pages, "prior": now["nr"], "free": now["free"], "added": added}

    def apply(self, remote: Remote, data: JsonObject) -> JsonObject:
        """Add the pages, all or none. Raises Superseded, SettingUnchanged when the kernel gives fewer."""
        arguments = {**self._where, "action": "add", "nr": data["prior"], "free": data["free"], "added": data["added"]}
        answer = run_script(remote, "hugepages", arguments, timeout_s=60.0)
        if answer["superseded"]:
            raise Superseded
        added = int(str(data["added"]))
        if int(answer["given"]) != added:
            raise SettingUnchanged(
                f"{self.name}: {self._asked(added)}, the kernel gave {answer['given']} of them with "
                f"{_mib(answer['available_kb'])} of memory available; put back to {answer['nr']}",
                host=remote.host,
                remedy=f"free memory with `{FREE_MEMORY}` and try again, or ask for fewer pages",
            )
        return data

    def verify(self, remote: Remote, data: JsonObject) -> None:  # noqa: ARG002 - the pool itself is what counts
        """Read the pool again. Raises Superseded if fewer are free than were wanted: another process took some."""
        now = self.state(remote)
        if int(now["free"]) < self.pages:
            raise Superseded

    def _asked(self, added: int) -> str:
        together = f" for {', '.join(self._hosts)} together" if len(self._hosts) > 1 else ""
        size = _mib(added * PAGE_BYTES[self._size] // 1024)
        return f"asked for {self.pages} free pages{together}, which takes {added} more ({size})"

    def _at_most(self, pages: int) -> str:
        if len(self._hosts) > 1:
            return f"ask for at most {pages // len(self._hosts)} pages for each host"
        return f"ask for at most {pages} pages"

    def revert(self, remote: Remote, change: OpenChange) -> Reverted:
        """See `revert_hugepages`."""
        return revert_hugepages(remote, change)


def revert_hugepages(remote: Remote, change: OpenChange) -> Reverted:
    """Take away the pages that a change added, as far as nobody uses them.

    Of a change that was never confirmed, no more is taken than what lies above the count before it.
    """
    data = change.change.data
    arguments = {key: data[key] for key in ("size_kb", "node", "lock", "root", "added")}
    answer = run_script(
        remote,
        "hugepages",
        {**arguments, "action": "remove", "at_least": None if change.applied else data["prior"]},
        timeout_s=60.0,
    )
    if answer.get("missing"):
        return Reverted(f"{change.change.setting}: the kernel has no such pool any more")
    left = int(answer["wanted"]) - int(answer["removed"])
    note = f"{change.change.setting}: {answer['removed']} pages given back, {answer['nr']} stay"
    if left > 0:
        return Reverted(
            f"{note}; {left} more are in use - end the processes that use them (`fuser -vm` on the hugetlbfs mounts), "
            "then restore again",
            remaining={**data, "added": left},
        )
    return Reverted(note)


def setup_hugepages(
    remotes: Mapping[str, Remote],
    inventory: Inventory,
    *,
    journal: Journal,
    owner: str,
    pages: int | None = None,
    size: PageSize | None = None,
    node: int | None = None,
    lock_folder: Path = LOCK_FOLDER,
    root: str = "/",
) -> HugepageReport:
    """Make `pages` pages free on every host of `remotes`, all kernels in parallel, journalled and verified.

    Without `pages` each host gets what the inventory wishes for it (`size` and `node`, where given, take the place of
    the inventory's); hosts without a wish get none. Idempotent. Raises UsageError, and an error that names every host
    that failed: what was made on other kernels stays, and stands in the journal.
    """
    demands = _demands(remotes, inventory, pages, size, node)
    if not demands:
        raise UsageError(
            "no host of the inventory has `hugepages`", remedy="add e.g. `hugepages: {size: 2M, pages: 256}` or --pages"
        )
    kernels, unreachable = read_boot_ids({host: remotes[host] for host in demands})
    planned = plan_demands(kernels, {host: wish for host, wish in demands.items() if host in kernels})
    by_kernel: dict[str, list[PoolDemand]] = {}
    for demand in planned:
        by_kernel.setdefault(demand.kernel, []).append(demand)

    def bring_about(kernel: str) -> list[PoolOutcome]:
        with kernel_lock(kernel, lock_folder):
            outcomes = []
            for demand in by_kernel[kernel]:
                leader = remotes[demand.hosts[0]]
                lock = str(inventory.host(leader.host).workdir / LOCK_FILE)
                pool = HugepagePool(demand.size, demand.node, demand.pages, lock=lock, hosts=demand.hosts, root=root)
                outcomes.append(_bring_about(pool, leader, journal, demand, owner))
            return outcomes

    results, errors = in_parallel({kernel: partial(bring_about, kernel) for kernel in by_kernel})
    raise_all({**unreachable, **errors})
    return HugepageReport(tuple(outcome for kernel in results.values() for outcome in kernel))


def _demands(
    remotes: Mapping[str, Remote], inventory: Inventory, pages: int | None, size: PageSize | None, node: int | None
) -> dict[str, list[Hugepages]]:
    """What each host is to have. Raises UsageError for a number of pages out of range."""
    if pages is not None and not 1 <= pages <= MAX_PAGES:
        raise UsageError(f"--pages {pages} is out of range", remedy=f"give 1 to {MAX_PAGES}")
    if node is not None and node < 0:
        raise UsageError(f"--node {node} is no NUMA node", remedy="see `lscpu`; nodes count from 0")
    demands: dict[str, list[Hugepages]] = {}
    for host in remotes:
        wish = inventory.host(host).hugepages
        if pages is None and wish is None:
            continue
        default = wish or Hugepages(pages=1)
        demands[host] = [
            Hugepages(
                pages=pages if pages is not None else default.pages,
                size=size or default.size,
                node=node if node is not None else default.node,
            )
        ]
    return demands


def _bring_about(pool: HugepagePool, leader: Remote, journal: Journal, demand: PoolDemand, owner: str) -> PoolOutcome:
    change = make(pool, leader, journal, kernel=demand.kernel, owner=owner)
    now = pool.state(leader)
    if change is None:
        return PoolOutcome(demand, prior=int(now["nr"]), added=0, free=int(now["free"]))
    data: dict[str, Any] = change.data
    return PoolOutcome(demand, prior=int(data["prior"]), added=int(data["added"]), free=int(now["free"]))


def _mib(kib: int) -> str:
    return f"{int(kib) // 1024} MiB"
