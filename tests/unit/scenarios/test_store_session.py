"""What is started for a store that is mounted to work in."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.commands.checkout import INVENTORIES
from orchestrator.errors import UsageError
from orchestrator.inventory.cores import resolve_cores
from orchestrator.inventory.loader import load
from orchestrator.scenarios.base import TrialContext
from orchestrator.scenarios.store_session import StorePlan, Wish, plan_store

CONTEXT = TrialContext(digest="0123456789abcdef", key="mount1", tag=0)


def planned(inventory_name: str = "local", **changes: Any) -> StorePlan:
    inventory = resolve_cores(load(INVENTORIES / f"{inventory_name}.yml"), (0, 1))
    wish: dict[str, Any] = {
        "transport": "dpdk",
        "link": "",
        "durability": "log",
        "cache": "auto",
        "at": "/mnt/store",
    }
    return plan_store(inventory, Wish(**(wish | changes)), CONTEXT)


def test_a_server_and_a_relay_that_give_the_cpu_away_and_one_folder_that_goes() -> None:
    plan = planned()
    assert (plan.link, plan.driver, plan.backing) == ("memif", "memif", "backing")
    assert (plan.server.host, plan.server.folders) == ("beta", ("backing",))
    assert {"--serve=store", "--state=server.state", "--durability=log", "--cache=auto"} <= set(plan.server.argv)
    (relay,) = plan.relays
    assert (relay.host, relay.app) == ("alpha", "store_mount_dpdk")
    assert {"--mount=/mnt/store", "--deadline-ms=5000"} <= set(relay.argv)
    assert all("--idle=yield" in process.argv for process in plan.processes)
    assert [(mount.host, mount.path, mount.process) for mount in plan.mounts] == [("alpha", "/mnt/store", "mount0")]


def test_files_that_are_to_stay_are_nobodys_to_remove() -> None:
    plan = planned(backing="/srv/files")
    assert plan.backing == "/srv/files"
    assert plan.server.folders == ()
    assert "--backing=/srv/files" in plan.server.argv
    assert planned(durability="memory").server.folders == ("/dev/shm/dporch-mount1-store",)


def test_over_dpdk_each_client_has_a_port_of_the_server() -> None:
    plan = planned(clients=("alpha", "alpha"))
    assert [mount.path for mount in plan.mounts] == ["/mnt/store", "/mnt/store-2"]
    assert plan.server.argv[plan.server.argv.index("-p") + 1] == "3"
    sockets = [next(word for word in relay.argv if word.startswith("--vdev=")) for relay in plan.relays]
    assert [socket.split("/run/memif/")[1].split("/")[0] for socket in sockets] == ["mem0", "mem1"]
    assert len({relay.file_prefix for relay in plan.relays}) == 2
    served = next(word for word in plan.server.argv if word.startswith("--ip=")).removeprefix("--ip=")
    assert all(f"--peer-ip={served}" in relay.argv for relay in plan.relays)


def test_over_tcp_all_clients_share_the_servers_address() -> None:
    plan = planned(transport="tcp", clients=("alpha", "alpha", "alpha"))
    assert plan.link == "veth"
    connects = {word for relay in plan.relays for word in relay.argv if word.startswith("--connect=")}
    assert connects == {word.replace("--listen", "--connect") for word in plan.server.argv if "--listen" in word}
    assert len(connects) == 1


def test_real_hosts_have_their_own_links() -> None:
    plan = planned("two-hosts", transport="dpdk")
    assert plan.link == "wire"
    assert "-a" in plan.server.argv


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"at": "mnt"}, "--at mnt: it must be a whole path"),
        ({"at": "/"}, "--at /: it must be a whole path"),
        ({"at": "/mnt/../etc"}, "it must be a whole path"),
        ({"backing": "files"}, "--backing files: it must be a whole path"),
        ({"clients": ("gamma",)}, "there is no host gamma"),
        ({"transport": "tcp", "link": "memif"}, "tcp cannot cross memif"),
        ({"clients": ("alpha", "alpha", "alpha")}, "too few memif links between alpha and beta: 2 in the inventory"),
    ],
)
def test_what_cannot_be_mounted_is_said(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        planned(**changes)
