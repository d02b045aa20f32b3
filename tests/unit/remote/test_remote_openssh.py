from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.inventory.model import Endpoint, Host, Ssh
from orchestrator.remote.openssh import config_text, ssh_argv, write_config

HOST = Host(
    name="sut",
    ssh=Ssh(
        address="198.18.0.2",
        port=2222,
        user="lab",
        key=Path("/keys/a b%"),
        known_hosts=Path("/keys/known"),
        jump=(
            Endpoint(address="gate.example", user="ann", key=Path("/keys/gate")),
            Endpoint(address="inner", user="bob", port=23, known_hosts=Path("/keys/inner")),
        ),
    ),
)
GOLDEN = """\
Host sut
    HostName 198.18.0.2
    Port 2222
    User lab
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 5
    ServerAliveInterval 5
    ProxyJump sut-jump-2
    KexAlgorithms ^curve25519-sha256
    UserKnownHostsFile "/keys/known"
    GlobalKnownHostsFile none
    IdentityFile "/keys/a b%%"
    IdentitiesOnly yes
    IdentityAgent none

Host sut-jump-2
    HostName inner
    Port 23
    User bob
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 5
    ServerAliveInterval 5
    ProxyJump sut-jump-1
    KexAlgorithms ^curve25519-sha256
    UserKnownHostsFile "/keys/inner"
    GlobalKnownHostsFile none

Host sut-jump-1
    HostName gate.example
    Port 22
    User ann
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 5
    ServerAliveInterval 5
    ProxyJump none
    KexAlgorithms ^curve25519-sha256
    IdentityFile "/keys/gate"
    IdentitiesOnly yes
    IdentityAgent none
"""


def test_config_is_golden() -> None:
    assert config_text(HOST) == GOLDEN


def test_the_client_understands_it(tmp_path: Path) -> None:
    config = write_config(HOST, tmp_path / "made")
    assert config.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(["ssh", "-G", "-F", str(config), "sut"], capture_output=True, text=True, check=True)
    options = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    wanted = {"hostname": "198.18.0.2", "port": "2222", "user": "lab", "proxyjump": "sut-jump-2"}
    wanted |= {"identityfile": "/keys/a b%%", "userknownhostsfile": "/keys/known", "stricthostkeychecking": "true"}
    assert {name: options[name] for name in wanted} == wanted


def test_argv_of_a_shell_and_of_a_command() -> None:
    config = Path("/run/x/sut.ssh_config")
    assert ssh_argv(HOST, [], config) == ["ssh", "-F", "/run/x/sut.ssh_config", "sut"]
    words = ["sh", "-c", "echo 'a  b' $HOME", "*"]
    argv = ssh_argv(HOST, words, config)
    assert argv[:5] == ["ssh", "-F", "/run/x/sut.ssh_config", "sut", "--"]
    assert shlex.split(argv[5]) == words


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(UsageError, match="alpha: has no SSH address - bring its testbed up"):
        config_text(Host(name="alpha"))
