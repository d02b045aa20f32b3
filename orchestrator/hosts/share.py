"""Whether a DPDK process will get its hugepages, asked before it starts: the EAL says only "Cannot init memory"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import HostSettingError
from orchestrator.hosts.facts import MountFacts, gather, parse_mounts, parse_pools, pools
from orchestrator.inventory.model import PAGE_BYTES, PageSize

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote


def check_share(
    remote: Remote, need_bytes: int, size: PageSize = "2M", *, process: str = "", root: str = "/"
) -> MountFacts:
    """Make sure that the host's hugetlbfs mount and the kernel's pool both have `need_bytes` free; return the mount.

    The mount is the first one of that page size, as the EAL chooses it. Raises HostSettingError naming the host, the
    mount, its size, what is needed and the remedy.
    """
    raw = gather(remote, {"hugepages": pools()}, mounts=True, root=root)
    page = PAGE_BYTES[size]
    pages = -(-need_bytes // page)
    mount = next((mount for mount in parse_mounts(raw) if mount.page_kb * 1024 == page), None)
    if mount is None:
        raise HostSettingError(
            f"no hugetlbfs with pages of {size} is mounted; {_mib(need_bytes)} of it are needed",
            host=remote.host,
            process=process,
            remedy=f"mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize={size} hugetlbfs /dev/hugepages",
        )
    if mount.total is not None and (mount.free or 0) < pages * page:
        remedy = (
            f"give the host a larger share: `hugepages: {{size: {size}, pages: {pages}}}` in "
            "the inventory, or mount it with a larger size="
            if mount.total < pages * page
            else f"end what uses it (`fuser -vm {mount.path}`), or remove what killed runs left with `invoke restore`"
        )
        raise HostSettingError(
            f"the hugetlbfs share {mount.path} has {_mib(mount.free or 0)} free of {_mib(mount.total)}; "
            f"{_mib(need_bytes)} ({pages} pages of {size}) are needed",
            host=remote.host,
            process=process,
            remedy=remedy,
        )
    free = sum(pool.free for pool in parse_pools(raw) or [] if pool.node is None and pool.size_kb * 1024 == page)
    if free < pages:
        raise HostSettingError(
            f"the kernel has {free} free hugepages of {size} ({_mib(free * page)}); {_mib(need_bytes)} "
            f"({pages} pages, mount {mount.path}) are needed",
            host=remote.host,
            process=process,
            remedy=f"run `invoke setup-hugepages --pages {pages} --size {size}`",
        )
    return mount


def _mib(count: int) -> str:
    return f"{-(-count // (1 << 20))} MiB"
