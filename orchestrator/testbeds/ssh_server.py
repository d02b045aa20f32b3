"""The sshd of a host: its keys, its configuration, and waiting until it answers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

from orchestrator.errors import TestbedError
from orchestrator.testbeds.deadline import Deadline
from orchestrator.testbeds.paths import HOST_MARK, PATH, Folders
from orchestrator.testbeds.processes import Identity

PORT = 22
_IN_CLOSE_WRITE, _IN_CLOEXEC = 0x8, 0o2000000
_CONFIG = """\
Port {port}
AddressFamily inet
ListenAddress {address}
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PidFile /run/sshd.pid
AllowUsers root
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes yes
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PermitUserRC no
X11Forwarding no
MaxSessions 64
MaxStartups 64
LoginGraceTime 20
LogLevel INFO
SetEnv PATH={path} LANG=C.UTF-8 {mark_name}={mark}
Subsystem sftp internal-sftp
"""


def client_key(folders: Folders) -> Path:
    """Where the testbed's client key is."""
    return folders.keys / "id_ed25519"


def host_key(folders: Folders, host: str) -> Path:
    """Where a host's key is kept on the machine."""
    return folders.keys / f"host-{host}"


def known_hosts(folders: Folders) -> Path:
    """The testbed's own known_hosts."""
    return folders.keys / "known_hosts"


def make_keys(folders: Folders, hosts: Iterable[str]) -> None:
    """Make the keys that do not exist yet. Raises TestbedError.

    They are made in a folder of this process's own and moved into place, the private key last: the ssh-keygen of a
    controller that was killed may still be writing.
    """
    wanted = {client_key(folders): folders.testbed, **{host_key(folders, host): host for host in hosts}}
    lacking = {path: comment for path, comment in wanted.items() if not path.exists()}
    if not lacking:
        return
    folders.keys.mkdir(parents=True, exist_ok=True)
    folders.keys.chmod(0o700)
    for abandoned in folders.keys.glob("making-*"):
        shutil.rmtree(abandoned, ignore_errors=True)  # what an ssh-keygen still writes there is of no use to anyone
    with tempfile.TemporaryDirectory(dir=folders.keys, prefix="making-") as temporary:
        running = [_keygen(Path(temporary, path.name), comment) for path, comment in lacking.items()]
        for process in running:
            output = process.communicate(timeout=20)[0].decode(errors="replace").strip()
            if process.returncode:
                raise TestbedError(f"ssh-keygen failed: {output}", remedy=f"check the disk under {folders.keys}")
        for path in lacking:
            Path(temporary, f"{path.name}.pub").replace(path.with_suffix(".pub"))
            Path(temporary, path.name).replace(path)


def _keygen(path: Path, comment: str) -> subprocess.Popen[bytes]:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT, env={"PATH": PATH})


def write_known_hosts(folders: Folders, addresses: dict[str, IPv4Address]) -> None:
    """Write the host keys that clients are to accept, so that none is ever taken on trust."""
    lines = []
    for host, address in addresses.items():
        kind, key, *_ = host_key(folders, host).with_suffix(".pub").read_text(encoding="ascii").split()
        lines.append(f"{address} {kind} {key}\n")
    path = known_hosts(folders)
    text = "".join(lines)
    with contextlib.suppress(FileNotFoundError):
        if path.read_text(encoding="ascii") == text:
            return
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="ascii")
    temporary.replace(path)


def server_files(folders: Folders, host: str, address: IPv4Address) -> dict[str, tuple[str, int]]:
    """The files below /etc/ssh of a host, each with text and mode."""
    config = _CONFIG.format(
        port=PORT, address=address, path=PATH, mark_name=HOST_MARK, mark=f"{folders.testbed}/{host}"
    )
    public = client_key(folders).with_suffix(".pub").read_text(encoding="ascii")
    return {
        "/etc/ssh/sshd_config": (config, 0o644),
        "/etc/ssh/ssh_host_ed25519_key": (host_key(folders, host).read_text(encoding="ascii"), 0o600),
        "/etc/ssh/authorized_keys": (public, 0o600),
    }


def listening(pid: int, address: IPv4Address) -> bool:
    """Whether something listens on the address and PORT in a process's network namespace (proc(5), net/tcp)."""
    local = f"{int.from_bytes(address.packed, 'little'):08X}:{PORT:04X}"
    lines = Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(fields[1] == local and fields[3] == "0A" for fields in (line.split() for line in lines))


def start_server(process: Identity, host: str, address: IPv4Address, log: Path, *, wait_s: float) -> None:
    """Have process 1 start its sshd unless it runs, and wait until it greets.

    sshd writes its pid file once it listens, and process 1 writes one when sshd ends; these are the events waited for.
    Raises TestbedError naming the host, with the end of its log.
    """
    deadline = Deadline(wait_s)
    run = Path(f"/proc/{process.pid}/root/run")
    sshd_ended = run / "sshd.ended"
    with _watch(run) as events, _pidfd(process, host, log) as host_ended:
        sshd_ended.unlink(missing_ok=True)  # it tells of an earlier one
        os.kill(process.pid, signal.SIGHUP)
        poll = select.poll()
        poll.register(events, select.POLLIN)
        poll.register(host_ended, select.POLLIN)
        while not listening(process.pid, address):
            ready = [fd for fd, _ in poll.poll(deadline.left() * 1000)]
            if host_ended in ready:
                raise _failure("the host ended", host, log)
            if sshd_ended.exists():
                raise _failure("sshd ended at once", host, log)
            if not ready:
                raise _failure(f"sshd did not listen on {address} within {wait_s:g} s", host, log)
            os.read(events, 4096)
    _greet(host, address, log, deadline)


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log in one line."""
    with contextlib.suppress(OSError):
        return " | ".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:])
    return ""


def _greet(host: str, address: IPv4Address, log: Path, deadline: Deadline) -> None:
    """Read sshd's banner (RFC 4253, 4.2)."""
    try:
        with socket.create_connection((str(address), PORT), timeout=max(deadline.left(), 0.1)) as connection:
            banner = connection.recv(64)
    except OSError as error:
        raise _failure(f"sshd at {address} does not answer: {error}", host, log) from error
    if not banner.startswith(b"SSH-"):
        raise _failure(f"what listens at {address} is no SSH server", host, log)


def _failure(what: str, host: str, log: Path) -> TestbedError:
    end = tail(log)
    return TestbedError(
        f"{what}{f'; its log ends: {end}' if end else ''}", host=host, process="sshd", remedy=f"the whole log is {log}"
    )


@contextlib.contextmanager
def _watch(folder: Path) -> Iterator[int]:
    """An inotify(7) descriptor that tells of files written in a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init1(_IN_CLOEXEC)
    if events < 0 or libc.inotify_add_watch(events, str(folder).encode(), _IN_CLOSE_WRITE) < 0:
        number = ctypes.get_errno()
        raise TestbedError(f"cannot watch {folder}: {os.strerror(number)}", remedy="raise fs.inotify.max_user_watches")
    try:
        yield events
    finally:
        os.close(events)


@contextlib.contextmanager
def _pidfd(process: Identity, host: str, log: Path) -> Iterator[int]:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        raise _failure("the host ended", host, log) from None
    try:
        yield handle
    finally:
        os.close(handle)
