"""EAL parameters as typed values, rendered to argv.

Each class knows one option of the EAL (DPDK's "EAL parameters" guide); nothing here glues user input into a shell, and
nothing here touches a host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.apps.process import LcoreOnCpu

ProcType = Literal["primary", "secondary"]


@dataclass(frozen=True)
class Vdev:
    """A virtual device.

    >>> Vdev("net_memif0", {"role": "server", "id": 0}).argv()
    ('--vdev=net_memif0,role=server,id=0',)
    """

    name: str
    options: dict[str, str | int]

    def argv(self) -> tuple[str, ...]:
        """The EAL option for this device."""
        return ("--vdev=" + ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())]),)


@dataclass(frozen=True)
class PciDevice:
    """A real NIC by its PCI address.

    >>> PciDevice("0000:3b:00.0").argv()
    ('-a', '0000:3b:00.0')
    """

    address: str

    def argv(self) -> tuple[str, ...]:
        """The EAL option that allows this device, and with it no other PCI device."""
        return ("-a", self.address)


Device = Vdev | PciDevice


@dataclass(frozen=True)
class EalParams:
    """What one DPDK process tells the EAL.

    All processes of a group share `file_prefix` and `devices`; `lcores` are disjoint between them (`--lcores ID@CPU`
    lets ids share a CPU where CPUs are scarce).
    """

    proc_type: ProcType
    file_prefix: str
    lcores: Sequence[LcoreOnCpu]
    devices: Sequence[Device]

    def argv(self) -> tuple[str, ...]:
        """The EAL's part of the command line, without the `--` that ends it."""
        lcores = ",".join(f"{core.lcore}@{core.cpu}" for core in self.lcores)
        pci = any(isinstance(device, PciDevice) for device in self.devices)
        return (
            f"--proc-type={self.proc_type}",
            f"--file-prefix={self.file_prefix}",
            f"--lcores={lcores}",
            # Without a PCI device the bus is left alone: a scan would find the machine's own NICs.
            *(() if pci else ("--no-pci",)),
            *(word for device in self.devices for word in device.argv()),
            # The telemetry thread wakes up by itself and is not used here.
            "--no-telemetry",
            "--log-level=warning",
        )
