"""Facts about a host: each is a few sources (files, commands) and a pure parser of their text.

`gather` fetches the sources of all facts at once; parsers never touch a host and are tested with stored texts. A
parser returns None for what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from orchestrator.hosts.script import run_script

if TYPE_CHECKING:
    from orchestrator.hosts.settings import JsonObject
    from orchestrator.remote.protocol import Remote

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"


class Observed(BaseModel):
    """Base of what was read from a host: frozen, unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PoolFacts(Observed):
    """One hugepage pool, in pages. `node` is None for the kernel's own count, whose `free` is less what is reserved."""

    size_kb: int
    node: int | None
    nr: int
    free: int


class MountFacts(Observed):
    """One hugetlbfs mount. `total` and `free` are bytes; None where the mount has no share of its own (`size=`)."""

    path: str
    page_kb: int
    total: int | None
    free: int | None


class NicFacts(Observed):
    """One NIC of the inventory as the kernel sees it; `interface` is None where no kernel driver has it."""

    interface: str | None = None
    pci: str | None = None
    driver: str | None = None
    driver_version: str | None = None
    firmware: str | None = None
    mac: str | None = None
    mtu: int | None = None
    speed_mbit: int | None = None
    state: str | None = None
    node: int | None = None
    qdisc: list[str] | None = None
    offloads: dict[str, bool] | None = None
    coalesce: dict[str, str] | None = None


@dataclass(frozen=True)
class Raw:
    """Texts as they came from the host: files by path, standard output by command, NICs, hugetlbfs mounts."""

    files: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    nics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mounts: Sequence[Mapping[str, Any]] = ()

    def text(self, path: str) -> str | None:
        """A file without the space around it; None if it is missing or empty."""
        return self.files.get(path, "").strip() or None

    def match(self, pattern: str) -> dict[str, str]:
        """Files that match a pattern: the parts that the stars stand for, joined by "/", and the text."""
        found = {}
        steps = pattern.split("/")
        for path, text in self.files.items():
            parts = path.split("/")
            if len(parts) == len(steps) and all(map(fnmatchcase, parts, steps)):
                key = "/".join(_star(part, step) for part, step in zip(parts, steps, strict=True) if "*" in step)
                found[key] = text.strip()
        return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


@dataclass(frozen=True)
class Fact:
    """What to read (`files` are globs) and how to understand it."""

    parse: Callable[[Raw], Any]
    files: tuple[str, ...] = ()
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def gather(
    remote: Remote,
    facts: Mapping[str, Fact],
    *,
    interfaces: Sequence[str] = (),
    pci: Sequence[str] = (),
    mounts: bool = False,
    root: str = "/",
) -> Raw:
    """Fetch the sources of all facts in one script. Raises CommandFailed and what the Remote raises."""
    files = sorted({path for fact in facts.values() for path in fact.files})
    commands = {name: list(argv) for fact in facts.values() for name, argv in fact.commands.items()}
    arguments: JsonObject = {
        "root": root,
        "files": list(files),
        "commands": {name: list(argv) for name, argv in commands.items()},
        "interfaces": list(interfaces),
        "pci": list(pci),
        "mounts": mounts,
    }
    answer = run_script(remote, "gather", arguments)
    return Raw(answer["files"], answer["commands"], answer["nics"], answer["mounts"])


def file_text(path: str) -> Fact:
    """The text of one file."""
    return Fact(lambda raw: raw.text(path), (path,))


def files_text(pattern: str) -> Fact:
    """The texts of files, by what the star stands for; None if there is none."""
    return Fact(lambda raw: raw.match(pattern) or None, (pattern,))


def file_number(path: str, index: int = 0) -> Fact:
    """One word of a file, as a number."""

    def parse(raw: Raw) -> float | None:
        text = raw.text(path)
        return None if text is None else float(text.split()[index])

    return Fact(parse, (path,))


def file_choice(path: str) -> Fact:
    """The word in brackets, as in `always [madvise] never`."""

    def parse(raw: Raw) -> str | None:
        text = raw.text(path)
        return None if text is None else text.partition("[")[2].partition("]")[0] or text

    return Fact(parse, (path,))


def command_line(name: str, *argv: str) -> Fact:
    """The first line of a command's output."""
    return Fact(lambda raw: next(iter(raw.commands.get(name, "").splitlines()), None), commands={name: argv})


def cpuinfo(key: str) -> Fact:
    """A line of the first CPU in /proc/cpuinfo."""

    def parse(raw: Raw) -> str | None:
        for line in raw.files.get("/proc/cpuinfo", "").splitlines():
            name, colon, value = line.partition(":")
            if colon and name.strip() == key:
                return value.strip()
        return None

    return Fact(parse, ("/proc/cpuinfo",))


def parse_cpu_flags(raw: Raw, *wanted: str) -> list[str] | None:
    """Those of the wanted flags that the first CPU has."""
    flags = cpuinfo("flags").parse(raw)
    return None if flags is None else [flag for flag in wanted if flag in flags.split()]


def pools() -> Fact:
    """All hugepage pools as PoolFacts."""
    kernel = tuple(f"/sys/kernel/mm/hugepages/hugepages-*kB/{count}_hugepages" for count in ("nr", "free", "resv"))
    nodes = tuple(f"{NODE}/node*/hugepages/hugepages-*kB/{count}_hugepages" for count in ("nr", "free"))
    return Fact(parse_pools, kernel + nodes)


def parse_turbo(raw: Raw) -> bool | None:
    """Whether CPUs may run above their base frequency."""
    no_turbo, boost = raw.text(f"{CPU}/intel_pstate/no_turbo"), raw.text(f"{CPU}/cpufreq/boost")
    if no_turbo is not None:
        return no_turbo == "0"
    return None if boost is None else boost == "1"


def parse_hypervisor(raw: Raw) -> str | None:
    """The hypervisor's own name, the machine's maker where only that is known, `none` on bare metal."""
    kind = raw.text("/sys/hypervisor/type")
    flags = parse_cpu_flags(raw, "hypervisor")
    if kind is not None or flags is None:
        return kind
    if not flags:
        return "none"
    maker = [raw.text(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    return " ".join(part for part in maker if part) or "unnamed"


def parse_idle_states(raw: Raw) -> dict[str, bool] | None:
    """Idle states of the first CPU by name, and whether each may be entered."""
    names = raw.match(f"{CPU}/cpu0/cpuidle/state*/name")
    disabled = raw.match(f"{CPU}/cpu0/cpuidle/state*/disable")
    return {name: disabled.get(number, "0") == "0" for number, name in names.items()} or None


def parse_pools(raw: Raw) -> list[PoolFacts] | None:
    """All hugepage pools: the kernel's own, then those of each node."""
    pools: list[PoolFacts] = []
    for size, nr in raw.match("/sys/kernel/mm/hugepages/hugepages-*kB/nr_hugepages").items():
        folder = f"/sys/kernel/mm/hugepages/hugepages-{size}kB"
        # What is reserved for a mapping still counts as free.
        free = int(raw.files[f"{folder}/free_hugepages"]) - int(raw.files.get(f"{folder}/resv_hugepages", "0"))
        pools.append(PoolFacts(size_kb=int(size), node=None, nr=int(nr), free=free))
    for key, nr in raw.match(f"{NODE}/node*/hugepages/hugepages-*kB/nr_hugepages").items():
        node, size = key.split("/")
        free = int(raw.files[f"{NODE}/node{node}/hugepages/hugepages-{size}kB/free_hugepages"])
        pools.append(PoolFacts(size_kb=int(size), node=int(node), nr=int(nr), free=free))
    return pools or None


def parse_mounts(raw: Raw) -> list[MountFacts]:
    """Hugetlbfs mounts in the order in which they were made."""
    return [
        MountFacts(
            path=entry["path"],
            page_kb=entry["block"] // 1024,
            total=entry["blocks"] * entry["block"] if entry["blocks"] else None,
            free=entry["free"] * entry["block"] if entry["blocks"] else None,
        )
        for entry in raw.mounts
    ]


def parse_interrupts(raw: Raw) -> dict[str, int] | None:
    """Interrupts so far, summed per CPU."""
    lines = raw.files.get("/proc/interrupts", "").splitlines()
    if not lines:
        return None
    cpus = lines[0].split()
    sums = dict.fromkeys(cpus, 0)
    for line in lines[1:]:
        counts = line.partition(":")[2].split()[: len(cpus)]
        if len(counts) == len(cpus) and all(count.isdigit() for count in counts):
            for cpu, count in zip(cpus, counts, strict=True):
                sums[cpu] += int(count)
    return {cpu.removeprefix("CPU"): count for cpu, count in sums.items()}


def parse_nics(raw: Raw) -> dict[str, NicFacts]:
    """NICs by the interface or PCI address under which they were asked for."""
    return {name: _nic(nic) for name, nic in raw.nics.items()}


def _nic(nic: Mapping[str, Any]) -> NicFacts:
    driver = _pairs(nic.get("driver"))
    return NicFacts(
        interface=nic.get("interface"),
        # `device` of a virtio interface points at the virtio bus, whose address ethtool resolves.
        pci=driver.get("bus-info") or (nic.get("pci") if nic.get("pci_driver") else None),
        driver=driver.get("driver") or nic.get("pci_driver"),
        driver_version=driver.get("version"),
        firmware=driver.get("firmware-version"),
        mac=_word(nic.get("address")),
        mtu=_number(nic.get("mtu")),
        speed_mbit=speed if (speed := _number(nic.get("speed"))) is not None and speed > 0 else None,
        state=_word(nic.get("operstate")),
        node=node if (node := _number(nic.get("node"))) is not None and node >= 0 else None,
        qdisc=[entry["kind"] for entry in json.loads(nic["qdisc"])] if nic.get("qdisc") else None,
        offloads={
            name: value.split()[0] == "on" for name, value in _pairs(nic.get("features")).items() if value.strip()
        }
        or None,
        coalesce={name: value for name, value in _pairs(nic.get("coalesce")).items() if value != "n/a"} or None,
    )


def _pairs(text: str | None) -> dict[str, str]:
    """Lines of the form `name: value` with a value."""
    pairs = (line.partition(":") for line in (text or "").splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon and value.strip()}


def _word(text: str | None) -> str | None:
    return (text or "").strip() or None


def _number(text: str | None) -> int | None:
    word = _word(text)
    return None if word is None else int(word)


def _star(part: str, step: str) -> str:
    """What the star in `step` stands for in `part`."""
    before, _, after = step.partition("*")
    return part[len(before) : len(part) - len(after)]


def _natural(key: str) -> list[tuple[int, str]]:
    return [(int(word), "") if word.isdigit() else (-1, word) for word in key.split("/")]
