"""Folders of a process that are made before it starts, and go with all that is in them after it has ended.

They hold what is not fetched: what a store keeps, and where a file system is mounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.hosts.script import run_script
from orchestrator.hosts.stale import RUN_PREFIX

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote

# Who mounted something has unmounted it; where it was killed together with its warden, nobody has.
REMOVE = """\
for folder; do
    while grep -qF " $folder " /proc/self/mounts; do
        umount -l -- "$folder" || exit
    done
    rm -rf --one-file-system -- "$folder" || exit
done
"""


MEMORY = "/dev/shm"
"""The tmpfs that every Linux has."""
MOUNT_TYPE = "fuse.store"
"""Of the store's mounts (`dpdk_apps/store`, mounting.c)."""


def memory_folder(name: str) -> str:
    """A folder on a host's tmpfs, under a name by which `clean_scratch` knows it as ours."""
    return f"{MEMORY}/{RUN_PREFIX}{name}"


def make_folders(remote: Remote, folders: Sequence[str]) -> None:
    """Make folders (absolute paths) that may be there already. Raises CommandFailed."""
    if folders:
        remote.run(["mkdir", "-p", "--", *folders])


def remove_folders(remote: Remote, folders: Sequence[str]) -> None:
    """Unmount what is mounted at folders (absolute paths), and remove them; those that are gone are no error.

    Raises CommandFailed.
    """
    if folders:
        remote.run(["sh", "-s", "--", *folders], stdin=REMOVE)


def clean_scratch(
    remote: Remote, *, mount_type: str = MOUNT_TYPE, memory: str = MEMORY, prefix: str = RUN_PREFIX
) -> list[str]:
    """Unmount stores whose program has ended, and remove folders of killed runs on the tmpfs that nobody has open.

    Hold the host's lease. Returns what was taken away. Raises CommandFailed and what the Remote raises.
    """
    answer = run_script(remote, "scratch", {"fstype": mount_type, "memory": memory, "prefix": prefix})
    return [*answer["unmounted"], *answer["removed"]]
