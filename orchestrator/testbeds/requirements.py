"""What this machine must have and we must be, for testbeds to be made."""

from __future__ import annotations

import os
import shutil

from orchestrator.errors import TestbedError, UsageError
from orchestrator.testbeds.paths import PATH

_PACKAGES = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
}
_PYTHON = "/usr/bin/python3"


def require_root() -> None:
    """Raise UsageError unless we are root."""
    if os.geteuid() != 0:
        raise UsageError(
            "making a testbed needs root: namespaces, mounts, network interfaces and SSH servers",
            remedy="run the command again with sudo",
        )


def require_programs() -> None:
    """Raise TestbedError that lists every missing program with its Debian package."""
    lacking = {name: package for name, package in _PACKAGES.items() if shutil.which(name, path=PATH) is None}
    if not os.access(_PYTHON, os.X_OK):
        lacking[_PYTHON] = "python3"
    if lacking:
        raise TestbedError(
            f"programs are missing: {', '.join(lacking)}",
            remedy=f"run: apt-get install {' '.join(sorted(set(lacking.values())))}",
        )
