"""The process that keeps a store mounted: it holds the connections to the hosts and their leases until it is to end.

`invoke store-mount` starts it in a session of its own and hands it a `Request` through its stdin. On stdout it says
one JSON line when the store serves, `{"serving": true}`, or why it does not, `{"error", "exit_code"}`; its stderr is
the log. It ends when it is asked to by a signal, when the lease is over, when a host is lost, or when nothing is
mounted any more. Where it is killed, the agents on the hosts end what it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from orchestrator.apps.build import build_all
from orchestrator.apps.source import SourceTree
from orchestrator.commands.checkout import APPS, inventory_named
from orchestrator.commands.nics import bind_for_run, reverters
from orchestrator.commands.progress import Progress
from orchestrator.commands.session import Session, hold_all, new_run_id, owner, session
from orchestrator.commands.signals import interruptible, shielded
from orchestrator.commands.store_serving import Serving
from orchestrator.commands.store_state import Mounted, StoreFiles, StoreState, store_files
from orchestrator.errors import OrchestratorError
from orchestrator.experiments.preparation import prepare
from orchestrator.experiments.records import Plan, PlannedTrial, Record
from orchestrator.hosts.restore import restore
from orchestrator.hosts.settings import RUN_OWNER_PREFIX
from orchestrator.inventory.model import Inventory
from orchestrator.remote.process import describe
from orchestrator.scenarios.base import TrialContext
from orchestrator.scenarios.store_session import StorePlan, Wish, plan_store
from orchestrator.testbeds import locks
from orchestrator.testbeds.host_init import start_time

LOOK_EVERY_S = 0.5
REMEDY = "to end it: invoke store-umount"


class Request(Record):
    """What the keeper is to keep. `inventory` is a name, or a whole path."""

    inventory: str
    hours: float
    wish: Wish


def main() -> int:
    """Keep what stdin asks for; the exit code is that of the error that ended it, if any."""
    request = Request.model_validate_json(sys.stdin.read())
    progress = Progress(request.inventory)
    with interruptible():
        try:
            Keeper(request, progress).keep()
        except OrchestratorError as error:
            progress.warn(str(error))
            code, line = error.exit_code, str(error)
        except KeyboardInterrupt:
            code, line = 130, "asked to end before the store was mounted"
        else:
            return 0
    with contextlib.suppress(OrchestratorError):  # the command may be gone
        say({"error": line, "exit_code": code})
    return code


def say(what: dict[str, object]) -> None:
    """Tell the command that waits, and nobody any more after that. Raises OrchestratorError if it is gone."""
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OrchestratorError("the command that asked for the store is gone") from error
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class Keeper:
    """One mounted store, from the request to its end."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self._request, self._progress = request, progress
        self._inventory = inventory_named(request.inventory)
        self._files: StoreFiles = store_files(self._inventory, request.inventory)
        self._run_id = new_run_id()
        self._lease_s = request.hours * 3600
        source = SourceTree(APPS)
        self._source = source
        context = TrialContext(digest=source.digest, key=f"mount{self._run_id}", tag=0)
        self._plan: StorePlan = plan_store(self._inventory, request.wish, context)
        now = datetime.now(UTC).replace(microsecond=0)
        self._state = StoreState(
            run_id=self._run_id,
            owner=owner(),
            pid=os.getpid(),
            start_time=start_time(os.getpid()),
            phase="starting",
            since=now,
            until=now + timedelta(hours=request.hours),
            transport=request.wish.transport,
            link=self._plan.link,
            driver=self._plan.driver,
            durability=request.wish.durability,
            cache=request.wish.cache,
            server=self._plan.server.host,
            backing=request.wish.backing,
            stays=bool(request.wish.backing),
            mounts=tuple(Mounted(host=mount.host, path=mount.path) for mount in self._plan.mounts),
        )

    def keep(self) -> None:
        """Mount, watch, and put everything back. Raises what kept the store from being mounted, or put back."""
        with locks.held(self._files.lock, owner(), what=f"the store of {self._files.name}", wait_s=1.0):
            self._tell()
            reason, failed = "", False
            try:
                reason = self._on_hosts()
            except KeyboardInterrupt:
                reason = "asked to end"
                if self._state.phase == "starting":
                    raise
            except OrchestratorError as error:
                reason, failed = str(error), True
                raise
            finally:
                self._tell(phase="ended", ended=reason or "a fault of the keeper: see its log", failed=failed)

    def _on_hosts(self) -> str:
        """Why it ended."""
        made_by = f"{RUN_OWNER_PREFIX}{self._run_id}"
        note = self._progress.note
        with session(self._inventory, self._request.inventory, made_by=made_by, note=note) as hosts:
            until = self._state.until.strftime("%Y-%m-%d %H:%M UTC")
            hold_all(hosts, self._run_id, why=f"a store is mounted until {until}", remedy=REMEDY)
            note("building")
            build_all(hosts.remotes, hosts.inventory, self._source)
            serving = Serving(hosts, self._run_id, self._plan, self._lease_s)
            try:
                needs = _as_plan(self._inventory, self._request.wish.transport, self._plan, self._source.digest)
                bind_for_run(hosts, needs, made_by)
                prepare(hosts.remotes, hosts.inventory, needs, hosts.journal, made_by)
                note("mounting")
                serving.start()
                self._tell(phase="serving")
                say({"serving": True})
                return self._watch(serving)
            finally:
                with shielded(note):
                    self._put_back(hosts, serving, made_by)

    def _watch(self, serving: Serving) -> str:
        """Look after the processes until there is a reason to end: that reason. A server is started again once."""
        over = serving.begun + self._lease_s
        known: set[str] = set()
        while time.monotonic() < over:
            for process, status in serving.ended():
                if process is serving.plan.server and "server" not in known:
                    known.add("server")
                    self._trouble(f"{process.host}: {process.name} {describe(status)}; it is started again, this once")
                    self._attempt(partial(serving.begin, process, "-again"))
                elif process is serving.plan.server and "server again" not in known:
                    known.add("server again")
                    self._tell(phase="broken")
                    self._trouble(f"{process.host}: {process.name} {describe(status)} again, and stays so")
                elif process is not serving.plan.server and process.name not in known:
                    known.add(process.name)
                    self._trouble(f"{process.host}: {process.name} {describe(status)}; it is unmounted there")
                    self._attempt(partial(serving.unmount, process))
            if known >= {process.name for process in serving.plan.relays}:
                return "nothing is mounted any more"
            time.sleep(LOOK_EVERY_S)
        return "its hours are over"

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do something that may fail, and say so then: what else is served goes on."""
        try:
            step()
        except OrchestratorError as error:
            self._trouble(str(error))

    def _put_back(self, hosts: Session, serving: Serving, made_by: str) -> None:
        self._progress.note("unmounting")
        for error in serving.stop():
            self._trouble(str(error))
        report = restore(hosts.remotes, hosts.journal, reverters(), only_owner=made_by)
        for failure in report.failures:
            self._trouble(f"not put back: {failure}")
            self._state = self._state.model_copy(update={"failed": True})

    def _trouble(self, line: str) -> None:
        self._progress.warn(line)
        when = datetime.now(UTC).strftime("%H:%M:%S")
        self._tell(troubles=(*self._state.troubles, f"{when} {line}"))

    def _tell(self, **changes: object) -> None:
        failed = bool(changes.pop("failed", False)) or self._state.failed
        self._state = self._state.model_copy(update={**changes, "failed": failed})
        self._files.write(self._state)


def _as_plan(inventory: Inventory, transport: str, store: StorePlan, digest: str) -> Plan:
    """The store as a plan of one trial without an end, for what prepares hosts for a plan."""
    trial = PlannedTrial(
        key="mount",
        row="mount",
        block=0,
        scenario="store",
        transport=transport,
        link=store.link,
        driver=store.driver,
        params={},
        warmup_s=0,
        window_s=0,
        oversubscribed=False,
        processes=store.processes,
        probes=(),
    )
    return Plan(
        experiment="store-mount",
        scenario="store",
        seed=0,
        source_digest=digest,
        hosts=tuple(host.name for host in inventory.hosts),
        trials=(trial,),
        estimated_s=0,
    )


if __name__ == "__main__":
    sys.exit(main())
