"""How causes become what the user reads, without a connection."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from paramiko.ssh_exception import ChannelException, NoValidConnectionsError, SSHException

from orchestrator.errors import HostUnreachable
from orchestrator.inventory.model import Endpoint, Host, Ssh
from orchestrator.remote.fabric_backend import FabricRemote, explain, line_of

ENDPOINT = Endpoint(address="10.0.0.1", port=2222, user="lab")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("sudo: a password is required", "alpha: sudo asks lab for a password - give lab a sudoers line `lab ALL="),
        ("bash: line 1: exec: sudo: not found", "alpha: there is no sudo - install it there: apt install sudo"),
        (
            "bash: line 1: /usr/bin/python3: No such file or directory",
            "alpha: there is no /usr/bin/python3 - install it there: apt install python3",
        ),
        ("sudo: /usr/bin/python3: command not found", "alpha: there is no /usr/bin/python3 - install it there"),
        ("Segmentation fault", "alpha: Segmentation fault"),
    ],
)
def test_why_an_agent_did_not_start(said: str, wanted: str) -> None:
    remote = FabricRemote(Host(name="alpha", ssh=Ssh(address="10.0.0.1", user="lab")))
    assert str(remote._explain(HostUnreachable(said, host="alpha"))).startswith(wanted)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (TimeoutError(), "lab@10.0.0.1 port 2222 did not answer within 5 s - see that the host is up"),
        (NoValidConnectionsError({("10.0.0.1", 2222): OSError()}), "lab@10.0.0.1 port 2222 refuses connections"),
        (OSError(101, "Network is unreachable"), "lab@10.0.0.1 port 2222: [Errno 101] Network is unreachable"),
        (socket.gaierror(-2, "?"), "the name 10.0.0.1 is not known - correct `address:`"),
        (EOFError(), "lab@10.0.0.1 port 2222 took the connection but does not speak SSH in time"),
        (SSHException("Error reading SSH protocol banner"), "lab@10.0.0.1 port 2222 took the connection but"),
        (ChannelException(2, "Connect failed"), "lab@10.0.0.1 port 2222 cannot be reached from the jump host before"),
    ],
)
def test_why_a_host_was_not_entered(error: Exception, wanted: str) -> None:
    assert str(explain(error, "alpha", ENDPOINT, Path("/k"), jump=False)).startswith(f"alpha: {wanted}")
    assert str(explain(error, "alpha", ENDPOINT, Path("/k"), jump=True)).startswith(f"alpha: jump host: {wanted}")


def test_line_of_a_host_among_several_names(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("# x\n@cert-authority * ssh-ed25519 A\na,b ssh-ed25519 A\n\n[b]:2222,c ssh-ed25519 B\n")
    assert [line_of(file, name) for name in ("b", "[b]:2222", "c", "nobody")] == [3, 5, 5, 0]


def test_a_host_without_an_address_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="resolve the inventory first"):
        FabricRemote(Host(name="alpha"))
