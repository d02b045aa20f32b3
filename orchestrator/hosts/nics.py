"""Network cards: what they are, and their binding to vfio-pci as a setting that is journalled and put back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import HostSettingError, UsageError
from orchestrator.hosts.kernel import LOCK_FOLDER, kernel_lock, read_boot_id
from orchestrator.hosts.nic_guard import VFIO, refuse
from orchestrator.hosts.parallel import in_parallel, raise_all
from orchestrator.hosts.pci import NicState, Survey, parse
from orchestrator.hosts.restore import RestoreReport, restore
from orchestrator.hosts.script import run_script
from orchestrator.hosts.settings import (
    BIND_NICS,
    JsonObject,
    OpenChange,
    Reverted,
    SettingUnchanged,
    Superseded,
    make,
)

if TYPE_CHECKING:
    from orchestrator.hosts.journal import Journal
    from orchestrator.inventory.model import Host, Inventory, Nic
    from orchestrator.remote.protocol import Remote

KIND = "nic-binding"
SCRIPT_DEADLINE_S = 60.0


@dataclass(frozen=True)
class HostTools:
    """Where a host's kernel shows itself, the programs that are asked there, and how long its drivers may take."""

    root: str = "/"
    ip: str = "ip"
    ethtool: str = "ethtool"
    modprobe: str = "modprobe"
    settle_s: float = 3.0


TOOLS = HostTools()


def survey(remote: Remote, host: Host, tools: HostTools = TOOLS) -> Survey:
    """All that is known of a host's network cards, read by one command. Raises what the Remote raises."""
    port = host.ssh.port if host.ssh is not None else 22
    facts = run_script(remote, "nic_facts", {**asdict(tools), "ssh_port": port}, timeout_s=SCRIPT_DEADLINE_S)
    return parse(facts, host)


def nic_status(remote: Remote, host: Host, tools: HostTools = TOOLS) -> list[NicState]:
    """The network cards on a host's PCI bus, in the order of their addresses. Raises what the Remote raises."""
    return list(survey(remote, host, tools).nics)


class NicBinding:
    """One NIC bound to vfio-pci, as a Setting. `together`: PCI addresses that are bound in the same go."""

    kind = KIND

    def __init__(
        self, host: Host, nic: Nic, *, together: frozenset[str] = frozenset(), tools: HostTools = TOOLS
    ) -> None:
        self._host = host
        self._nic = nic
        self._together = together
        self._tools = tools

    @property
    def name(self) -> str:
        """For example `nic-binding 0000:3b:00.0`."""
        return f"{KIND} {self._nic.pci}"

    def probe(self, remote: Remote) -> JsonObject | None:
        """Driver and interfaces as they stand; None if vfio-pci has the NIC. Raises HostSettingError (`nic_guard`)."""
        now = survey(remote, self._host, self._tools)
        refuse(now, self._host, self._nic, self._together)
        state = now.nic(str(self._nic.pci))
        if state is None or state.driver == VFIO:
            return None
        interfaces = [
            {"name": each.name, "up": each.up, "mtu": each.mtu, "addresses": list(each.addresses)}
            for each in state.interfaces
        ]
        data: dict[str, Any] = {
            "bdf": state.bdf,
            "driver": VFIO,
            "prior": state.driver,
            "prior_override": state.driver_override,
            "interfaces": interfaces,
            "tools": asdict(self._tools),
        }
        return data

    def apply(self, remote: Remote, data: JsonObject) -> JsonObject:
        """Bind. Raises Superseded if driver or override changed since; SettingUnchanged, HostSettingError."""
        answer = _run(remote, "bind", data)
        if answer.get("superseded"):
            raise Superseded
        if answer.get("namespaced") or answer.get("gone"):
            why = "not in the kernel's initial network namespace" if answer.get("namespaced") else "the card is gone"
            raise SettingUnchanged(f"{self.name}: {why}", host=remote.host, remedy="see `invoke nic-status`")
        if answer.get("unchanged"):
            raise SettingUnchanged(
                f"{self.name}: module {VFIO} cannot be loaded ({answer['unchanged']})",
                host=remote.host,
                remedy="install the kernel's modules, then try again",
            )
        if answer.get("error"):
            raise HostSettingError(
                f"{self.name}: the kernel refused a write ({answer['error']})",
                host=remote.host,
                remedy="see the last lines of `dmesg` there",
            )
        return data

    def verify(self, remote: Remote, data: JsonObject) -> None:
        """Read the NIC's driver again. Raises HostSettingError if it is not vfio-pci."""
        state = survey(remote, self._host, self._tools).nic(str(data["bdf"]))
        driver = state.driver if state is not None else ""
        if driver != data["driver"]:
            raise HostSettingError(
                f"{self.name}: it was given to {data['driver']}, but {driver or 'no driver'} has it",
                host=remote.host,
                remedy="see the last lines of `dmesg` there",
            )

    def revert(self, remote: Remote, change: OpenChange) -> Reverted:
        """See `revert_nic_binding`."""
        return revert_nic_binding(remote, change)


def revert_nic_binding(remote: Remote, change: OpenChange) -> Reverted:
    """Give a NIC back to the driver that it had, with the state and addresses of its interfaces. Idempotent.

    A NIC that somebody else has bound to a third driver since is left there. Raises HostSettingError if a process
    still uses the NIC, or the driver did not take it back.
    """
    data = change.change.data
    setting = change.change.setting
    answer = _run(remote, "give_back", data)
    prior, driver = str(data["prior"]), str(answer["driver"])
    if answer.get("gone"):
        return Reverted(f"{setting}: the card is not there any more")
    if answer.get("taken_by"):
        return Reverted(f"{setting}: left to {answer['taken_by']}, which somebody else gave it to")
    if answer.get("namespaced"):
        raise HostSettingError(
            f"{setting}: this host is not in the kernel's initial network namespace",
            host=remote.host,
            remedy="restore with the inventory that names the real machine",
        )
    if answer.get("users"):
        users = " ".join(map(str, answer["users"]))
        raise HostSettingError(
            f"{setting}: processes still use the NIC (PID {users})",
            host=remote.host,
            remedy="end them, then run `invoke restore`",
        )
    if answer.get("error") or driver != prior:
        why = f"the kernel refused a write ({answer['error']})" if answer.get("error") else "the kernel did not do it"
        raise HostSettingError(
            f"{setting}: it should go back to {prior or 'no driver'}, but {driver or 'no driver'} has it: {why}",
            host=remote.host,
            remedy="see the last lines of `dmesg` there, then run `invoke restore`",
        )
    note = f"{setting}: back to {prior or 'no driver'}"
    left = answer.get("not_restored")
    if left:
        return Reverted(f"{note}; but {'; '.join(left)}", remaining=data)
    return Reverted(note)


def _run(remote: Remote, action: str, data: JsonObject) -> dict[str, Any]:
    tools: dict[str, Any] = asdict(TOOLS)
    journalled = data.get("tools")
    if isinstance(journalled, dict):
        tools.update(journalled)
    arguments = {**data, **tools, "action": action}
    return run_script(remote, "nic_driver", arguments, timeout_s=SCRIPT_DEADLINE_S)


@dataclass(frozen=True)
class BoundNic:
    """What became of one NIC. `prior` is the driver it had; `changed` is False where vfio-pci had it already."""

    host: str
    nic: str
    bdf: str
    prior: str
    changed: bool


def to_bind(host: Host) -> tuple[Nic, ...]:
    """The NICs of a host that DPDK uses through vfio-pci."""
    return tuple(nic for nic in host.nics if nic.pci and nic.role != "kernel" and nic.dpdk_driver == VFIO)


def bind_nics(
    remotes: Mapping[str, Remote],
    inventory: Inventory,
    *,
    journal: Journal,
    owner: str = BIND_NICS,
    only: Collection[str] = (),
    lock_folder: Path = LOCK_FOLDER,
    tools: HostTools = TOOLS,
) -> tuple[BoundNic, ...]:
    """Bind the NICs of the inventory that DPDK uses through vfio-pci, hosts in parallel, journalled and verified.

    `only`: names of hosts. Nothing is written on a host where one of its NICs is refused. Idempotent. Raises
    UsageError if there is no such NIC, and an error that names every host that failed; what was bound on other hosts
    stays, and stands in the journal.
    """
    wanted = {
        name: to_bind(inventory.host(name))
        for name in remotes
        if (not only or name in only) and to_bind(inventory.host(name))
    }
    if not wanted:
        raise UsageError(
            "no NIC of these hosts is to be bound",
            remedy="write `pci` and `role: dpdk` for it in the inventory (bifurcated NICs need no binding)",
        )

    def bind(name: str) -> list[BoundNic]:
        host, remote = inventory.host(name), remotes[name]
        together = frozenset(nic.pci for nic in wanted[name] if nic.pci is not None)
        bindings = [(nic, NicBinding(host, nic, together=together, tools=tools)) for nic in wanted[name]]
        kernel = read_boot_id(remote)
        with kernel_lock(kernel, lock_folder):
            now = survey(remote, host, tools)
            for nic in wanted[name]:
                refuse(now, host, nic, together)
            bound = []
            for nic, binding in bindings:
                change = make(binding, remote, journal, kernel=kernel, owner=owner)
                prior = VFIO if change is None else str(change.data["prior"])
                bound.append(BoundNic(name, nic.name, str(nic.pci), prior, changed=change is not None))
            return bound

    results, errors = in_parallel({name: partial(bind, name) for name in wanted})
    raise_all(errors)
    return tuple(nic for host in results.values() for nic in host)


def unbind_nics(remotes: Mapping[str, Remote], journal: Journal, *, lock_folder: Path = LOCK_FOLDER) -> RestoreReport:
    """Give the NICs that `bind_nics` took back to the drivers that they had. Idempotent; see `restore`.

    Changes of hosts that are not among `remotes` stay as they are.
    """
    report = restore(
        remotes,
        journal,
        {KIND: revert_nic_binding},
        only_owner=BIND_NICS,
        clear=lambda _: (),  # files of killed runs stand in no NIC's way
        lock_folder=lock_folder,
    )
    asked = tuple(failure for failure in report.failures if not failure.host or failure.host in remotes)
    return replace(report, failures=asked)
