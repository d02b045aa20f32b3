"""sshfs between two hosts of a testbed, as the benches mount it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench import fio, sshfs
from bench.bed import Bed
from orchestrator.apps.paths import run_folder
from orchestrator.commands.session import new_run_id, session
from orchestrator.errors import CommandFailed
from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import ssh_server


@pytest.fixture
def hosts(testbed: Inventory) -> Iterator[Bed]:
    """The hosts as a bench has them, with nothing built."""
    run_id = new_run_id()
    with session(testbed, "bench", made_by="tests") as reached:
        yield Bed(reached, run_id, "")
        for host in reached.inventory.hosts:
            reached.remotes[host.name].run(["rm", "-rf", "--", run_folder(host, run_id)])


def mounts(hosts: Bed) -> str:
    return hosts.hosts.remotes["alpha"].run(["cat", "/proc/self/mounts"]).stdout


@pytest.mark.parametrize("how", [sshfs.SYNCHRONOUS, sshfs.ASYNCHRONOUS])
def test_fio_reads_and_writes_what_lies_on_the_other_host(hosts: Bed, how: tuple[str, ...]) -> None:
    ends = sshfs.over_link(hosts, "veth0", "alpha", (0,), (1,))
    with sshfs.mounted(hosts, ends, how) as folder:
        assert f" {folder} fuse.sshfs " in mounts(hosts)
        for operation in ("write", "read"):
            assert 1 < fio.p50_us(hosts, "alpha", f"{folder}/data", operation, 0) < 1e6
        beta = hosts.hosts.remotes["beta"]
        served = run_folder(hosts.hosts.inventory.host("beta"), hosts.run_id)
        assert beta.run(["sh", "-c", f"stat -c %s {served}/*served/data"]).stdout == f"{fio.FILE_MB << 20}\n"
        assert "198.19.0.2:22" in beta.run(["ss", "-tlnH"]).stdout
    assert "sshfs" not in mounts(hosts)
    assert "198.19.0.2:22" not in beta.run(["ss", "-tlnH"]).stdout


def test_a_host_with_another_key_is_refused(hosts: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ssh_server.host_key
    monkeypatch.setattr(ssh_server, "host_key", lambda folders, host: real(folders, "alpha"))
    ends = sshfs.over_link(hosts, "veth0", "alpha", (0,), (1,))
    with pytest.raises(CommandFailed, match="alpha: sshfs: "), sshfs.mounted(hosts, ends, sshfs.SYNCHRONOUS):
        pass
    assert "sshfs" not in mounts(hosts)
