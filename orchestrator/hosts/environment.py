"""Everything about a host that a figure may depend on, read before and after a run by one script."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from orchestrator.hosts.facts import (
    CPU,
    NODE,
    Fact,
    MountFacts,
    NicFacts,
    Observed,
    PoolFacts,
    Raw,
    command_line,
    cpuinfo,
    file_choice,
    file_number,
    file_text,
    files_text,
    gather,
    parse_cpu_flags,
    parse_hypervisor,
    parse_idle_states,
    parse_interrupts,
    parse_mounts,
    parse_nics,
    parse_turbo,
    pools,
)
from orchestrator.inventory.model import Host

if TYPE_CHECKING:
    from orchestrator.remote.protocol import Remote

_SYSCTLS = (
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_available_congestion_control",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
    "net/ipv4/tcp_timestamps",
    "net/ipv4/tcp_slow_start_after_idle",
    "net/core/rmem_max",
    "net/core/wmem_max",
    "net/core/busy_poll",
    "net/core/busy_read",
    "net/core/default_qdisc",
    "net/core/netdev_budget",
)


class Environment(Observed):
    """One host at one moment. What the host does not tell is None; `unreadable` names what could not be understood.

    CPU lists are the kernel's own (`0-3,8`); memory is in kB of 1024 bytes; interrupts are sums since the start.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    host: str
    utc: str
    hostname: str | None = None
    boot_id: str | None = None
    kernel: str | None = None
    kernel_build: str | None = None
    cmdline: str | None = None
    os: str | None = None
    cpu_model: str | None = None
    microcode: str | None = None
    tsc_flags: list[str] | None = None
    hypervisor: str | None = None
    clocksource: str | None = None
    online_cpus: str | None = None
    isolated_cpus: str | None = None
    nohz_full: str | None = None
    smt: str | None = None
    smt_siblings: dict[str, str] | None = None
    numa_cpus: dict[str, str] | None = None
    governor: dict[str, str] | None = None
    frequency_driver: str | None = None
    turbo: bool | None = None
    idle_driver: str | None = None
    idle_states: dict[str, bool] | None = None
    thp: str | None = None
    mitigations: dict[str, str] | None = None
    memory_total_kb: int | None = None
    memory_available_kb: int | None = None
    hugepages: list[PoolFacts] | None = None
    hugetlbfs: list[MountFacts] | None = None
    dpdk: str | None = None
    compiler: str | None = None
    nics: dict[str, NicFacts] | None = None
    sysctls: dict[str, str] | None = None
    interrupts: dict[str, int] | None = None
    load_1min: float | None = None
    uptime_s: float | None = None
    unreadable: list[str] = Field(default_factory=list)


def _meminfo(key: str) -> Fact:
    def parse(raw: Raw) -> int | None:
        for line in raw.files.get("/proc/meminfo", "").splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return int(value.split()[0])
        return None

    return Fact(parse, ("/proc/meminfo",))


def _os_name(raw: Raw) -> str | None:
    for line in raw.files.get("/etc/os-release", "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return None


def _sysctls(raw: Raw) -> dict[str, str] | None:
    found = {name: raw.text(f"/proc/sys/{name}") for name in _SYSCTLS}
    return {name.replace("/", "."): " ".join(value.split()) for name, value in found.items() if value} or None


def facts() -> dict[str, Fact]:
    """The facts of an Environment, by the name of its field."""
    return {
        "hostname": file_text("/proc/sys/kernel/hostname"),
        "boot_id": file_text("/proc/sys/kernel/random/boot_id"),
        "kernel": file_text("/proc/sys/kernel/osrelease"),
        "kernel_build": file_text("/proc/sys/kernel/version"),
        "cmdline": file_text("/proc/cmdline"),
        "os": Fact(_os_name, ("/etc/os-release",)),
        "cpu_model": cpuinfo("model name"),
        "microcode": cpuinfo("microcode"),
        "tsc_flags": Fact(lambda raw: parse_cpu_flags(raw, "constant_tsc", "nonstop_tsc"), ("/proc/cpuinfo",)),
        "hypervisor": Fact(
            parse_hypervisor,
            ("/sys/hypervisor/type", "/proc/cpuinfo", "/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name"),
        ),
        "clocksource": file_text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "online_cpus": file_text(f"{CPU}/online"),
        "isolated_cpus": file_text(f"{CPU}/isolated"),
        "nohz_full": file_text(f"{CPU}/nohz_full"),
        "smt": file_text(f"{CPU}/smt/control"),
        "smt_siblings": files_text(f"{CPU}/cpu*/topology/thread_siblings_list"),
        "numa_cpus": files_text(f"{NODE}/node*/cpulist"),
        "governor": files_text(f"{CPU}/cpu*/cpufreq/scaling_governor"),
        "frequency_driver": file_text(f"{CPU}/cpu0/cpufreq/scaling_driver"),
        "turbo": Fact(parse_turbo, (f"{CPU}/intel_pstate/no_turbo", f"{CPU}/cpufreq/boost")),
        "idle_driver": file_text(f"{CPU}/cpuidle/current_driver"),
        "idle_states": Fact(
            parse_idle_states, (f"{CPU}/cpu0/cpuidle/state*/name", f"{CPU}/cpu0/cpuidle/state*/disable")
        ),
        "thp": file_choice("/sys/kernel/mm/transparent_hugepage/enabled"),
        "mitigations": files_text(f"{CPU}/vulnerabilities/*"),
        "memory_total_kb": _meminfo("MemTotal"),
        "memory_available_kb": _meminfo("MemAvailable"),
        "hugepages": pools(),
        "hugetlbfs": Fact(parse_mounts),
        "dpdk": command_line("dpdk", "pkg-config", "--modversion", "libdpdk"),
        "compiler": command_line("compiler", "cc", "--version"),
        "nics": Fact(parse_nics),
        "sysctls": Fact(_sysctls, tuple(f"/proc/sys/{name}" for name in _SYSCTLS)),
        "interrupts": Fact(parse_interrupts, ("/proc/interrupts",)),
        "load_1min": file_number("/proc/loadavg"),
        "uptime_s": file_number("/proc/uptime"),
    }


def read_environment(remote: Remote, host: Host, *, root: str = "/") -> Environment:
    """Read the environment of a host and of the NICs that the inventory gives it.

    What is missing or unknown is None and never an error; only the Remote's own errors are raised.
    """
    interfaces = [name for nic in host.nics for name in (nic.interface, nic.bridge) if name is not None]
    addresses = [nic.pci for nic in host.nics if nic.pci is not None]
    wanted = facts()
    raw = gather(remote, wanted, interfaces=interfaces, pci=addresses, mounts=True, root=root)
    return understand(raw, wanted, host.name)


def understand(raw: Raw, wanted: dict[str, Fact], host: str) -> Environment:
    """Parse all facts of one host."""
    values: dict[str, Any] = {}
    unreadable = []
    for name, fact in wanted.items():
        try:
            values[name] = fact.parse(raw)
        except (ValueError, KeyError, IndexError, TypeError):
            unreadable.append(name)
    utc = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Environment(host=host, utc=utc, unreadable=unreadable, **values)


_STEADY = (
    *("kernel", "kernel_build", "boot_id", "cmdline", "cpu_model", "microcode", "clocksource", "online_cpus"),
    *("isolated_cpus", "nohz_full", "smt", "governor", "frequency_driver", "turbo", "idle_driver", "idle_states"),
    *("thp", "mitigations", "dpdk", "compiler", "sysctls"),
)
_STEADY_NIC = ("driver", "driver_version", "firmware", "mac", "mtu", "qdisc", "offloads", "coalesce")


def differences(before: Environment, after: Environment) -> list[str]:
    """What changed between two readings of a host that must not change during a run, one line each.

    Hugepage pools and mounts are compared by their size, not by what is free: read `after` once the host is restored.
    """
    lines: list[str] = []
    for name in _STEADY:
        _compare(lines, name, getattr(before, name), getattr(after, name))
    _compare(lines, "hugepages", _pools(before), _pools(after))
    _compare(lines, "hugetlbfs", _mounts(before), _mounts(after))
    nics_before, nics_after = before.nics or {}, after.nics or {}
    for nic in sorted({*nics_before, *nics_after}):
        if nic not in nics_before or nic not in nics_after:
            lines.append(f"nic {nic}: {'came' if nic in nics_after else 'went'}")
            continue
        for name in _STEADY_NIC:
            _compare(lines, f"nic {nic} {name}", getattr(nics_before[nic], name), getattr(nics_after[nic], name))
    return lines


def _compare(lines: list[str], name: str, before: object, after: object) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            _compare(lines, f"{name} {key}", before.get(key), after.get(key))
    elif before != after:
        lines.append(f"{name}: {before} -> {after}")


def _pools(environment: Environment) -> dict[str, int]:
    return {
        f"{pool.size_kb} kB" + ("" if pool.node is None else f" node {pool.node}"): pool.nr
        for pool in environment.hugepages or []
    }


def _mounts(environment: Environment) -> dict[str, str]:
    return {mount.path: f"{mount.page_kb} kB pages, {mount.total} bytes" for mount in environment.hugetlbfs or []}
