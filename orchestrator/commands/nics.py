"""`invoke nic-status`, `bind-nics`, `unbind-nics`, and the binding that a run does for itself."""

from __future__ import annotations

from orchestrator.commands.checkout import inventory_named
from orchestrator.commands.session import Session, hold_all, new_run_id, session
from orchestrator.errors import UsageError
from orchestrator.experiments.records import Plan
from orchestrator.hosts import hugepages, nics
from orchestrator.hosts.pci import NicState
from orchestrator.hosts.settings import Reverters
from orchestrator.inventory.model import Inventory
from orchestrator.remote.fleet import each, values

STATUS_DEADLINE_S = 30.0


def reverters() -> Reverters:
    """How each kind of setting is put back."""
    return {hugepages.KIND: hugepages.revert_hugepages, nics.KIND: nics.revert_nic_binding}


def status(inventory_name: str) -> str:
    """Every NIC of every host, a line each."""
    inventory = inventory_named(inventory_name)
    with session(inventory, inventory_name, made_by="nic-status") as hosts:
        hold_all(hosts, new_run_id())  # what it asks of a host would be heard in a window
        found = values(
            each(
                hosts.remotes,
                lambda remote: nics.nic_status(remote, hosts.inventory.host(remote.host)),
                deadline_s=STATUS_DEADLINE_S,
            )
        )
    lines = [_line(state) for states in found.values() for state in states]
    return "\n".join(lines) or "no PCI NIC on any host"


def bind(inventory_name: str, host: str) -> str:
    """Bind the inventory's DPDK NICs (of one host) and keep them bound; a line for each."""
    inventory = inventory_named(inventory_name)
    _known(inventory, host)
    with session(inventory, inventory_name, made_by="bind-nics") as hosts:
        hold_all(hosts, new_run_id())
        bound = nics.bind_nics(hosts.remotes, hosts.inventory, journal=hosts.journal, only=(host,) if host else ())
    return "\n".join(
        f"{nic.host}: {nic.nic} ({nic.bdf}) "
        + (f"bound, {nic.prior or 'no driver'} before" if nic.changed else "was bound already")
        for nic in bound
    )


def unbind(inventory_name: str, host: str) -> str:
    """Give NICs back to the drivers that they had before `bind-nics`; a line for each."""
    inventory = inventory_named(inventory_name)
    _known(inventory, host)
    with session(inventory, inventory_name, made_by="unbind-nics") as hosts:
        hold_all(hosts, new_run_id())
        remotes = {name: remote for name, remote in hosts.remotes.items() if host in {"", name}}
        report = nics.unbind_nics(remotes, hosts.journal)
    report.check()
    return "\n".join(f"{entry.host}: {entry.note}" for entry in report.restored) or "no NIC was bound by bind-nics"


def bind_for_run(hosts: Session, plan: Plan, owner: str) -> None:
    """Bind what the run's DPDK processes use, until the run puts it back. Nothing on a testbed without PCI NICs."""
    addresses = {
        word
        for trial in plan.trials
        for process in trial.processes
        for option, word in zip(process.argv, process.argv[1:], strict=False)
        if option == "-a"
    }
    using = [host.name for host in hosts.inventory.hosts if any(nic.pci in addresses for nic in nics.to_bind(host))]
    if using:
        nics.bind_nics(hosts.remotes, hosts.inventory, journal=hosts.journal, owner=owner, only=using)


def _known(inventory: Inventory, host: str) -> None:
    names = [known.name for known in inventory.hosts]
    if host and host not in names:
        raise UsageError(f"there is no host {host} in the inventory", remedy=f"there are: {', '.join(names)}")


def _line(state: NicState) -> str:
    interfaces = ", ".join(f"{interface.name}" for interface in state.interfaces) or "no interface"
    facts = [
        f"driver {state.driver or 'none'}",
        interfaces,
        f"node {'-' if state.numa_node is None else state.numa_node}",
        f"iommu group {state.iommu_group or 'none'}",
    ]
    if state.firmware:
        facts.append(f"firmware {state.firmware}")
    if state.carries_ssh:
        facts.append("carries SSH")
    if state.default_route:
        facts.append("carries the default route")
    if state.nic:
        facts.append(f"inventory: {state.nic} ({state.role})")
    return f"{state.host}  {state.bdf}  {state.device_id}  {'; '.join(facts)}; of {state.owner}"
