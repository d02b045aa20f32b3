import json
from collections.abc import Sequence
from typing import Any

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import HostSettingError
from orchestrator.hosts.share import check_share
from orchestrator.remote.protocol import Completed

MIB = 1 << 20
PAGE = 2 * MIB


class Telling(LocalRemote):
    """Answers the gathering script with what a host said: a share cannot be made without root."""

    def __init__(self, mounts: list[dict[str, Any]], free: int, reserved: int = 0) -> None:
        super().__init__("beta")
        pool = "/sys/kernel/mm/hugepages/hugepages-2048kB"
        self._answer = {
            "files": {
                f"{pool}/nr_hugepages": "500\n",
                f"{pool}/free_hugepages": f"{free}\n",
                f"{pool}/resv_hugepages": f"{reserved}\n",
            },
            "commands": {},
            "nics": {},
            "mounts": mounts,
        }

    def run(self, argv: Sequence[str], **kwargs: object) -> Completed:  # type: ignore[override]
        return Completed(tuple(argv), 0, json.dumps(self._answer), "", 0.0)


def mount(path: str, total: int, free: int, block: int = PAGE) -> dict[str, Any]:
    return {"path": path, "options": "rw", "block": block, "blocks": total, "free": free}


def test_enough_of_both() -> None:
    chosen = check_share(Telling([mount("/mnt/1g", 4, 4, 1 << 30), mount("/dev/hugepages", 64, 32)], 32), 32 * PAGE)
    assert (chosen.path, chosen.free) == ("/dev/hugepages", 64 * MIB)


def test_a_mount_without_a_share_is_bounded_by_the_pool_only() -> None:
    assert check_share(Telling([mount("/dev/hugepages", 0, 0)], 32), 32 * PAGE).total is None


@pytest.mark.parametrize(
    ("remote", "need", "line"),
    [
        (
            Telling([mount("/dev/hugepages", 16, 16)], 500),
            63 * MIB,
            (
                "beta: server: the hugetlbfs share /dev/hugepages has 32 MiB free of 32 MiB; 63 MiB (32 pages of 2M) "
                "are needed - give the host a larger share: `hugepages: {size: 2M, pages: 32}` in the inventory"
            ),
        ),
        (
            Telling([mount("/dev/hugepages", 64, 4)], 500),
            64 * MIB,
            "has 8 MiB free of 128 MiB; 64 MiB (32 pages of 2M) are needed - end what uses it (`fuser -vm /dev/hugep",
        ),
        (
            Telling([mount("/dev/hugepages", 64, 64)], 40, 9),
            64 * MIB,
            (
                "the kernel has 31 free hugepages of 2M (62 MiB); 64 MiB (32 pages, mount /dev/hugepages) are needed - "
                "run `invoke setup-hugepages --pages 32 --size 2M`"
            ),
        ),
        (
            Telling([mount("/mnt/1g", 4, 4, 1 << 30)], 40),
            MIB,
            "no hugetlbfs with pages of 2M is mounted; 1 MiB of it are needed - mkdir -p /dev/hugepages && mount -t",
        ),
    ],
)
def test_too_little_says_where_how_much_and_what_helps(remote: Telling, need: int, line: str) -> None:
    with pytest.raises(HostSettingError) as caught:
        check_share(remote, need, process="server")
    assert line in str(caught.value)
