"""A host of the inventory for the system's own ssh client: what `invoke ssh HOST` runs, with a terminal and all."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.inventory.model import Endpoint, Host


def config_text(host: Host) -> str:
    """An ssh_config in which `host.name` is the host, reached over its jump hosts, each with its own user and key.

    Host keys are verified against each endpoint's own known_hosts; nothing is taken from the user's configuration,
    since the file is given to ssh with -F. Raises UsageError for a host without an SSH address.
    """
    if host.ssh is None:
        raise UsageError("has no SSH address", host=host.name, remedy="bring its testbed up, or write `ssh:` for it")
    hops: list[tuple[str, Endpoint]] = [
        (f"{host.name}-jump-{number}", endpoint) for number, endpoint in enumerate(host.ssh.jump, start=1)
    ]
    blocks, before = [], ""
    for alias, endpoint in [*hops, (host.name, host.ssh)]:
        blocks.append(_block(alias, endpoint, before))
        before = alias
    return "\n".join(reversed(blocks))


def write_config(host: Host, folder: Path) -> Path:
    """Write `config_text` to a file of `folder` named by host and contents, mode 0600; the folder is made. Returns it.

    ssh reads it after this process has become ssh, so it cannot be removed; the same host has the same file again.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = config_text(host).encode()
    file = folder / f"{host.name}-{hashlib.sha256(text).hexdigest()[:8]}.ssh_config"
    descriptor, temporary = tempfile.mkstemp(dir=folder)  # of mode 0600
    with os.fdopen(descriptor, "wb") as out:
        out.write(text)
    Path(temporary).replace(file)
    return file


def ssh_argv(host: Host, command: Sequence[str], config: Path) -> list[str]:
    """The argv of the ssh client: a shell on `host`, or `command` word by word, quoted for the remote shell.

    `config` is the file that `write_config` made. A command gets no terminal, so that its output stays as it is.
    """
    argv = ["ssh", "-F", str(config), host.name]
    return [*argv, "--", shlex.join(command)] if command else argv


def _block(alias: str, endpoint: Endpoint, through: str) -> str:
    options = {
        "HostName": endpoint.address,
        "Port": str(endpoint.port),
        "User": endpoint.user,
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ConnectTimeout": "5",
        "ServerAliveInterval": "5",
        "ProxyJump": through or "none",
        "KexAlgorithms": "^curve25519-sha256",
    }
    if endpoint.known_hosts is not None:
        options["UserKnownHostsFile"] = _quoted(endpoint.known_hosts)
        options["GlobalKnownHostsFile"] = "none"
    if endpoint.key is not None:
        options["IdentityFile"] = _quoted(endpoint.key)
        options["IdentitiesOnly"] = "yes"
        options["IdentityAgent"] = "none"
    return f"Host {alias}\n" + "".join(f"    {name} {value}\n" for name, value in options.items())


def _quoted(path: Path) -> str:
    """A path as ssh_config wants it: quoted, and with its percent signs not taken for tokens."""
    return '"' + str(path.expanduser()).replace("%", "%%") + '"'
