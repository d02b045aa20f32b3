"""Advice such as "run `invoke restore`", made a command that can be typed: with the inventory that the user named.

The rooms below know hosts and no inventory's name, so they name the task alone. What they say passes through here on
its way to the user.
"""

from __future__ import annotations

import re
import shlex

DEFAULT_INVENTORY = "local"
TASKS_OF_AN_INVENTORY = (
    "run-experiment",
    "plan",
    "setup-hugepages",
    "restore",
    "build",
    "nic-status",
    "bind-nics",
    "unbind-nics",
    "ssh",
    "testbed-up",
    "testbed-down",
    "testbed-status",
    "store-mount",
    "store-umount",
    "store-status",
)
_ADVISED = re.compile(rf"\binvoke (?:{'|'.join(TASKS_OF_AN_INVENTORY)})(?![\w-])(?! --inventory\b)")


def for_inventory(text: str, inventory_name: str) -> str:
    """`text` with `--inventory` behind each task in it that takes one, unless it is there or goes without saying.

    >>> for_inventory("run: invoke testbed-up", "lab")
    'run: invoke testbed-up --inventory lab'
    """
    if inventory_name == DEFAULT_INVENTORY:
        return text
    option = f" --inventory {shlex.quote(inventory_name)}"
    return _ADVISED.sub(lambda advised: advised.group() + option, text)
