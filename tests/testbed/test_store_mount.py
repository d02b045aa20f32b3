"""A store that is mounted to work in: it outlives its command, and every end takes it away."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from support.run_bed import Bed
from support.tool import Tool, eventually

from orchestrator.commands.store_state import StoreFiles, StoreState
from orchestrator.errors import HostBusy
from orchestrator.testbeds.paths import RUN

pytestmark = pytest.mark.timeout(300)

TCP = ("--transport", "tcp")
GONE_S = 10.0


class Store:
    """The store of a testbed."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.files = StoreFiles(RUN / "stores", bed.name)

    @property
    def state(self) -> StoreState:
        state = self.files.read()
        assert state is not None
        return state

    def mount(self, *options: str) -> str:
        done = self.bed.tool("store-mount", *(options or TCP), within_s=120)
        assert done.code == 0, done.stderr
        return done.stdout

    def status(self) -> str:
        return self.bed.tool("store-status").stdout

    def processes(self, program: str) -> list[int]:
        return [seen.pid for seen in self.bed.of_run(self.state.run_id, program)]

    def on_client(self, script: str) -> str:
        return self.bed.on_host("alpha", "sh", "-c", script)

    def mounts(self) -> list[str]:
        return [line for line in self.on_client("cat /proc/self/mounts").splitlines() if "fuse.store" in line]


@pytest.fixture
def store(bed: Bed) -> Iterator[Store]:
    """Nothing is mounted, before and after."""
    made = Store(bed)
    yield made
    if made.files.read() is not None:
        bed.tool("restore", within_s=120)


def settled(store: Store) -> None:
    """Nothing of a store is left on the hosts, and nothing is known of it."""
    eventually(lambda: not store.mounts(), GONE_S, f"unmounted: {store.mounts()}")
    store.bed.settled()
    for host in ("alpha", "beta"):
        assert "dporch-" not in store.bed.on_host(host, "ls", "/dev/shm")


@pytest.mark.parametrize("transport", ["tcp", "dpdk"])
def test_it_serves_after_its_command_has_ended_and_goes_with_umount(store: Store, transport: str) -> None:
    said = store.mount("--transport", transport)
    assert "alpha:/mnt/store" in said
    assert len(store.mounts()) == 1
    store.on_client("echo kept >/mnt/store/file; mkdir /mnt/store/folder")
    ssh = store.bed.tool("ssh", "alpha")  # a shell that has nothing to read
    assert ssh.code == 0, ssh.stderr
    assert store.on_client("cat /mnt/store/file; ls /mnt/store").split() == ["kept", "file", "folder"]
    backing = store.bed.workdir("beta") / "runs" / store.state.run_id / "store" / "backing"
    assert sorted(path.name for path in backing.iterdir()) == ["file", "folder"]
    done = store.bed.tool("store-umount")
    assert done.code == 0, done.stderr
    assert "is unmounted from alpha:/mnt/store" in done.stdout
    assert store.files.read() is None
    settled(store)
    assert "store" not in store.on_client("ls /mnt").split()


def test_others_are_refused_and_told_what_to_do(store: Store) -> None:
    store.mount()
    remedy = f"invoke store-umount --inventory {store.bed.inventory}"
    second = store.bed.tool("store-mount", *TCP)
    assert (second.code, remedy in second.error) == (HostBusy.exit_code, True)
    run = store.bed.run("transport=tcp", "processes=1", "window_s=0.1")
    assert (run.code, remedy in run.error, "a store is mounted until" in run.error) == (HostBusy.exit_code, True, True)
    assert len(store.mounts()) == 1


@pytest.mark.parametrize("task", ["restore", "testbed-down"])
def test_restore_and_testbed_down_end_it_first(store: Store, task: str) -> None:
    store.mount()
    keeper = store.state.identity
    done = store.bed.tool(task, within_s=120)
    assert done.code == 0, done.stderr
    assert "is unmounted from alpha:/mnt/store" in done.stdout
    assert not keeper.alive()
    if task == "restore":
        settled(store)


def test_a_keeper_that_is_killed_leaves_nothing_running_and_restore_removes_the_rest(store: Store) -> None:
    store.mount("--transport", "tcp", "--durability", "memory")
    store.on_client("echo x >/mnt/store/file")
    run_id = store.state.run_id
    os.kill(store.state.pid, signal.SIGKILL)
    eventually(lambda: not store.bed.of_run(run_id), GONE_S, "processes of the store ended")
    eventually(lambda: not store.mounts(), GONE_S, "unmounted")
    assert "its keeper" in store.status()
    done = store.bed.tool("restore")
    assert done.code == 0, done.stderr
    assert f"beta: files of run {run_id} removed" in done.stdout
    settled(store)


def test_it_goes_by_itself_when_its_hours_are_over(store: Store) -> None:
    store.mount(*TCP, "--hours", "0.0015")
    keeper = store.state.identity
    eventually(lambda: not keeper.alive(), 60.0, "the keeper ended")
    assert "the last one ended: its hours are over" in store.status()
    settled(store)


def test_a_server_that_is_killed_is_started_again_once_and_files_go_on(store: Store) -> None:
    store.mount()
    store.on_client("echo before >/mnt/store/file")
    (first,) = store.processes("store_server_tcp")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: "it is started again" in str(store.state.troubles), GONE_S, "the death was seen")
    eventually(lambda: store.processes("store_server_tcp"), GONE_S, "a server again")
    eventually(lambda: _try(store, "cat /mnt/store/file") == "before\n", GONE_S, "the file is there again")
    (second,) = store.processes("store_server_tcp")
    os.kill(second, signal.SIGKILL)
    eventually(lambda: store.state.phase == "broken", GONE_S, "the second death was seen")
    assert "broken: " in store.status()
    assert store.bed.tool("store-umount").code == 0
    settled(store)


def _try(store: Store, script: str) -> str:
    with contextlib.suppress(Exception):
        return store.on_client(script)
    return ""


def test_a_relay_that_is_killed_ends_the_store_where_it_was_the_last(store: Store) -> None:
    store.mount()
    keeper = store.state.identity
    (relay,) = store.processes("store_mount_tcp")[:1]
    os.kill(relay, signal.SIGKILL)
    eventually(lambda: not keeper.alive(), 60.0, "the keeper ended")
    assert "nothing is mounted any more" in store.status()
    settled(store)


def test_files_stay_where_a_folder_is_named_and_two_clients_see_the_same(store: Store) -> None:
    folder = "/srv/kept"
    options = (*TCP, "--backing", folder, "--clients", "alpha,alpha")
    store.mount(*options)
    store.on_client("echo one >/mnt/store/file")
    assert store.on_client("cat /mnt/store-2/file") == "one\n"
    assert store.bed.tool("store-umount").code == 0
    assert store.bed.on_host("beta", "cat", f"{folder}/file") == "one\n"
    store.mount(*options)
    assert store.on_client("cat /mnt/store-2/file") == "one\n"
    assert store.bed.tool("store-umount").code == 0
    store.bed.on_host("beta", "rm", "-r", folder)
    settled(store)


@pytest.mark.parametrize(
    ("script", "why"), [("mkdir -p /mnt/full/x", "is not empty"), ("touch /mnt/full", "is no folder")]
)
def test_a_mount_point_that_is_in_use_is_refused(store: Store, script: str, why: str) -> None:
    store.on_client(f"rm -rf /mnt/full; {script}")
    done = store.bed.tool("store-mount", *TCP, "--at", "/mnt/full")
    store.on_client("rm -rf /mnt/full")
    assert f"alpha: cannot mount there: /mnt/full {why}" in done.error
    assert store.files.read() is None
    settled(store)


def test_an_interrupted_mount_leaves_nothing(store: Store) -> None:
    arguments: tuple[Any, ...] = ("store-mount", *TCP, "--inventory", str(store.bed.inventory))
    with Tool(*arguments, results=store.bed.results) as tool:
        tool.wait_for("^mounting")
        tool.signal_group(signal.SIGINT)
        assert tool.wait(90).code == 130
    assert store.files.read() is None
    settled(store)
