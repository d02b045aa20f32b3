"""The user's commands. `./inv` runs them, and so does `invoke` once the environment is active.

Each task is a few lines over `orchestrator`; what is slow to import is imported in the task that needs it.
"""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from invoke import Collection, Context, Exit, Task
from invoke import task as invoke_task

from orchestrator.commands import numbers
from orchestrator.commands.remedies import DEFAULT_INVENTORY, for_inventory

INVENTORY_HELP = "name of an inventory in inventories/, or a path to one"
DEFAULT_TRIALS = "8"
TRIALS_HELP = f"trials of each row (default {DEFAULT_TRIALS})"
SET_HELP = "key=value of a scenario parameter, value may be a list: --set processes=1,2 (repeatable)"


def task(**options: Any) -> Callable[[Callable[..., None]], Task[Callable[..., None]]]:
    """Make an invoke task whose known errors end it with one line and their exit code, without a traceback."""

    def decorate(body: Callable[..., None]) -> Task[Callable[..., None]]:
        @functools.wraps(body)
        def run(context: Context, *args: Any, **kwargs: Any) -> None:
            from orchestrator.errors import OrchestratorError

            if "--help" in kwargs.values() or "--help" in args:
                _show_help(body.__name__.replace("_", "-"))
            try:
                body(context, *args, **kwargs)
            except OrchestratorError as error:
                line = for_inventory(str(error), str(kwargs.get("inventory", DEFAULT_INVENTORY)))
                raise Exit(f"error: {line}", code=error.exit_code) from None
            except KeyboardInterrupt:
                raise Exit("interrupted", code=130) from None
            except BrokenPipeError:
                sys.stderr.close()
                raise Exit(code=141) from None

        made: Task[Callable[..., None]] = invoke_task(**options)(run)
        return made

    return decorate


def _show_help(name: str) -> NoReturn:
    """Start over as `invoke --help NAME`: invoke takes `NAME --help` for the value of a missing positional argument."""
    root = str(Path(__file__).parent)
    os.execv(sys.executable, (sys.executable, "-m", "invoke", "--search-root", root, "--help", name))  # noqa: S606


# --- experiments --------------------------------------------------------------------------------------------------


@task(
    help={
        "scenario": "which experiment; see list-scenarios",
        "inventory": INVENTORY_HELP,
        "set": SET_HELP,
        "trials": TRIALS_HELP,
        "seed": "seed of the order of trials; drawn and recorded if left out",
        "name": "folder under results/ (default: the scenario's name)",
        "keep": "leave a testbed that this run brought up standing",
        "once": "do not run trials again that a move of the virtual machine spoilt",
    },
    iterable=["set"],
    auto_shortflags=False,
)
def run_experiment(
    c: Context,
    scenario: str,
    inventory: str = DEFAULT_INVENTORY,
    set: list[str] | None = None,  # noqa: A002
    trials: str = DEFAULT_TRIALS,
    seed: str | None = None,
    name: str = "",
    keep: bool = False,
    once: bool = False,
) -> None:
    """Prepare hosts, run every trial, put everything back; print the table and the result folder.

    Example: invoke run-experiment --scenario smp --set transport=dpdk,tcp-poll --set size=64,1024 --trials 6
    """
    from orchestrator.commands.experiment import run

    run(
        scenario,
        inventory,
        set or [],
        trials=numbers.whole("--trials", trials),
        seed=numbers.optional_whole("--seed", seed),
        name=name,
        keep=keep,
        once=once,
    )


@task(
    help={
        "scenario": "which experiment",
        "inventory": INVENTORY_HELP,
        "set": SET_HELP,
        "trials": TRIALS_HELP,
        "seed": "seed of the order of trials",
        "name": "folder under results/",
    },
    iterable=["set"],
    auto_shortflags=False,
)
def plan(
    c: Context,
    scenario: str,
    inventory: str = DEFAULT_INVENTORY,
    set: list[str] | None = None,  # noqa: A002
    trials: str = DEFAULT_TRIALS,
    seed: str | None = None,
    name: str = "",
) -> None:
    """Print every trial that would run: hosts, processes, cores, command lines. Touches no host.

    Example: invoke plan --scenario smp --inventory two-hosts --set processes=2
    """
    from orchestrator.commands.plan import plan_text

    print(
        plan_text(
            scenario,
            inventory,
            set or [],
            numbers.whole("--trials", trials),
            numbers.optional_whole("--seed", seed),
            name,
        )
    )


@task()
def list_scenarios(c: Context) -> None:
    """List the scenarios, a line each.

    Example: invoke list-scenarios
    """
    from orchestrator.commands.plan import list_text

    print(list_text())


@task(help={"scenario": "which scenario"})
def describe(c: Context, scenario: str) -> None:
    """Print a scenario's parameters with units, defaults and ranges.

    Example: invoke describe smp
    """
    from orchestrator.commands.plan import describe_text

    print(describe_text(scenario))


@task(help={"result": "a result folder"})
def plot(c: Context, result: str) -> None:
    """Draw the plots of a result again, from its stored samples.

    Example: invoke plot results/smp/20260101T120000Z-1a2b3c4d
    """
    from orchestrator.commands.reporting import plot as draw

    print("\n".join(str(path) for path in draw(result)))


@task(optional=["result"], help={"result": "a result folder (default: the reference result)"}, positional=["result"])
def notebook(c: Context, result: str | None = None) -> None:
    """Open the notebook that compares DPDK with TCP, on a result.

    Example: invoke notebook results/smp/20260101T120000Z-1a2b3c4d
    """
    from orchestrator.commands.reporting import open_notebook

    open_notebook(result or "")


# --- hosts --------------------------------------------------------------------------------------------------------


@task(
    help={
        "pages": "free pages that every host is to have (default: the inventory's wish)",
        "size": "2M or 1G",
        "node": "NUMA node (default: any)",
        "inventory": INVENTORY_HELP,
    },
    auto_shortflags=False,
)
def setup_hugepages(
    c: Context,
    pages: str | None = None,
    size: str | None = None,
    node: str | None = None,
    inventory: str = DEFAULT_INVENTORY,
) -> None:
    """Give every host free hugepages, verified; they stay until `invoke restore`.

    Example: invoke setup-hugepages --pages 256 --size 2M
    """
    from orchestrator.commands.hosts import setup_hugepages as setup

    print(setup(inventory, numbers.optional_whole("--pages", pages), size, numbers.optional_whole("--node", node)))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def restore(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Put everything back that the journal says was changed, however the last run ended.

    Example: invoke restore --inventory two-hosts
    """
    from orchestrator.commands.hosts import restore as put_back

    print(put_back(inventory))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def build(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Build the C apps on every host, against the host's own DPDK.

    Example: invoke build --inventory two-hosts
    """
    from orchestrator.commands.hosts import build as build_apps

    print(build_apps(inventory))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def nic_status(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Show the NICs of every host: driver, interface, link, NUMA node, and what they carry.

    Example: invoke nic-status --inventory two-hosts
    """
    from orchestrator.commands.nics import status

    print(status(inventory))


@task(help={"inventory": INVENTORY_HELP, "host": "only this host"}, auto_shortflags=False)
def bind_nics(c: Context, inventory: str = DEFAULT_INVENTORY, host: str = "") -> None:
    """Bind the inventory's DPDK NICs to their DPDK driver; journalled, verified, never forced.

    Example: invoke bind-nics --inventory two-hosts --host left
    """
    from orchestrator.commands.nics import bind

    print(bind(inventory, host))


@task(help={"inventory": INVENTORY_HELP, "host": "only this host"}, auto_shortflags=False)
def unbind_nics(c: Context, inventory: str = DEFAULT_INVENTORY, host: str = "") -> None:
    """Give the NICs that `bind-nics` took back to the drivers that they had.

    Example: invoke unbind-nics --inventory two-hosts
    """
    from orchestrator.commands.nics import unbind

    print(unbind(inventory, host))


@task(
    help={"host": "name of a host of the inventory", "inventory": INVENTORY_HELP},
    positional=["host"],
    auto_shortflags=False,
)
def ssh(c: Context, host: str, inventory: str = DEFAULT_INVENTORY) -> None:
    """Open a shell on a host, or run what follows `--` there.

    Example: invoke ssh beta -- uname -a
    """
    from orchestrator.commands.hosts import ssh as open_shell

    command = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    open_shell(inventory, host, command)


# --- a store to work in -------------------------------------------------------------------------------------------


@task(
    help={
        "inventory": INVENTORY_HELP,
        "transport": "dpdk, tcp (blocks) or tcp-poll",
        "link": "memif, veth or wire (default: the first that there is for the transport)",
        "durability": "what an answer promises: memory, log (survives the server's process) or dsync (stable storage)",
        "cache": "whether the clients' kernels keep data of open files: none or auto",
        "backing": "folder on the server's host for the files, which stays (default: one that goes with the mount)",
        "at": "folder on the clients' hosts, made if it is missing; else it must be empty",
        "clients": "hosts that mount it, separated by commas (default: the generator); one named twice has two mounts",
        "hours": "after which it is unmounted by itself",
    },
    auto_shortflags=False,
)
def store_mount(
    c: Context,
    inventory: str = DEFAULT_INVENTORY,
    transport: str = "dpdk",
    link: str = "",
    durability: str = "log",
    cache: str = "auto",
    backing: str = "",
    at: str = "/mnt/store",
    clients: str = "",
    hours: str = "8",
) -> None:
    """Mount a store to work in; it stays until store-umount, restore, testbed-down, or its hours are over.

    Example: invoke store-mount --transport tcp --durability dsync --hours 2, then: invoke ssh alpha -- ls /mnt/store
    """
    from orchestrator.commands.store import mount, wish_of

    wish = wish_of(
        transport=transport,
        link=link,
        durability=durability,
        cache=cache,
        at=at,
        backing=backing,
        clients=clients,
    )
    print(mount(inventory, wish, numbers.number("--hours", hours)))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def store_umount(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Unmount the store that store-mount left, end its processes, and put the hosts back.

    Example: invoke store-umount
    """
    from orchestrator.commands.store import umount

    print(umount(inventory))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def store_status(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Show where a store is mounted, until when, and what went wrong with it.

    Example: invoke store-status
    """
    from orchestrator.commands.store import status

    print(status(inventory))


# --- the testbed on this machine ----------------------------------------------------------------------------------


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def testbed_up(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Make the inventory's testbed of namespaces on this machine, or repair it.

    Example: invoke testbed-up
    """
    from orchestrator.commands.testbed import up

    print(up(inventory))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def testbed_down(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Take the testbed down; nothing of it is left but its keys and builds.

    Example: invoke testbed-down
    """
    from orchestrator.commands.testbed import down

    print(down(inventory))


@task(help={"inventory": INVENTORY_HELP}, auto_shortflags=False)
def testbed_status(c: Context, inventory: str = DEFAULT_INVENTORY) -> None:
    """Show the testbed: hosts, processes, links, and what is missing.

    Example: invoke testbed-status
    """
    from orchestrator.commands.testbed import status

    print(status(inventory))


# --- the project itself -------------------------------------------------------------------------------------------


@task(help={"unit": "only what needs no root (about a minute)"}, auto_shortflags=False)
def test(c: Context, unit: bool = False) -> None:
    """Run style checks, types, import rules, C unit tests under sanitizers, and all Python tests.

    Example: invoke test --unit
    """
    from orchestrator.commands.checks import test as run_tests

    run_tests(unit_only=unit)


@task(
    help={
        "target": "one of the targets (default: all)",
        "minutes": "how long each runs",
        "runs": "or how many executions each (default: 10 million)",
        "keep": "take new inputs that reach more into the kept corpus",
    },
    auto_shortflags=False,
)
def fuzz(c: Context, target: str = "", minutes: str | None = None, runs: str | None = None, keep: bool = False) -> None:
    """Fuzz what reads bytes from a network, from the kept corpus, under ASan and UBSan (clang's libFuzzer).

    Example: invoke fuzz --target store_server --minutes 10
    """
    from orchestrator.commands.fuzz import fuzz as run_fuzz

    wanted = numbers.optional_number("--minutes", minutes), numbers.optional_whole("--runs", runs)
    print(run_fuzz(target, minutes=wanted[0], runs=wanted[1], keep_new=keep))


@task(help={"only": "one of the benches; see bench/README.md"}, auto_shortflags=False)
def bench(c: Context, only: str = "") -> None:
    """Measure the figures that the project promises, as paired ratios against real peers.

    Example: invoke bench --only symmetric-mp
    """
    from orchestrator.commands.checks import bench as run_bench

    run_bench(only)


namespace = Collection.from_module(sys.modules[__name__])
