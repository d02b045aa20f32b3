"""Folders of a process that are made before it starts, and go with all that is in them after it has ended.

They hold what is not fetched: what a store keeps, and where a file system is mounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
