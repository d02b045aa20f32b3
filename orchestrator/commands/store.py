"""`invoke store-mount`, `store-umount`, `store-status`: a mounted store to work in, kept by a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import cast

from orchestrator.apps.store_params import Cache, Durability
from orchestrator.commands.checkout import INVENTORIES, ROOT, inventory_named
from orchestrator.commands.progress import Progress
from orchestrator.commands.remedies import for_inventory
from orchestrator.commands.store_keeper import Request
from orchestrator.commands.store_state import StoreFiles, StoreState, store_files
from orchestrator.errors import HostBusy, OrchestratorError, UsageError, as_told
from orchestrator.inventory.loader import find
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import TrialContext
from orchestrator.scenarios.store_session import LINKS, Wish, plan_store
from orchestrator.testbeds.processes import end_all
from orchestrator.testbeds.requirements import require_root

ENDING_S = 60.0
"""A keeper that is asked to end stops processes, puts hosts back and takes its testbed down within this."""
MOST_HOURS = 24.0 * 14
CHOICES = {
    "--transport": tuple(LINKS),
    "--link": ("", "memif", "veth", "wire"),
    "--durability": ("memory", "log", "dsync"),
    "--cache": ("none", "auto"),
}


def wish_of(*, transport: str, link: str, durability: str, cache: str, at: str, backing: str, clients: str) -> Wish:
    """The options of `store-mount` as they are kept. Raises UsageError naming the one that is wrong."""
    given = {"--transport": transport, "--link": link, "--durability": durability, "--cache": cache}
    for option, text in given.items():
        if text not in CHOICES[option]:
            raise UsageError(
                f"{option} {text} is not known", remedy=f"one of {', '.join(each for each in CHOICES[option] if each)}"
            )
    return Wish(
        transport=transport,
        link=link,
        durability=cast(Durability, durability),
        cache=cast(Cache, cache),
        at=at.rstrip("/") or at,
        backing=backing.rstrip("/"),
        clients=tuple(filter(None, clients.split(","))),
    )


def mount(inventory_name: str, wish: Wish, hours: float) -> str:
    """Start the keeper and wait until the store is mounted; returns where it is, how to use it and until when.

    Raises UsageError, HostBusy (there is one already, or a run is on the hosts), and what kept it from being mounted.
    """
    if not 0 < hours <= MOST_HOURS:
        raise UsageError(f"--hours {hours:g} is out of range: above 0 to {MOST_HOURS:g}")
    inventory = inventory_named(inventory_name)
    if inventory.testbed is not None:
        require_root()
    plan_store(inventory, wish, TrialContext(digest="", key="", tag=0))  # what is wrong with the wish is said here
    files = store_files(inventory, inventory_name)
    known = files.read()
    if known is not None and known.kept:
        raise HostBusy(f"{_called(files)} is mounted already by {known.owner}", remedy="run: invoke store-umount")
    files.drop()
    Progress(inventory_name).note(f"mounting; what is done is said in {files.log}")
    request = Request(inventory=_resolved(inventory_name), hours=hours, wish=wish)
    answer = _start(files, request)
    if "serving" not in answer:
        files.drop()
        raise as_told(str(answer["error"]), int(str(answer["exit_code"])))
    state = files.read()
    if state is None:
        raise OrchestratorError("the keeper ended at once", remedy=f"see {files.log}")
    return for_inventory("\n".join(_told(state)), inventory_name)


def umount(inventory_name: str) -> str:
    """End the keeper, by its id, and wait until hosts are put back; returns what was done."""
    inventory = inventory_named(inventory_name)
    done = end_store(inventory, inventory_name)
    return done or f"{_called(store_files(inventory, inventory_name))} is not mounted"


def end_store(inventory: Inventory, inventory_name: str, *, restoring: bool = False) -> str:
    """End the mounted store of an inventory, if there is one; what was done, or empty.

    Raises OrchestratorError where something was not put back, unless `restoring` that comes next.
    """
    return _end(store_files(inventory, inventory_name), restoring=restoring)


def status(inventory_name: str) -> str:
    """What is mounted, how it is, and until when; or how the last one ended."""
    files = store_files(inventory_named(inventory_name), inventory_name)
    state = files.read()
    if state is None:
        return f"{_called(files)} is not mounted"
    if state.phase == "ended":
        lines = [f"{_called(files)} is not mounted; the last one ended: {state.ended}", *_troubles(state)]
        return for_inventory("\n".join(lines), inventory_name)
    if not state.kept:
        line = (
            f"{_called(files)}: its keeper (pid {state.pid}) is gone, and the hosts have ended what it had started - "
            "run: invoke restore"
        )
        return for_inventory(line, inventory_name)
    return for_inventory("\n".join([*_told(state), f"log: {files.log}"]), inventory_name)


def _start(files: StoreFiles, request: Request) -> dict[str, object]:
    """Start the keeper detached from this command, and wait for what it says."""
    files.folder.mkdir(parents=True, exist_ok=True)
    log = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        keeper = subprocess.Popen(
            (sys.executable, "-m", "orchestrator.commands.store_keeper"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            text=True,
        )
    finally:
        os.close(log)
    assert keeper.stdin is not None  # noqa: S101 - asked for above
    assert keeper.stdout is not None  # noqa: S101
    try:
        with keeper.stdin as pipe:
            pipe.write(request.model_dump_json())
        with keeper.stdout as pipe:
            line = pipe.readline()
    except KeyboardInterrupt:
        keeper.terminate()
        keeper.wait(ENDING_S)
        files.drop()
        raise
    if not line:
        tail = files.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise OrchestratorError(f"the keeper ended: {''.join(tail)}", remedy=f"see {files.log}")
    answer = json.loads(line)
    if "serving" not in answer:
        keeper.wait(ENDING_S)
    return cast(dict[str, object], answer)


def _end(files: StoreFiles, *, restoring: bool = False) -> str:
    state = files.read()
    if state is None:
        return ""
    if state.phase == "ended" and not state.kept:
        files.drop()
        return ""
    was_kept = state.kept
    end_all([state.identity], term_s=ENDING_S)
    last = files.read() or state
    if last.failed and not restoring:
        raise OrchestratorError(
            f"{_called(files)}: {last.ended}; {'; '.join(last.troubles)}",
            remedy=f"run: invoke restore; see {files.log}",
        )
    files.drop()
    if not was_kept:
        files.lock.unlink(missing_ok=True)
        hint = "" if restoring else "; what it left there goes by: invoke restore"
        return f"{_called(files)}: its keeper was gone, and the hosts had ended what it had started{hint}"
    where = ", ".join(f"{mounted.host}:{mounted.path}" for mounted in state.mounts)
    return "\n".join([f"{_called(files)} is unmounted from {where}", *_troubles(last)])


def _told(state: StoreState) -> list[str]:
    left = state.until - datetime.now(UTC)
    hours, minutes = divmod(max(int(left.total_seconds()) // 60, 0), 60)
    files = f"its files are in {state.backing}, and stay" if state.stays else "its files go with the mount"
    driver = "" if state.driver == state.link else f" ({state.driver})"
    store = f"{state.transport} over {state.link}{driver}, durability={state.durability}, cache={state.cache}"
    until = f"until {state.until:%Y-%m-%d %H:%M} UTC, {hours} h {minutes} min from now"
    return [
        f"{state.phase}: {store}; the server is on {state.server}, {files}",
        *(f"  {each.host}:{each.path}   (invoke ssh {each.host} -- ls {each.path})" for each in state.mounts),
        f"by {state.owner} {until}; before that: invoke store-umount",
        *_troubles(state),
    ]


def _troubles(state: StoreState) -> list[str]:
    return [f"  {line}" for line in state.troubles]


def _called(files: StoreFiles) -> str:
    return f"the store of {files.name}"


def _resolved(inventory_name: str) -> str:
    """The inventory's name, or its whole path where it is none of ours: the keeper runs in another folder."""
    path = find(inventory_name, INVENTORIES).resolve()
    return path.stem if path.parent == INVENTORIES.resolve() else str(path)
