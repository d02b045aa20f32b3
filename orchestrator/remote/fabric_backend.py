"""Hosts over SSH. This file alone imports Fabric and Paramiko.

Fabric opens the connections; its runners are not used, since their timeouts leave the remote program running
(fabric#2178). Host keys are verified against the endpoint's own known_hosts, every step has a deadline, and every
refusal becomes a HostUnreachable that says what to do.

After the handshake Paramiko's transport thread blocks in `recv` instead of waking ten times a second, so that the
controller sleeps in measurement windows. What would have been its keepalive is the session's heartbeat, which is
answered and stops in quiet periods; a peer that no longer acknowledges is dropped by the kernel (TCP_USER_TIMEOUT).
"""

from __future__ import annotations

import logging
import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
from fabric.config import Config
from fabric.connection import Connection
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    ChannelException,
    NoValidConnectionsError,
    PasswordRequiredException,
    SSHException,
)

from orchestrator.errors import HostUnreachable
from orchestrator.inventory.model import Endpoint, Host, Ssh
from orchestrator.remote import bootstrap
from orchestrator.remote.agent_remote import AgentRemote
from orchestrator.remote.session import AGENT_BEAT_TIMEOUT_S

CONNECT_S = 5
"""For each of: TCP connect, banner, key exchange, authentication, opening a channel."""
UNACKNOWLEDGED_MS = 8000
CHUNK = 1 << 18
FAST_CIPHER = "aes128-gcm@openssh.com"
FAST_KEX = ("curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
DEFAULT_KNOWN_HOSTS = Path("~/.ssh/known_hosts")

# Without a handler Python prints Paramiko's tracebacks on stderr; what the user needs of them is in our errors.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class ChannelStream:
    """A program on a host, over one SSH channel; implements `Stream`."""

    def __init__(self, channel: paramiko.Channel, cut: Callable[[], None]) -> None:
        self._channel = channel
        self._cut = cut

    def read(self, timeout_s: float | None) -> bytes:
        """The next bytes; see `Stream`."""
        self._channel.settimeout(timeout_s)
        return self._channel.recv(CHUNK)

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`; see `Stream`. The timeout is the reader's where there is one."""
        if self._channel.gettimeout() is not None:
            self._channel.settimeout(timeout_s)
        view = memoryview(data)
        while view:  # sendall would copy all that is left with every packet
            view = view[self._channel.send(bytes(view[:CHUNK])) :]

    def close(self) -> None:
        """Break the stream off; see `Stream`."""
        self._cut()

    def complaint(self) -> str:
        """What the program wrote to stderr."""
        data = b""
        while self._channel.recv_stderr_ready() and (part := self._channel.recv_stderr(CHUNK)):
            data += part
        return data.decode(errors="replace").strip()


class FabricRemote(AgentRemote):
    """A host reached over SSH; implements `Remote`. A user other than root needs passwordless sudo."""

    def __init__(self, host: Host, *, beat_timeout_s: float = AGENT_BEAT_TIMEOUT_S) -> None:
        if host.ssh is None:
            raise ValueError(f"host {host.name} has no SSH address: resolve the inventory first")
        super().__init__(host.name, host.workdir, beat_timeout_s=beat_timeout_s)
        self._ssh: Ssh = host.ssh
        self._clients: list[paramiko.SSHClient] = []

    def _open(self, program: bootstrap.Program) -> ChannelStream:
        argv = bootstrap.command(program, sudo=self._ssh.user != "root")
        try:
            transport = self._transport()
            with self._cut_after(CONNECT_S):  # exec_command has no timeout of its own
                channel = transport.open_session(timeout=CONNECT_S)
                channel.exec_command("exec " + shlex.join(argv))
        except (SSHException, OSError, EOFError) as error:
            raise HostUnreachable(
                f"cannot open a session: {error or type(error).__name__}",
                host=self.host,
                remedy="see MaxSessions and the log of its sshd",
            ) from error
        # A connection without its agent is of no use, so the agent's stream takes everything with it.
        return ChannelStream(channel, self._cut if program == "agent" else lambda: self._close_channel(channel))

    @contextmanager
    def _cut_after(self, seconds: float) -> Iterator[None]:
        """Bound what Paramiko would wait for forever: cut the connection if the body takes longer."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        """Break the connection off without a word to the host. Never blocks; wakes all who read or write."""
        for client in self._clients[:1]:
            transport = client.get_transport()
            if transport is not None:
                with suppress(OSError):  # the peer was first
                    transport.sock.shutdown(socket.SHUT_RDWR)

    def _close_channel(self, channel: paramiko.Channel) -> None:
        with self._cut_after(1.0), suppress(OSError, EOFError, SSHException):  # gone with its transport
            channel.close()

    def _transport(self) -> paramiko.Transport:
        """The transport of the host itself, after connecting hop by hop."""
        if not self._clients:
            gateway: Connection | None = None
            for endpoint in (*self._ssh.jump, self._ssh):
                gateway = self._connect_hop(endpoint, gateway)
        transport = self._clients[-1].get_transport()
        if transport is None:
            raise SSHException("not connected")
        return transport

    def _connect_hop(self, endpoint: Endpoint, gateway: Connection | None) -> Connection:
        known_hosts = (endpoint.known_hosts or DEFAULT_KNOWN_HOSTS).expanduser()
        connection = Connection(  # type: ignore[no-untyped-call]
            endpoint.address,
            user=endpoint.user,
            port=endpoint.port,
            gateway=gateway or False,
            config=Config(lazy=True, overrides={"load_ssh_configs": False}),  # type: ignore[no-untyped-call]
            connect_timeout=CONNECT_S,
            forward_agent=False,
            connect_kwargs={
                **({"key_filename": str(endpoint.key.expanduser())} if endpoint.key else {}),
                "allow_agent": endpoint.key is None,
                "look_for_keys": endpoint.key is None,
                "banner_timeout": CONNECT_S,
                "auth_timeout": CONNECT_S,
                "channel_timeout": CONNECT_S,
                "transport_factory": _fast_transport,
            },
        )
        client = paramiko.SSHClient()  # in the place of Fabric's own, which accepts any host key
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        connection.client = client
        self._clients.append(client)
        try:
            if known_hosts.exists():
                client.load_host_keys(str(known_hosts))
            connection.open()  # type: ignore[no-untyped-call]
        except (SSHException, OSError, EOFError, ValueError) as error:
            raise explain(error, self.host, endpoint, known_hosts, jump=endpoint is not self._ssh) from error
        _let_the_kernel_wait(client.get_transport())
        return connection

    def _disconnect(self) -> None:
        self._cut()
        clients, self._clients = self._clients, []
        for client in clients:  # the first hop first: its end is what ends the others
            transport = client.get_transport()
            if transport is not None:
                if transport.is_alive():
                    transport.join(1.0)
                with suppress(OSError, EOFError, SSHException):  # it is closed already
                    transport.close()

    def _explain(self, error: HostUnreachable) -> HostUnreachable:
        said = error.what.lower()
        user = self._ssh.user
        if "sudo" in said and ("password" in said or "not allowed" in said or "sudoers" in said):
            return HostUnreachable(
                f"sudo asks {user} for a password",
                host=self.host,
                remedy=f"give {user} a sudoers line `{user} ALL=(root) NOPASSWD: ALL`, or connect as root",
            )
        if bootstrap.PYTHON in said and ("not found" in said or "no such file" in said):
            return HostUnreachable(
                f"there is no {bootstrap.PYTHON}", host=self.host, remedy="install it there: apt install python3"
            )
        if "sudo" in said and "not found" in said:
            return HostUnreachable(
                "there is no sudo", host=self.host, remedy="install it there: apt install sudo; or connect as root"
            )
        return error


def _fast_transport(sock: socket.socket, **options: object) -> paramiko.Transport:
    """A transport that prefers an elliptic curve to the post-quantum exchanges, which cost tens of milliseconds, and
    the cipher that moves the most per second.
    """
    transport = paramiko.Transport(sock, **options)  # type: ignore[arg-type]
    offered = transport.get_security_options()
    fast = [name for name in FAST_KEX if name in offered.kex]
    offered.kex = (*fast, *(name for name in offered.kex if name not in fast))
    if FAST_CIPHER in offered.ciphers:
        offered.ciphers = (FAST_CIPHER, *(name for name in offered.ciphers if name != FAST_CIPHER))
    return transport


def _let_the_kernel_wait(transport: paramiko.Transport | None) -> None:
    if transport is None:
        raise SSHException("not connected")
    if isinstance(transport.sock, socket.socket):
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport.sock.settimeout(None)


def explain(error: Exception, host: str, endpoint: Endpoint, known_hosts: Path, *, jump: bool) -> HostUnreachable:
    """What the user reads when `endpoint` could not be entered, on the way to `host` or as `host` itself."""
    where = f"{endpoint.user}@{endpoint.address} port {endpoint.port}"
    prefix = "jump host: " if jump else ""
    name = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
    scan = f"ssh-keyscan -p {endpoint.port} {endpoint.address}"
    if isinstance(error, BadHostKeyException):
        line = line_of(known_hosts, name)
        what = f"the host key of {name} has CHANGED (it offers {_key(error.key)}, {known_hosts}:{line} has another)"
        remedy = f"if the host was reinstalled, check the new key, then remove line {line} of {known_hosts}"
    elif isinstance(error, PasswordRequiredException):
        what = f"the key {endpoint.key} has a passphrase"
        remedy = f"ssh-add {endpoint.key}, and leave `key:` out of the inventory"
    elif isinstance(error, AuthenticationException):
        what = f"{where} does not accept {f'the key {endpoint.key}' if endpoint.key else 'any of our keys'}"
        remedy = f"see `user:` and `key:` in the inventory, and {endpoint.user}'s authorized_keys on the host"
    elif "No authentication methods available" in str(error):
        what = f"there is no key to enter {where} with"
        remedy = "write `key:` in the inventory, or load one into ssh-agent"
    elif isinstance(error, FileNotFoundError) and endpoint.key is not None:
        what, remedy = f"there is no key {endpoint.key}", "correct `key:` in the inventory"
    elif isinstance(error, NoValidConnectionsError):
        what, remedy = f"{where} refuses connections or has no route", "see that the host is up and its sshd listens"
    elif isinstance(error, socket.gaierror):
        what, remedy = f"the name {endpoint.address} is not known", "correct `address:` in the inventory"
    elif isinstance(error, TimeoutError):
        what, remedy = f"{where} did not answer within {CONNECT_S} s", "see that the host is up and no firewall drops"
    elif isinstance(error, ChannelException):
        what, remedy = (
            f"{where} cannot be reached from the jump host before it",
            f"see that {where} is up ({error.text})",
        )
    elif "not found in known_hosts" in str(error):
        what = f"the host key of {name} is unknown: {known_hosts} does not have it"
        remedy = f"check the key, then: {scan} >> {known_hosts}"
    elif isinstance(error, EOFError) or "banner" in str(error) or "No existing session" in str(error):
        what, remedy = f"{where} took the connection but does not speak SSH in time", "see whether its sshd hangs"
    else:
        what, remedy = f"{where}: {error or type(error).__name__}", "see the log of its sshd"
    return HostUnreachable(prefix + what, host=host, remedy=remedy)


def line_of(known_hosts: Path, name: str) -> int:
    """Number of the first line of a known_hosts file that is about `name`; 0 if none is."""
    for number, line in enumerate(known_hosts.read_text(encoding="utf-8").splitlines(), start=1):
        names = line.split()[0].split(",") if line.strip() and not line.startswith(("#", "@")) else []
        for known in names:
            if known == name or (known.startswith("|1|") and paramiko.HostKeys.hash_host(name, known) == known):
                return number
    return 0


def _key(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"
