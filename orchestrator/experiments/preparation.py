"""Before the first trial: left-overs of killed runs are cleared, hugepages made free, and the hosts' shares checked.

The EAL says only "Cannot init memory" when pages are missing, so what the plan needs is compared with what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from orchestrator.errors import OrchestratorError
from orchestrator.experiments.records import Plan
from orchestrator.hosts.hugepages import setup_hugepages
from orchestrator.hosts.journal import Journal
from orchestrator.hosts.scratch import clean_scratch
from orchestrator.hosts.share import check_share
from orchestrator.hosts.stale import clean_stale
from orchestrator.inventory.addresses import memif_folder
from orchestrator.inventory.model import PAGE_BYTES, Host, Hugepages, Inventory, PageSize
from orchestrator.remote.fleet import each, values
from orchestrator.remote.protocol import Remote

DEADLINE_S = 90.0


def hugepage_bytes(plan: Plan) -> dict[str, int]:
    """For each host that runs DPDK processes, the most memory that one trial takes at a time."""
    most: dict[str, int] = {}
    for trial in plan.trials:
        here: dict[str, int] = defaultdict(int)
        for process in trial.processes:
            here[process.host] += process.hugepage_bytes
        for host, size in here.items():
            most[host] = max(most.get(host, 0), size)
    return {host: size for host, size in most.items() if size}


def demanded(host: Host, need: int) -> Hugepages:
    """What `host` is to have free: the inventory's wish, or as many 2M pages as the plan needs if that is more."""
    wish = host.hugepages or Hugepages(pages=1)
    pages = -(-need // PAGE_BYTES[wish.size])
    return wish.model_copy(update={"pages": max(pages, wish.pages)})


def prepare(
    remotes: Mapping[str, Remote], inventory: Inventory, plan: Plan, journal: Journal, owner: str
) -> dict[str, list[str]]:
    """Bring the hosts into the state that the trials need; returns what was cleared, by host.

    Changes of settings are journalled under `owner`. Raises HostSettingError naming the host and the remedy.
    """
    needs = hugepage_bytes(plan)
    cleared = values(
        each(
            remotes,
            lambda remote: [*clean_stale(remote, _memif_folders(inventory, remote.host)), *clean_scratch(remote)],
            deadline_s=DEADLINE_S,
        )
    )
    if not needs:
        return cleared
    hosts = tuple(
        host.model_copy(update={"hugepages": demanded(host, needs[host.name])}) if host.name in needs else host
        for host in inventory.hosts
    )
    wishing = inventory.model_copy(update={"hosts": hosts})
    users = {host: remote for host, remote in remotes.items() if host in needs}
    setup_hugepages(users, wishing, journal=journal, owner=owner)
    shares = each(
        users,
        lambda remote: check_share(remote, needs[remote.host], _page_size(wishing, remote.host)),
        deadline_s=DEADLINE_S,
    )
    values(shares)
    return cleared


def _page_size(inventory: Inventory, host: str) -> PageSize:
    wish = inventory.host(host).hugepages
    if wish is None:
        raise OrchestratorError("no hugepages were planned", host=host)
    return wish.size


def _memif_folders(inventory: Inventory, host: str) -> list[str]:
    return [
        memif_folder(link)
        for link in inventory.links
        if link.kind == "memif" and any(end.host == host for end in link.ends)
    ]
