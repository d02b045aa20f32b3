"""The testbed of namespaces: what its hosts are, and what they cannot do. Real hosts, entered by the system's ssh."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from namespace_hosts import left_of, machine, namespaces_in_use, namespaces_of, on, python_on, ssh_argv

from orchestrator.inventory.model import Host, Inventory, Link, Nic, NicRef, Testbed
from orchestrator.testbeds import namespaces
from orchestrator.testbeds.paths import CHECKOUT


def three_hosts(name: str) -> Inventory:
    """a and b share a memif link, b and c a veth pair, a and c one through a bridge."""
    tap = Nic(name="tap", interface="wire1", vdev="tap", bridge="br1")
    hosts = (
        Host(name="a", nics=(Nic(name="mem", vdev="memif", memif_role="client"), tap)),
        Host(name="b", nics=(Nic(name="mem", vdev="memif", memif_role="server"), Nic(name="wire", interface="wire0"))),
        Host(name="c", nics=(Nic(name="wire", interface="wire0"), Nic(name="other", interface="wire1"))),
    )
    links = (
        Link(name="shared", kind="memif", ends=(NicRef(host="a", nic="mem"), NicRef(host="b", nic="mem"))),
        Link(name="pair", kind="veth", ends=(NicRef(host="b", nic="wire"), NicRef(host="c", nic="wire"))),
        Link(name="tapped", kind="veth", ends=(NicRef(host="a", nic="tap"), NicRef(host="c", nic="other"))),
    )
    return Inventory(schema=1, testbed=Testbed(kind="namespaces", name=name), hosts=hosts, links=links)


@pytest.fixture(scope="module")
def beside(testbed: Inventory) -> Iterator[Inventory]:
    """A second testbed, of three hosts, up at the same time as the first."""
    name = f"test-{os.getpid()}-three"
    try:
        yield namespaces.up(three_hosts(name), made_by="tests")
    finally:
        namespaces.down(name, forget=True)


def packets(inventory: Inventory, host: str) -> dict[str, tuple[int, int]]:
    """Packets received and sent by each interface but the management's, since it was made."""
    rows = [line.split() for line in on(inventory, host, "cat /proc/net/dev").splitlines()[2:]]
    return {row[0].rstrip(":"): (int(row[2]), int(row[10])) for row in rows if row[0] not in ("lo:", "mgmt0:")}


def test_nothing_but_our_traffic_is_on_a_link(beside: Inventory) -> None:
    time.sleep(2)  # what would speak unasked (IPv6, multicast, a bridge) does so in the first seconds
    for host in ("a", "b", "c"):
        counted = packets(beside, host)
        assert counted
        assert set(counted.values()) == {(0, 0)}, host


def test_testbeds_side_by_side_share_no_address(testbed: Inventory, beside: Inventory) -> None:
    every = [host.ssh.address for inventory in (testbed, beside) for host in inventory.hosts if host.ssh]
    assert len(set(every)) == 5
    assert on(testbed, "alpha", "hostname; cat /etc/hostname; echo $HOME").split() == ["alpha", "alpha", "/root"]
    assert on(beside, "a", "hostname").strip() == "a"


def test_hosts_find_each_other_by_name(testbed: Inventory) -> None:
    ssh = testbed.host("beta").ssh
    assert ssh is not None
    assert on(testbed, "alpha", "getent hosts beta").split() == [ssh.address, "beta"]


def test_the_controllers_files_are_out_of_sight(testbed: Inventory) -> None:
    hidden = [CHECKOUT / "pyproject.toml", Path("/var/lib/dpdk-orchestrator/testbeds"), Path("/etc/ssh/ssh_config")]
    secret = Path.home() / f"secret-{os.getpid()}"
    secret.touch()
    try:
        for path in (*hidden, secret):
            assert path.exists()
            assert on(testbed, "alpha", f"test -e {path} || echo hidden").strip() == "hidden"
    finally:
        secret.unlink()


def test_an_unknown_host_key_is_refused(testbed: Inventory, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").touch()
    argv = ssh_argv(testbed, "alpha")
    argv = [f"UserKnownHostsFile={tmp_path}/known_hosts" if "UserKnownHostsFile" in each else each for each in argv]
    done = subprocess.run([*argv, "true"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_a_key_of_another_testbed_is_refused(testbed: Inventory, beside: Inventory) -> None:
    other = beside.hosts[0].ssh
    assert other is not None
    argv = ssh_argv(testbed, "alpha")
    argv[argv.index("-i") + 1] = str(other.key)
    done = subprocess.run([*argv, "true"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_a_terminal_can_be_had(testbed: Inventory) -> None:
    argv = [*ssh_argv(testbed, "alpha", "-tt"), "tty; test -w /dev/pts/ptmx && echo writable"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.split() == ["/dev/pts/0", "writable"]


def test_pci_devices_cannot_be_written_but_hugepages_can(testbed: Inventory) -> None:
    assert os.access("/sys/bus/pci/rescan", os.W_OK)  # on the machine it could be done
    script = """
import errno, glob, json, os
def attempt(path):
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return error.errno
    return 0
pci = ["/sys/bus/pci/rescan", "/sys/bus/pci/drivers_probe"]
for pattern in ("drivers/*/bind", "drivers/*/unbind", "drivers/*/new_id", "devices/*/driver_override"):
    pci += glob.glob("/sys/bus/pci/" + pattern)
pci += glob.glob("/sys/bus/virtio/drivers/*/unbind")
pools = glob.glob("/sys/kernel/mm/hugepages/*/nr_hugepages")
pools += glob.glob("/sys/devices/system/node/node*/hugepages/*/nr_hugepages")
print(json.dumps([sorted({attempt(path) for path in paths}) for paths in (pci, pools)]))
"""
    assert json.loads(python_on(testbed, "alpha", script)) == [[errno.EROFS], [0]]


def test_the_hugepage_share_is_what_was_wished_for(testbed: Inventory) -> None:
    script = "import os; v = os.statvfs('/dev/hugepages'); print(v.f_blocks * v.f_bsize, v.f_bsize)"
    assert python_on(testbed, "alpha", script).split() == [str(256 << 20), str(2 << 20)]
    assert on(testbed, "alpha", "grep -c hugetlbfs /proc/mounts").strip() == "1"
    assert {host.hugepages_bytes for host in namespaces.status(testbed.testbed.name).hosts} == {256 << 20}  # type: ignore[union-attr]


def test_mounts_of_its_own(testbed: Inventory) -> None:
    script = "for p in /run /tmp /dev/shm /root /var/lib/dpdk-orchestrator; do : >$p/mark-of-alpha && echo $p; done"
    assert len(on(testbed, "alpha", script).split()) == 5
    for place in ("/run", "/tmp", "/dev/shm", "/root", "/var/lib/dpdk-orchestrator"):
        assert not Path(place, "mark-of-alpha").exists()
        assert on(testbed, "beta", f"test -e {place}/mark-of-alpha || echo none").strip() == "none"
    assert on(testbed, "alpha", "touch /usr/x 2>&1 || true").strip().endswith("Read-only file system")


def test_a_memif_link_is_in_its_two_hosts_only(beside: Inventory) -> None:
    on(beside, "a", "echo hello >/run/memif/shared/greeting")
    assert on(beside, "b", "cat /run/memif/shared/greeting").strip() == "hello"
    assert on(beside, "c", "ls /run/memif 2>&1 || true").strip().endswith("No such file or directory")
    assert "shared" in on(beside, "a", "ls /run/memif")


@pytest.mark.parametrize("number", [0, 1])
def test_one_message_over_a_link_is_one_packet_each_way(testbed: Inventory, number: int) -> None:
    """Link 0 is a plain pair; link 1 ends in a bridge. No ARP, no unasked packet."""
    echo = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
        f"s.bind(('198.19.{number}.2', 7007)); s.settimeout(10); print('ready', flush=True);"
        "d, a = s.recvfrom(64); s.sendto(d, a)"
    )
    before = packets(testbed, "alpha")[f"data{number}"]
    argv = [*ssh_argv(testbed, "beta"), f'python3 -c "{echo}"']
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        answer = python_on(
            testbed,
            "alpha",
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
            f"s.sendto(b'there', ('198.19.{number}.2', 7007)); print(*s.recvfrom(64))",
        )
        assert server.wait(10) == 0
    assert answer.strip() == f"b'there' ('198.19.{number}.2', 7007)"
    after = packets(testbed, "alpha")[f"data{number}"]
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


def test_the_ends_of_links_are_as_the_contract_says(testbed: Inventory) -> None:
    links = json.loads(on(testbed, "beta", "ip -json -details link"))
    by_name = {link["ifname"]: link for link in links}
    assert set(by_name) == {"lo", "mgmt0", "data0", "data1", "data2", "br1", "br2", "ddata1", "ddata2"}
    assert by_name["br1"]["address"] == "02:00:00:00:01:02"
    assert by_name["data1"]["master"] == by_name["ddata1"]["master"] == "br1"
    assert by_name["data0"]["address"] == "02:00:00:00:00:02"
    assert by_name["data0"]["qdisc"] == "noqueue"
    assert by_name["ddata1"]["linkinfo"]["info_data"]["multi_queue"]
    bridge = by_name["br1"]["linkinfo"]["info_data"]
    assert (bridge["stp_state"], bridge["mcast_snooping"], bridge["forward_delay"]) == (0, 0, 0)
    assert on(testbed, "beta", "ip -6 addr").strip() == ""
    settings = "cat /proc/sys/net/ipv6/conf/all/disable_ipv6 /proc/sys/net/ipv4/ip_forward"
    assert on(testbed, "beta", settings).split() == ["1", "0"]


def test_only_the_management_ends_are_in_the_machines_network(testbed: Inventory) -> None:
    assert testbed.testbed is not None
    expected = {host.interface for host in namespaces.status(testbed.testbed.name).hosts}
    prefix = next(iter(expected))[:-1]
    assert {each.name for each in Path("/sys/class/net").iterdir() if each.name.startswith(prefix)} == expected
    for name in expected:
        found = json.loads(subprocess.run(["ip", "-j", "addr", "show", name], capture_output=True, check=True).stdout)
        assert {each["family"] for each in found[0]["addr_info"]} == {"inet"}


def test_sshd_listens_on_the_management_address_only(testbed: Inventory) -> None:
    ssh = testbed.host("alpha").ssh
    assert ssh is not None
    local = [line.split()[1] for line in on(testbed, "alpha", "cat /proc/net/tcp").splitlines()[1:] if " 0A " in line]
    packed = bytes(int(part) for part in ssh.address.split("."))
    assert local == [f"{int.from_bytes(packed, 'little'):08X}:0016"]
    assert on(testbed, "alpha", "cat /proc/net/tcp6 2>/dev/null | tail -n +2").strip() == ""


def test_orphans_are_reaped(testbed: Inventory) -> None:
    script = """
import os, select, time
r, w = os.pipe()
if os.fork() == 0:
    pid = os.fork()
    if pid:
        os.write(w, str(pid).encode())
        os._exit(0)
    time.sleep(0.2)
    os._exit(0)
os.wait()
orphan = int(os.read(r, 16))
parent = open(f"/proc/{orphan}/stat").read().rpartition(")")[2].split()[1]
select.select([os.pidfd_open(orphan)], [], [], 5)
end = time.monotonic() + 2
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < end:
    time.sleep(0.01)
print(parent, os.path.exists(f"/proc/{orphan}"))
"""
    assert python_on(testbed, "alpha", script).split() == ["1", "False"]


def test_sessions_have_no_ignored_or_blocked_signals(testbed: Inventory) -> None:
    status = dict(line.split(":\t", 1) for line in on(testbed, "alpha", "cat /proc/self/status").splitlines())
    ordinary = (1 << 31) - 1  # the two above are the C library's own: its posix_spawn ignores them
    assert (int(status["SigBlk"], 16), int(status["SigIgn"], 16) & ordinary) == (0, 0)
    assert len(os.sched_getaffinity(0)) <= int(on(testbed, "alpha", "nproc"))


def test_a_host_can_compile_against_its_dpdk(testbed: Inventory) -> None:
    script = """
set -e
cd /tmp
printf '#include <rte_version.h>\\n#include <stdio.h>\\nint main(void) { puts(rte_version()); }\\n' >v.c
cc $(pkg-config --cflags libdpdk) v.c -o v $(pkg-config --libs libdpdk)
./v
"""
    assert on(testbed, "alpha", script).startswith("DPDK ")


def test_down_leaves_nothing_and_touches_nothing_else(
    testbed: Inventory, local_inventory: Callable[[str], Inventory]
) -> None:
    assert testbed.testbed is not None
    neighbour = [host.init_pid for host in namespaces.status(testbed.testbed.name).hosts]
    name = f"test-{os.getpid()}-gone"
    before = machine()
    try:
        inventory = namespaces.up(local_inventory(name), made_by="tests")
        assert machine()["interfaces"] == before["interfaces"]
        used = set().union(*(namespaces_of(host.init_pid) for host in namespaces.status(name).hosts if host.init_pid))
        assert len(used) == 10
        on(inventory, "beta", "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo x >/dev/hugepages/file || true")
        report = namespaces.down(name)
        assert (report.hosts, len(report.interfaces), len(report.mounts)) == (("alpha", "beta"), 2, 1)
        assert left_of(name) == []
        assert used & namespaces_in_use() == set()
        assert machine() == before
        assert not namespaces.down(name).anything
    finally:
        namespaces.down(name, forget=True)
    assert [host.init_pid for host in namespaces.status(testbed.testbed.name).hosts] == neighbour
    assert namespaces.status(testbed.testbed.name).missing == ()
