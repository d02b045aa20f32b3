import json
from pathlib import Path
from typing import Any

import pytest
from support.local_remote import LocalRemote

from orchestrator.hosts.environment import Environment, differences, facts, read_environment, understand
from orchestrator.hosts.facts import MountFacts, PoolFacts, Raw
from orchestrator.inventory.model import Host, Nic

FIXTURES = Path(__file__).parent / "fixtures"


def stored(name: str) -> Raw:
    return Raw(**json.loads((FIXTURES / f"{name}.json").read_text()))


@pytest.fixture(scope="module")
def bare_metal() -> Environment:
    return understand(stored("bare-metal"), facts(), "node7")


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("hostname", "node7"),
        ("kernel", "6.1.0-18-amd64"),
        ("os", "Debian GNU/Linux 12 (bookworm)"),
        ("cpu_model", "Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz"),
        ("microcode", "0x5003604"),
        ("tsc_flags", ["constant_tsc", "nonstop_tsc"]),
        ("hypervisor", "none"),
        ("isolated_cpus", "2-5"),
        ("turbo", False),
        ("governor", {"0": "performance", "2": "performance", "10": "powersave"}),
        ("smt_siblings", {"0": "0,16"}),
        ("numa_cpus", {"0": "0-7,16-23", "1": "8-15,24-31"}),
        ("idle_states", {"POLL": True, "C6": False}),
        ("thp", "never"),
        ("mitigations", {"meltdown": "Not affected"}),
        ("memory_total_kb", 196608),
        ("dpdk", "22.11.11"),
        ("compiler", "cc (Debian 12.2.0-14) 12.2.0"),
        ("sysctls", {"net.ipv4.tcp_congestion_control": "cubic", "net.ipv4.tcp_rmem": "4096 131072 6291456"}),
        ("interrupts", {"0": 21, "1": 5}),
        ("load_1min", 0.15),
        ("uptime_s", 86400.55),
        (
            "hugepages",
            [
                PoolFacts(size_kb=2048, node=None, nr=1024, free=976),
                PoolFacts(size_kb=1048576, node=1, nr=4, free=3),
            ],
        ),
        (
            "hugetlbfs",
            [
                MountFacts(path="/dev/hugepages", page_kb=2048, total=None, free=None),
                MountFacts(path="/mnt/huge 1G", page_kb=1048576, total=4 << 30, free=3 << 30),
            ],
        ),
        ("clocksource", None),
        ("unreadable", []),
    ],
)
def test_a_fact(bare_metal: Environment, fact: str, value: object) -> None:
    assert getattr(bare_metal, fact) == value


def test_a_nic_of_the_kernel_and_one_of_dpdk(bare_metal: Environment) -> None:
    assert bare_metal.nics is not None
    nic = bare_metal.nics["0000:3b:00.0"]
    assert (nic.interface, nic.driver, nic.firmware) == ("ens3f0", "mlx5_core", "16.35.2000 (MT_0000000012)")
    assert (nic.mtu, nic.speed_mbit, nic.node, nic.qdisc) == (1500, 100000, 0, ["mq", "fq_codel"])
    assert nic.offloads == {"rx-checksumming": True, "tcp-segmentation-offload": False, "rx-vlan-filter": True}
    assert nic.coalesce == {"Adaptive RX": "on  TX: on", "rx-usecs": "8"}
    given = bare_metal.nics["0000:3b:00.1"]
    assert (given.interface, given.driver, given.node, given.mtu) == (None, "vfio-pci", None, None)


@pytest.mark.parametrize(
    ("flags", "files", "name"),
    [
        ("fpu hypervisor", {}, "unnamed"),
        ("fpu hypervisor", {"/sys/class/dmi/id/sys_vendor": "QEMU\n"}, "QEMU"),
        ("fpu", {"/sys/hypervisor/type": "xen\n"}, "xen"),
    ],
)
def test_the_hypervisor(flags: str, files: dict[str, str], name: str) -> None:
    raw = Raw(files={"/proc/cpuinfo": f"processor : 0\nflags : {flags}\n", **files})
    assert understand(raw, facts(), "h").hypervisor == name


def test_a_host_that_tells_nothing_is_all_null_and_no_error() -> None:
    environment = understand(Raw(), facts(), "h")
    told = environment.model_dump(exclude={"host", "utc", "schema_version"})
    assert {name for name, value in told.items() if value} == set()


def test_text_that_is_none_of_ours_is_named_and_the_rest_is_read() -> None:
    raw = Raw(files={"/proc/loadavg": "what?", "/proc/cmdline": "quiet\n"})
    environment = understand(raw, facts(), "h")
    assert (environment.load_1min, environment.unreadable, environment.cmdline) == (None, ["load_1min"], "quiet")


def test_this_machine_over_one_script_and_back_from_json() -> None:
    remote = LocalRemote()
    host = Host(name="me", nics=(Nic(name="a", interface="lo"), Nic(name="b", interface="none0")))
    environment = read_environment(remote, host)
    assert remote.runs == 1
    assert environment.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert environment.kernel == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert environment.unreadable == []
    assert environment.nics is not None
    assert list(environment.nics) == ["lo"]
    assert environment.nics["lo"].mtu == int(Path("/sys/class/net/lo/mtu").read_text())
    assert Environment.model_validate_json(environment.model_dump_json(by_alias=True)) == environment


def tree(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_pci_nics_with_and_without_an_interface(tmp_path: Path) -> None:
    drivers = tmp_path / "sys/bus/pci/drivers"
    for driver, address in (("virtio-pci", "0000:00:03.0"), ("vfio-pci", "0000:00:04.0")):
        (drivers / driver).mkdir(parents=True)
        device = tmp_path / "sys/bus/pci/devices" / address
        device.mkdir(parents=True)
        (device / "driver").symlink_to(f"../../drivers/{driver}")
    tree(
        tmp_path,
        {
            "sys/bus/pci/devices/0000:00:03.0/virtio0/net/eth7/mtu": "9000\n",
            "sys/bus/pci/devices/0000:00:03.0/numa_node": "1\n",
            "sys/class/net/eth7/mtu": "9000\n",
        },
    )
    host = Host(
        name="h",
        nics=tuple(Nic(name=f"n{n}", pci=f"0000:00:0{n}.0") for n in (3, 4, 5)),
    )
    nics = read_environment(LocalRemote(), host, root=str(tmp_path)).nics
    assert nics is not None
    assert list(nics) == ["0000:00:03.0", "0000:00:04.0"]
    first, second = nics.values()
    assert (first.interface, first.driver, first.mtu, first.node) == ("eth7", "virtio-pci", 9000, 1)
    assert (second.interface, second.driver, second.mtu) == (None, "vfio-pci", None)


def test_what_must_not_change_during_a_run(bare_metal: Environment) -> None:
    assert differences(bare_metal, bare_metal) == []
    assert bare_metal.governor is not None
    assert bare_metal.hugepages is not None
    assert bare_metal.nics is not None
    nics = {**bare_metal.nics, "0000:3b:00.0": bare_metal.nics["0000:3b:00.0"].model_copy(update={"mtu": 9000})}
    del nics["0000:3b:00.1"]
    pool = bare_metal.hugepages[0]
    changed: dict[str, Any] = {
        "governor": {**bare_metal.governor, "2": "powersave"},
        "kernel": "6.1.0-19-amd64",
        "hugepages": [pool.model_copy(update={"nr": 1000, "free": 5}), *bare_metal.hugepages[1:]],
        "nics": nics,
        "load_1min": 9.0,
        "interrupts": {"0": 99, "1": 99},
        "memory_available_kb": 1,
    }
    assert differences(bare_metal, bare_metal.model_copy(update=changed)) == [
        "kernel: 6.1.0-18-amd64 -> 6.1.0-19-amd64",
        "governor 2: performance -> powersave",
        "hugepages 2048 kB: 1024 -> 1000",
        "nic 0000:3b:00.0 mtu: 1500 -> 9000",
        "nic 0000:3b:00.1: went",
    ]
