"""The Fabric backend against SSH servers of our own on loopback: entering, being refused, jumping; the system's ssh."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.errors import HostUnreachable
from orchestrator.inventory.model import Endpoint, Host, Ssh
from orchestrator.remote.fabric_backend import FabricRemote
from orchestrator.remote.openssh import ssh_argv, write_config
from orchestrator.remote.protocol import ProcessSpec, Remote


@dataclass
class Server:
    """One sshd and all its files."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def endpoint(self, **values: object) -> Endpoint:
        wanted = {"address": "127.0.0.1", "port": self.port, "key": self.folder / "id", "known_hosts": self.known_hosts}
        return Endpoint(**{**wanted, **values})  # type: ignore[arg-type]

    def host(self, jump: tuple[Endpoint, ...] = (), **values: object) -> Host:
        ssh = Ssh(**self.endpoint(**values).model_dump(), jump=jump)
        return Host(name="alpha", ssh=ssh, workdir=self.folder / "work")


def make_key(file: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return " ".join(file.with_suffix(".pub").read_text().split()[:2])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 10
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd did not start")


@pytest.fixture
def servers(root: None, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(extra: str = "") -> Server:
        folder = tmp_path / f"sshd-{len(made)}"
        folder.mkdir()
        host_key = make_key(folder / "host")
        (folder / "authorized").write_text(make_key(folder / "id") + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "known_hosts").write_text(f"# made for a test\n[127.0.0.1]:{port} {host_key}\n")
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile none\n"
            f"AuthorizedKeysCommand /bin/cat {folder}/authorized\nAuthorizedKeysCommandUser root\n"
            f"PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nSetEnv HOME={folder}\n{extra}\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        argv = [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
        made.append(Server(folder, port, subprocess.Popen(argv)))
        wait_for_port(port, made[-1].process)
        return made[-1]

    yield make
    for server in made:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(5)


def refused(host: Host) -> str:
    remote = FabricRemote(host)
    began = time.monotonic()
    with pytest.raises(HostUnreachable) as caught:
        remote.connect()
    assert time.monotonic() - began < 12
    remote.close()
    assert caught.value.host == "alpha"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_everything_over_ssh(servers: Callable[..., Server], tmp_path: Path) -> None:
    remote = FabricRemote(servers().host())
    as_protocol: Remote = remote
    as_protocol.hold("R1", "ann")
    try:
        assert remote.facts["uid"] == 0
        assert remote.run(["cat"], stdin="x" * 3_000_000).stdout == "x" * 3_000_000
        content = os.urandom(20_000_000)
        remote.put(content, f"{tmp_path}/there/big")
        remote.put(b"small", f"{tmp_path}/there/deep/small", mode=0o755)
        began = time.monotonic()
        remote.get_tree(f"{tmp_path}/there", tmp_path / "here")
        assert time.monotonic() - began < 4.0  # 0.1 s on an idle machine
        assert (tmp_path / "here" / "big").read_bytes() == content
        assert (tmp_path / "here" / "deep" / "small").read_bytes() == b"small"
        remote.quiet(0.2)
        process = remote.start(ProcessSpec("p", ("sh", "-c", "echo @ready 1; exec sleep 100"), str(tmp_path), "R1"))
        assert process.wait_ready() == "1"
        assert process.stop().reason == "stopped"
        left = remote.start(ProcessSpec("q", ("sleep", "100"), str(tmp_path), "R1"))
    finally:
        remote.close()
    assert not Path(f"/proc/{left.pid}").exists()
    remote.close()


def test_wrong_key(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers()
    make_key(tmp_path / "other")
    said = refused(server.host(key=tmp_path / "other"))
    assert said.startswith(f"alpha: root@127.0.0.1 port {server.port} does not accept the key {tmp_path}/other - see ")


def test_key_that_is_not_there(servers: Callable[..., Server], tmp_path: Path) -> None:
    said = refused(servers().host(key=tmp_path / "none"))
    assert said == f"alpha: there is no key {tmp_path}/none - correct `key:` in the inventory"


def test_key_with_a_passphrase(servers: Callable[..., Server], tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret-words", "-f", str(key)], check=True)
    assert refused(servers().host(key=key)).startswith(f"alpha: the key {key} has a passphrase - ssh-add {key}")


def test_default_keys_and_known_hosts(
    servers: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    host = server.host(key=None, known_hosts=None)
    assert f"is unknown: {tmp_path}/.ssh/known_hosts does not have it" in refused(host)
    (tmp_path / ".ssh").mkdir()
    shutil.copy(server.known_hosts, tmp_path / ".ssh" / "known_hosts")
    assert f"alpha: there is no key to enter root@127.0.0.1 port {server.port} with - write `key:`" in refused(host)
    make_key(tmp_path / ".ssh" / "id_ed25519")
    assert "does not accept any of our keys" in refused(host)
    shutil.copy(server.folder / "id", tmp_path / ".ssh" / "id_ed25519")
    remote = FabricRemote(host)
    assert remote.run(["echo", "in"]).stdout == "in\n"
    remote.close()


def test_keys_in_an_ssh_agent(servers: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = servers()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent.sock"))
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent.sock")], stdout=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 10
        while not (tmp_path / "agent.sock").exists() and time.monotonic() < limit:
            time.sleep(0.02)
        subprocess.run(["ssh-add", "-q", str(server.folder / "id")], check=True)
        remote = FabricRemote(server.host(key=None))
        assert remote.run(["echo", "in"]).stdout == "in\n"
        remote.close()
    finally:
        agent.terminate()
        agent.wait(5)


def test_nothing_is_printed_about_a_server_that_is_no_ssh_server(
    servers: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        host = servers().host(port=other.getsockname()[1])
        script = textwrap.dedent("""
            import sys
            from orchestrator.errors import HostUnreachable
            from orchestrator.inventory.model import Host
            from orchestrator.remote.fabric_backend import FabricRemote
            try:
                FabricRemote(Host.model_validate_json(sys.argv[1])).connect()
            except HostUnreachable as error:
                sys.exit(error.exit_code)
        """)
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        argv = [sys.executable, "-c", script, host.model_dump_json()]
        with subprocess.Popen(argv, env=env) as controller:
            taken, _ = other.accept()
            with taken:
                taken.sendall(b"220 mail.example ESMTP\r\n" * 200)
                assert controller.wait(20) == HostUnreachable.exit_code
    assert capfd.readouterr() == ("", "")


def test_unknown_host_key(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers()
    for known_hosts in (tmp_path / "none", tmp_path / "empty"):
        said = refused(server.host(known_hosts=known_hosts))
        assert f"the host key of [127.0.0.1]:{server.port} is unknown: {known_hosts} does not have it" in said
        assert said.endswith(f"ssh-keyscan -p {server.port} 127.0.0.1 >> {known_hosts}")
        (tmp_path / "empty").touch()


def test_changed_host_key_names_the_line(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers()
    other = make_key(tmp_path / "other")
    server.known_hosts.write_text(f"# first\n\nelsewhere {other}\n[127.0.0.1]:{server.port} {other}\n")
    said = refused(server.host())
    assert f"the host key of [127.0.0.1]:{server.port} has CHANGED" in said
    assert f"then remove line 4 of {server.known_hosts}" in said


def test_changed_host_key_in_a_hashed_file(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers()
    server.known_hosts.write_text(
        f"elsewhere {make_key(tmp_path / 'a')}\n[127.0.0.1]:{server.port} {make_key(tmp_path / 'b')}\n"
    )
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(server.known_hosts)], check=True)
    assert f"remove line 2 of {server.known_hosts}" in refused(server.host())


def test_closed_port(servers: Callable[..., Server]) -> None:
    server = servers()
    server.process.terminate()
    server.process.wait(5)
    said = refused(server.host())
    assert said.startswith(f"alpha: root@127.0.0.1 port {server.port} refuses connections or has no route - see that")


def test_name_that_does_not_resolve(servers: Callable[..., Server]) -> None:
    assert "the name no-such-host.invalid is not known" in refused(servers().host(address="no-such-host.invalid"))


def test_server_that_says_nothing(servers: Callable[..., Server]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        said = refused(servers().host(port=silent.getsockname()[1]))
    assert "does not speak SSH in time" in said


def test_no_python_on_the_host(servers: Callable[..., Server]) -> None:
    server = servers("ForceCommand echo 'sh: 1: exec: /usr/bin/python3: not found' >&2; exit 127")
    assert refused(server.host()) == "alpha: there is no /usr/bin/python3 - install it there: apt install python3"


def test_shell_that_prints(servers: Callable[..., Server]) -> None:
    server = servers()
    (server.folder / ".bashrc").write_text("echo Welcome to the lab\n")
    assert "'Welcome to the lab' came instead of the agent's answer" in refused(server.host())


def test_jump_hosts_with_users_and_keys_of_their_own(servers: Callable[..., Server], tmp_path: Path) -> None:
    first, second, target = servers(), servers(), servers()
    jump = (first.endpoint(user="nobody"), second.endpoint())
    remote = FabricRemote(target.host(jump=jump))
    try:
        assert remote.run(["echo", "through"]).stdout == "through\n"
        remote.put(b"x" * 3_000_000, f"{tmp_path}/f")
        assert (tmp_path / "f").stat().st_size == 3_000_000
    finally:
        began = time.monotonic()
        remote.close()
    assert time.monotonic() - began < 4
    assert "Accepted publickey for nobody" in (first.folder / "log").read_text()

    second.known_hosts.write_text("")
    said = refused(target.host(jump=jump))
    assert said.startswith(f"alpha: jump host: the host key of [127.0.0.1]:{second.port} is unknown")
    target.process.terminate()
    target.process.wait(5)
    said = refused(target.host(jump=(first.endpoint(user="nobody"),)))
    assert said.startswith(f"alpha: root@127.0.0.1 port {target.port} cannot be reached from the jump host before it")


def test_connection_cut_is_noticed_at_once(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers()
    remote = FabricRemote(server.host())
    try:
        process = remote.start(ProcessSpec("p", ("sleep", "100"), str(tmp_path), "R1"))
        agent = remote.facts["pid"]
        sshd = int(Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(sshd, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(HostUnreachable, match="alpha: connection lost"):
            process.wait(30)
        assert time.monotonic() - began < 2
    finally:
        remote.close()


def test_the_systems_ssh(servers: Callable[..., Server], tmp_path: Path) -> None:
    gate, target = servers(), servers()
    host = target.host(jump=(gate.endpoint(user="nobody"),))
    config = write_config(host, tmp_path / "made")
    argv = ssh_argv(host, ["printf", "%s|", "a  b", "$HOME", "*"], config)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False)
    assert (done.stdout, done.returncode) == ("a  b|$HOME|*|", 0), done.stderr
    target.known_hosts.write_text("")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr
