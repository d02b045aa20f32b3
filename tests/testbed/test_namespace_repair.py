"""What a second `up` mends, and that `down` removes what is only half there. Each case breaks a real testbed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from namespace_hosts import inits, left_of, machine, on, python_on

from orchestrator.errors import HostBusy, TestbedError, UsageError
from orchestrator.inventory.model import Hugepages, Inventory
from orchestrator.testbeds import host_init, locks, namespaces
from orchestrator.testbeds import state as states
from orchestrator.testbeds.paths import CHECKOUT, Folders
from orchestrator.testbeds.processes import Identity, end_all

Renamed = Callable[[str], Inventory]


def name_of(inventory: Inventory) -> str:
    assert inventory.testbed is not None
    return inventory.testbed.name


def end(pid: int) -> None:
    end_all([Identity(pid, host_init.start_time(pid))], term_s=0)


def in_host(pid: int, *argv: str) -> None:
    subprocess.run(["nsenter", f"--target={pid}", "--all", "--", *argv], check=True, timeout=10)


@pytest.fixture
def spare(root: None, local_inventory: Renamed) -> Iterator[Inventory]:
    """An inventory whose testbed is not up; whatever a test makes of it is removed."""
    name = f"test-{os.getpid()}-spare"
    yield local_inventory(name)
    namespaces.down(name, forget=True)


def break_init(pid: int, _: str) -> None:
    os.kill(pid, signal.SIGKILL)


def break_sshd(pid: int, _: str) -> None:
    inner = Path(f"/proc/{pid}/root/run/sshd.pid").read_text().strip()
    in_host(pid, "kill", "-KILL", inner)


BREAKAGES: dict[str, tuple[Callable[[int, str], None], str]] = {
    "process 1": (break_init, "beta: not running"),
    "sshd": (break_sshd, "beta: sshd does not listen"),
    "plain pair": (lambda pid, _: in_host(pid, "ip", "link", "del", "data0"), "veth0: not there"),
    "bridged pair": (lambda pid, _: in_host(pid, "ip", "link", "del", "data1"), "veth1: not there"),
    "bridge": (lambda pid, _: in_host(pid, "ip", "link", "del", "br1"), "veth1: beta: no interface br1"),
    "tap": (lambda pid, _: in_host(pid, "ip", "link", "del", "ddata1"), "veth1: beta: no interface ddata1"),
    "address": (lambda pid, _: in_host(pid, "ip", "addr", "flush", "dev", "data0"), "data0 lacks address"),
    "neighbour": (
        lambda pid, _: in_host(pid, "ip", "neigh", "flush", "all", "nud", "permanent"),
        "lacks the neighbour",
    ),
    "link down": (lambda pid, _: in_host(pid, "ip", "link", "set", "data0", "down"), "data0 is down"),
    "management": (lambda pid, _: in_host(pid, "ip", "link", "del", "mgmt0"), "beta: no management link"),
    "hugetlbfs": (lambda pid, _: in_host(pid, "umount", "/dev/hugepages"), "not mounted: /dev/hugepages"),
    "home": (lambda pid, _: in_host(pid, "umount", "-l", "/root"), "not mounted: /root"),
    "sysfs": (lambda pid, _: in_host(pid, "umount", "-R", "-l", "/sys"), "not mounted: /sys"),
    "proc": (lambda pid, _: in_host(pid, "umount", "-l", "/proc"), "not mounted: /proc"),
    "memif folder": (lambda pid, _: in_host(pid, "umount", "/run/memif/mem1"), "not mounted: /run/memif/mem1"),
    "memif links": (lambda _, name: unmount(Folders(name).links), "no file system for memif links"),
}


def unmount(path: Path) -> None:
    subprocess.run(["umount", str(path)], check=True, timeout=10)


@pytest.mark.parametrize("what", BREAKAGES)
def test_up_mends_what_is_broken_and_leaves_the_rest_alone(testbed: Inventory, what: str) -> None:
    name = name_of(testbed)
    before = inits(name)
    break_it, told = BREAKAGES[what]
    break_it(before["beta"], name)
    found = namespaces.status(name).missing
    assert any(told in each for each in found), found
    with pytest.raises(TestbedError, match=r"testbed-up"):
        namespaces.resolve(testbed)

    assert namespaces.up(testbed) == testbed
    after = inits(name)
    assert namespaces.status(name).missing == ()
    assert after["alpha"] == before["alpha"]
    assert (after["beta"] == before["beta"]) == (what != "process 1")
    assert namespaces.resolve(testbed) == testbed
    Path(f"/proc/{after['alpha']}/root/run/memif/mem1/told").write_text("told\n")
    script = """
hostname; cat /sys/class/net/data0/operstate /run/memif/mem1/told
test -w /sys/bus/pci/rescan || echo safe
test -w /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages && echo writable
"""
    assert on(testbed, "beta", script).split() == ["beta", "up", "told", "safe", "writable"]


def test_a_whole_testbed_is_left_alone(testbed: Inventory) -> None:
    name = name_of(testbed)
    before, files, owner = inits(name), Folders(name).state.stat(), namespaces.status(name).made_by
    assert namespaces.up(testbed, made_by="another") == testbed
    assert inits(name) == before
    assert Folders(name).state.stat().st_mtime_ns == files.st_mtime_ns
    assert namespaces.status(name).made_by == owner != "another"


def test_what_is_on_disk_survives_down_and_up(spare: Inventory) -> None:
    inventory = namespaces.up(spare)
    script = "for p in /root /var/lib/dpdk-orchestrator /tmp; do echo kept >$p/file; done"
    on(inventory, "alpha", script)
    namespaces.down(name_of(spare))
    assert namespaces.up(spare) == inventory  # the same addresses and keys, too
    assert on(inventory, "alpha", "cat /root/file /var/lib/dpdk-orchestrator/file; ls /tmp").split() == ["kept", "kept"]


def test_another_inventory_changes_only_what_differs(spare: Inventory) -> None:
    inventory = namespaces.up(spare)
    name = name_of(spare)
    before = inits(name)
    alpha = inventory.hosts[0].model_copy(update={"hugepages": Hugepages(pages=32)})
    fewer = tuple(link for link in inventory.links if link.name not in ("veth2", "mem1"))
    changed = inventory.model_copy(update={"hosts": (alpha, inventory.hosts[1]), "links": fewer})
    with pytest.raises(TestbedError, match="made from another inventory"):
        namespaces.resolve(changed)
    namespaces.up(changed)
    status = namespaces.status(name)
    assert inits(name) == before
    assert [host.hugepages_bytes for host in status.hosts] == [64 << 20, 256 << 20]
    assert [link.name for link in status.links] == ["veth0", "veth1", "mem0"]
    for host in ("alpha", "beta"):
        shown = on(changed, host, "ls /sys/class/net").split()
        assert "data1" in shown
        assert not {"data2", "br2", "ddata2"} & set(shown)
        assert "/run/memif/mem1" not in on(changed, host, "cat /proc/mounts")


def test_two_controllers_at_once_make_one_testbed(spare: Inventory) -> None:
    made: list[Inventory] = []
    threads = [threading.Thread(target=lambda: made.append(namespaces.up(spare))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made[0] == made[1] == made[2]
    assert namespaces.status(name_of(spare)).missing == ()


def test_a_controller_that_does_not_let_go_is_named(spare: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "LOCK_S", 0.1)
    lock = Folders(name_of(spare)).locks / f"testbed-{name_of(spare)}.lock"
    with (
        locks.held(lock, "the other one", what="x", wait_s=1),
        pytest.raises(HostBusy, match=rf"being changed by the other one \(pid {os.getpid()}"),
    ):
        namespaces.up(spare)
    assert left_of(name_of(spare)) == []


MAKE = """
import sys
from pathlib import Path
from orchestrator.inventory.model import Inventory
from orchestrator.testbeds import namespaces
inventory = Inventory.model_validate_json(sys.stdin.read())
print("go", flush=True)
namespaces.up(inventory)
"""


@pytest.mark.parametrize("milliseconds", [15, 60, 120])
@pytest.mark.parametrize("then", ["down", "up"])
def test_a_controller_killed_in_the_middle(spare: Inventory, milliseconds: int, then: str) -> None:
    before = machine()
    with subprocess.Popen(
        [sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT
    ) as controller:
        assert controller.stdin is not None
        assert controller.stdout is not None
        controller.stdin.write(spare.model_dump_json(by_alias=True).encode())
        controller.stdin.close()
        assert controller.stdout.readline() == b"go\n"
        with contextlib.suppress(subprocess.TimeoutExpired):  # where it is by then is what varies
            controller.wait(milliseconds / 1000)
        controller.kill()
    if then == "up":
        inventory = namespaces.up(spare)
        assert on(inventory, "beta", "hostname").strip() == "beta"
    namespaces.down(name_of(spare))
    assert left_of(name_of(spare)) == []
    assert machine() == before


def test_a_host_that_no_state_knows_is_found(spare: Inventory) -> None:
    name = name_of(spare)
    namespaces.up(spare)
    running = [Identity(pid, host_init.start_time(pid)) for pid in inits(name).values()]
    folders = Folders(name)
    folders.state.unlink()
    (folders.host("alpha") / "init.json").unlink()
    report = namespaces.down(name)
    assert report.hosts == ("alpha", "beta")
    assert left_of(name) == []
    assert not any(identity.alive() for identity in running)


def test_the_state_of_another_boot_harms_nobody(spare: Inventory) -> None:
    name = name_of(spare)
    inventory = namespaces.up(spare)
    namespaces.down(name)
    folders = Folders(name)
    with subprocess.Popen(["sleep", "300"]) as bystander:
        states.save(folders, states.State("before", spare, {}))
        record = json.loads(folders.state.read_text())
        folders.state.write_text(json.dumps({**record, "boot_id": "another"}))
        folders.host("alpha").mkdir(parents=True)
        identity = {"pid": bystander.pid, "start_time": host_init.start_time(bystander.pid)}
        (folders.host("alpha") / "init.json").write_text(json.dumps(identity))
        assert namespaces.up(spare) == inventory
        assert namespaces.status(name).made_by == "user"
        namespaces.down(name)
        assert bystander.poll() is None
        bystander.kill()
    assert left_of(name) == []


def test_hosts_without_a_state_are_made_anew(spare: Inventory) -> None:
    before = namespaces.up(spare)
    pids = inits(name_of(spare))
    Folders(name_of(spare)).state.unlink()
    assert namespaces.up(spare) == before
    assert not set(pids.values()) & set(inits(name_of(spare)).values())
    assert on(before, "alpha", "hostname").strip() == "alpha"


def test_a_mount_of_somebody_elses_is_not_deleted(spare: Inventory) -> None:
    name = name_of(spare)
    namespaces.up(spare)
    place = Folders(name).run / "mine"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "mine", str(place)], check=True, timeout=10)
    (place / "precious").touch()
    try:
        with pytest.raises(TestbedError, match="something is mounted at"):
            namespaces.down(name)
        assert (place / "precious").exists()
    finally:
        unmount(place)
    namespaces.down(name)
    assert left_of(name) == []


def test_a_host_that_cannot_be_made_says_why(spare: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> dict[str, object]:
        plan = real(*arguments)  # type: ignore[arg-type]
        plan["steps"].append({**plan["steps"][0], "source": "/no/such/folder", "path": "/x"})
        return plan

    real = namespaces.root_plan.host_plan
    monkeypatch.setattr(namespaces.root_plan, "host_plan", broken)
    with pytest.raises(TestbedError, match=r"^(alpha|beta): init: error: .*open_tree /no/such/folder: No such file"):
        namespaces.up(spare)
    monkeypatch.undo()
    namespaces.up(spare)


def test_an_sshd_that_does_not_start_says_why(spare: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = namespaces.ssh_server.server_files

    def broken(*arguments: object) -> dict[str, tuple[str, int]]:
        return {**real(*arguments), "/etc/ssh/sshd_config": ("Nonsense yes\n", 0o644)}  # type: ignore[arg-type]

    monkeypatch.setattr(namespaces.ssh_server, "server_files", broken)
    with pytest.raises(TestbedError, match=r"sshd: .*ended at once.*Bad configuration option: Nonsense"):
        namespaces.up(spare)


def test_without_root_it_says_what_root_is_for(spare: Inventory) -> None:
    os.seteuid(65534)
    try:
        for attempt in (lambda: namespaces.up(spare), lambda: namespaces.down("x"), lambda: namespaces.status("x")):
            with pytest.raises(UsageError, match="needs root: namespaces, mounts"):
                attempt()
    finally:
        os.seteuid(0)


def test_missing_programs_are_listed_with_their_packages(spare: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.testbeds.requirements.PATH", "/nowhere")
    with pytest.raises(TestbedError, match=r"ip, nsenter, sshd, ssh-keygen - run: apt-get install iproute2 openssh"):
        namespaces.up(spare)


def test_a_testbed_that_is_not_up(spare: Inventory) -> None:
    with pytest.raises(TestbedError, match=r"is not up - run: invoke testbed-up"):
        namespaces.resolve(spare)
    with pytest.raises(TestbedError, match="is not up"):
        namespaces.status(name_of(spare))
    assert not namespaces.down(name_of(spare)).anything
    assert name_of(spare) not in namespaces.names()


def test_term_ends_a_host(spare: Inventory) -> None:
    inventory = namespaces.up(spare)
    on(inventory, "alpha", "setsid sleep 300 >/dev/null 2>&1 </dev/null &")
    pid = inits(name_of(spare))["alpha"]
    handle = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGTERM)
        assert select.select([handle], [], [], 3)[0] == [handle]
    finally:
        os.close(handle)
    assert namespaces.status(name_of(spare)).hosts[0].init_pid is None


def test_a_file_that_was_upgraded_on_the_machine_is_shown_anew(
    spare: Inventory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a package manager does it: a new file is renamed over the old one, which hosts go on seeing."""
    real = namespaces.root_plan.host_plan
    source = tmp_path / "upgraded"
    source.write_text("old")

    def with_file(*arguments: object) -> dict[str, object]:
        plan = real(*arguments)  # type: ignore[arg-type]
        plan["steps"].append(namespaces.root_plan.bind(source, "/etc/upgraded"))
        return plan

    monkeypatch.setattr(namespaces.root_plan, "host_plan", with_file)
    inventory = namespaces.up(spare)
    before = inits(name_of(spare))
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").rename(source)
    assert on(inventory, "alpha", "cat /etc/upgraded") == "old"
    assert "alpha: replaced on the machine: /etc/upgraded" in namespaces.status(name_of(spare)).missing
    namespaces.up(spare)
    assert on(inventory, "alpha", "cat /etc/upgraded") == "new"
    assert inits(name_of(spare)) == before


@pytest.fixture
def four_pages() -> Iterator[None]:
    """Four more hugepages of 2 MiB in the machine's pool, given back at the end."""
    pool = Path("/proc/sys/vm/nr_hugepages")
    pool.write_text(str(int(pool.read_text()) + 4))
    try:
        yield
    finally:
        pool.write_text(str(int(pool.read_text()) - 4))


HOLD_PAGES = """
import mmap, os
file = os.open("/dev/hugepages/held", os.O_CREAT | os.O_RDWR)
os.ftruncate(file, 3 * 2097152)
try:
    mmap.mmap(file, 3 * 2097152)
except OSError as error:
    print(type(error).__name__, error.errno)
area = mmap.mmap(file, 2 * 2097152)
area[0] = area[2097152] = 1
share = os.statvfs("/dev/hugepages")
print(share.f_blocks, share.f_bfree, flush=True)
"""


def test_the_hugepage_share_is_enforced_and_free_again_after_down(spare: Inventory, four_pages: None) -> None:
    alpha = spare.hosts[0].model_copy(update={"hugepages": Hugepages(pages=2)})
    inventory = namespaces.up(spare.model_copy(update={"hosts": (alpha, spare.hosts[1])}))
    told = python_on(inventory, "alpha", HOLD_PAGES).split()
    assert told == ["OSError", "12", "2", "0"]
    status = namespaces.status(name_of(spare)).hosts[0]
    assert (status.hugepages_bytes, status.hugepages_free_bytes) == (4 << 20, 0)
    device = Path(f"/proc/{status.init_pid}/root/dev/hugepages").stat().st_dev
    number = f" {os.major(device)}:{os.minor(device)} "
    assert number in all_mounts()
    namespaces.down(name_of(spare))
    assert number not in all_mounts()  # the file system is gone, and with it the file that held the pages


def all_mounts() -> str:
    """The mounts that any process on this machine sees. (The pool's count of free pages is not ours alone.)"""
    found = []
    for entry in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):
            found.append(entry.read_text(encoding="utf-8"))
    return "".join(found)
