"""The store over DPDK, started directly over memif: clients at once, losses, and ends that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import started
from support.dpdk_lab import Lab, Program, cpu
from support.lab_home import lab_home
from support.store_mount import Mounted, is_mounted
from support.store_writers import BLOCK, BLOCKS, Writers, check_block, check_log
from support.workloads import burnt_while_idle, clone_with_git, verify_with_fio, write_a_database

TESTS = Path(__file__).parents[1]
SERVER_IP = "198.19.0.1"
PAGES = 128
SERVER_KILLS = 50
CLIENT_KILLS = 20
BACK_S = 2.0
DEADLINE_S = 60.0
IDLE_SHARE = 0.01
FILES = 2000
HOSTILE = "drop=0.1,duplicate=0.05,reorder=0.05,corrupt=0.01"
OPERATIONS = int(os.environ.get("STORE_TORTURE", "4000"))

pytestmark = pytest.mark.timeout(300)


class Store:
    """Servers and clients of one test, in a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.backing = lab.path / "backing"
        self.backing.mkdir(exist_ok=True)
        self.at = lab.path / "mnt"
        self.at.mkdir(exist_ok=True)
        self.servers = 0
        self.mounts: list[Mounted] = []

    def server(self, *options: str, ports: int = 1, serve: str = "store") -> Program:
        """A server of a link to each of as many clients."""
        self.servers += 1
        own = ["-p", hex((1 << ports) - 1), "--ip", SERVER_IP, "--serve", serve, "--idle", "yield"]
        if serve == "store":
            own += ["--backing", str(self.backing), "--durability", "log", "--state", f"{self.backing}.state"]
        argv = [*self.lab.eal("server", 0, cpu(1)), *self.lab.vdevs("server", ports), "--", *own, *options]
        program = self.lab.start("store_server_dpdk", f"server{self.servers}", argv, folder="store/server")
        program.wait_ready()
        return program

    def client(self, number: int) -> list[str]:
        """The command line of a client up to its own options, over the link of this number."""
        port = f"id={number},socket-abstract=no,socket={self.lab.path}/memif{number}.sock"
        eal = [*self.lab.eal(f"client{number}", 0, cpu(0)), f"--vdev=net_memif0,role=client,{port}"]
        return [*eal, "--", "-p", "1", "--ip", f"198.19.0.{number + 2}", "--peer-ip", SERVER_IP, "--idle", "yield"]

    def load(self, number: int, name: str, *options: str, window: float = 0.5) -> Program:
        """The load client."""
        own = ["--warmup", "0.1", "--window", str(window), "--samples", str(self.lab.path / f"{name}.bin")]
        argv = [*self.client(number), *own, *options]
        return self.lab.start("store_load_dpdk", name, argv, folder="store/load")

    def mount(self, *options: str) -> Mounted:
        """A mount over the first link."""
        stats = self.lab.path / "mount.json"
        program = str(self.lab.binaries / "store/mount/store_mount_dpdk")
        argv = [program, *self.client(0), "--mount", str(self.at), "--stats", str(stats), *options]
        self.mounts.append(Mounted(self.at, self.backing, started.start(argv), stats))
        return self.mounts[-1]

    def end(self) -> None:
        for program in self.lab.started:
            if program.process.poll() is None:
                program.process.kill()
            program.process.communicate()
        self.lab.started.clear()
        for mount in self.mounts:
            if mount.process.poll() is None:
                mount.process.kill()
            mount.process.communicate()
        if is_mounted(self.at):
            subprocess.run(["umount", "-l", str(self.at)], check=True)


@pytest.fixture
def store(store_binaries: Path) -> Iterator[Store]:
    with lab_home(store_binaries, PAGES) as lab:
        made = Store(lab)
        try:
            yield made
        finally:
            made.end()


def ended(program: Program) -> dict[str, Any]:
    """The statistics of a load client that ends by itself, and well."""
    code = program.process.wait(DEADLINE_S)
    assert code == 0, program.errors()
    stats = program.stats()
    assert (stats["lost"], stats["corrupt"], stats["ended"], stats["errors"]) == (0, 0, "done", {})
    assert stats["pool"]["in_use_at_end"] == 0
    return stats


def test_two_clients_at_once_each_over_a_link_of_its_own(store: Store) -> None:
    server = store.server(ports=2)
    options = ("--what", "store", "--op", "mixed", "--size", "4096", "--file-mb", "2", "--depth", "2")
    loads = [store.load(number, f"load{number}", *options, "--name", f"file{number}") for number in (0, 1)]
    stats = [ended(load) for load in loads]
    assert all(each["reads"] > 100 and each["writes"] > 100 for each in stats)
    assert server.stop() == 0
    queues = server.stats()["queues"]
    assert [queue["rx_packets"] for queue in queues] == [each["queues"][0]["tx_packets"] for each in stats]
    assert server.stats()["pool"]["in_use_at_end"] == 0
    assert list(store.backing.iterdir()) == []


def test_a_mebibyte_comes_through_a_link_that_loses_a_tenth(store: Store) -> None:
    server = store.server(serve="echo")
    faults = ("--fault-seed", "5", "--fault-out", "drop=0.1", "--fault-in", "drop=0.1")
    options = ("--what", "echo", "--op", "mixed", "--size", str(1 << 20), "--depth", "1", "--timeout-ms", "5000")
    stats = ended(store.load(0, "load", *options, *faults, window=1.0))
    assert stats["sent"] > 10
    # About as many as were lost are sent again, not whole values.
    fragments = stats["rpc"]["tx"]
    assert 0.05 * fragments < stats["rpc"]["retransmitted"] < 0.3 * fragments
    assert server.stop() == 0


def test_a_server_killed_while_it_is_written_to(store: Store) -> None:
    server = store.server()
    mount = store.mount()
    writers = Writers(mount.at)
    slowest = 0.0
    try:
        for _ in range(SERVER_KILLS):
            time.sleep(0.05)
            server.process.kill()
            server.process.wait()
            server = store.server()
            began = time.monotonic()
            os.statvfs(mount.at)
            slowest = max(slowest, time.monotonic() - began)
    finally:
        said = writers.end()
    assert [file["failure"] for file in said.values()] == [""] * 3
    assert slowest < BACK_S
    for name in Writers.logs:
        check_log((store.backing / name).read_bytes(), said[name]["acknowledged"], said[name]["in_doubt"])
    blocks = (store.backing / Writers.blocks).read_bytes()
    for place in range(BLOCKS):
        check_block(blocks[place * BLOCK : (place + 1) * BLOCK], set(said[Writers.blocks]["possible"][place]))
    assert mount.end()[0] == 0
    stats = mount.counts()
    assert stats["rpc"]["restarts"] == SERVER_KILLS
    assert stats["queues"][0]["links"] == SERVER_KILLS + 1


def test_a_client_that_is_killed_does_not_stop_another(store: Store) -> None:
    server = store.server("--clients", "4", ports=2)
    options = ("--what", "store", "--op", "mixed", "--size", "4096", "--file-mb", "1", "--depth", "1")
    other = store.load(1, "other", *options, "--name", "other", window=20.0)
    other.wait_ready()
    for number in range(CLIENT_KILLS):
        victim = store.load(0, "victim", *options, "--name", f"victim{number}", window=30.0)
        victim.wait_ready()
        time.sleep(0.05)
        victim.stop(signal.SIGKILL)
        assert server.process.poll() is None, server.errors()
    other.process.send_signal(signal.SIGINT)
    assert other.process.wait(DEADLINE_S) == 0, other.errors()
    stats = other.stats()
    assert (stats["lost"], stats["corrupt"], stats["errors"]) == (0, 0, {})
    assert stats["rpc"]["restarts"] == 0
    assert server.stop() == 0
    assert server.stats()["queues"][0]["links"] == CLIENT_KILLS


def test_operations_of_all_kinds_through_a_hostile_network(store: Store) -> None:
    server = store.server()
    mount = store.mount("--fault-seed", "11", "--fault-out", HOSTILE, "--fault-in", HOSTILE)
    command = [sys.executable, "-m", "torture", "--folder", str(mount.at), "--seed", "3"]
    done = subprocess.run(
        [*command, "--operations", str(OPERATIONS), "--jobs", "16"],
        capture_output=True, text=True, check=False, cwd=TESTS, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert mount.end()[0] == 0
    stats = json.loads(mount.stats.read_text())
    assert stats["rpc"]["retransmitted"] > 0
    assert all(stats["faults"][way][kind] > 0 for way in ("out", "in") for kind in ("drop", "duplicate", "corrupt"))
    assert server.stop() == 0


def test_an_idle_mount_burns_no_core(store: Store) -> None:
    """Although DPDK polls: with nothing out there is nothing to poll for, be the server there or not."""
    server = store.server()
    mount = store.mount()
    (mount.at / "file").write_text("content")
    assert burnt_while_idle(mount.process.pid) < IDLE_SHARE
    assert (mount.at / "file").read_text() == "content"
    server.process.kill()
    assert burnt_while_idle(mount.process.pid) < IDLE_SHARE


@pytest.mark.parametrize("cache", ["none", "auto"])
def test_real_programs_work_on_a_mount(store: Store, tmp_path: Path, cache: str) -> None:
    store.server("--cache", cache)
    mount = store.mount()
    verify_with_fio(mount.at, tmp_path, "io_uring")
    clone_with_git(mount.at, tmp_path, FILES)
    for journal in ("delete", "wal"):
        write_a_database(mount.at, journal)
        (mount.at / "data.db").unlink()
    assert mount.end()[0] == 0
