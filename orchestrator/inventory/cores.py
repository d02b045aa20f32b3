"""Which CPUs `cores: auto` stands for."""

from __future__ import annotations

from orchestrator.inventory.model import Inventory


def resolve_cores(inventory: Inventory, cpus: tuple[int, ...]) -> Inventory:
    """Replace `cores: auto`: the first host of the file gets the first CPU, the others share all the others.

    `cpus` are the CPUs of this machine that may be used, in order of preference; where there is only one, every host
    gets it. Hosts that name their CPUs keep them. Raises ValueError if `cpus` is empty.
    """
    if not cpus:
        raise ValueError("no CPU to give out")
    first, others = cpus[:1], cpus[1:] or cpus[:1]
    hosts = tuple(
        host.model_copy(update={"cores": others if index else first}) if host.cores == "auto" else host
        for index, host in enumerate(inventory.hosts)
    )
    return inventory.model_copy(update={"hosts": hosts})
