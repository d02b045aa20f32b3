"""What each key of an inventory holds, in the words of those who write one."""

from __future__ import annotations

import typing
from dataclasses import dataclass

from orchestrator.inventory.model import (
    MAX_CPU,
    Endpoint,
    Host,
    Hugepages,
    Inventory,
    Link,
    Model,
    Nic,
    NicRef,
    Ssh,
    Testbed,
)
from orchestrator.inventory.source import Location


@dataclass(frozen=True)
class Wording:
    """`noun` completes "... is not"; `example` completes "write"."""

    noun: str
    example: str


_NAME = Wording("a name", "lower-case letters, digits and -, a letter first, at most 31 characters")
_INTERFACE = Wording("the name of a network interface", "it as `ip link` shows it (at most 15 characters)")
_ENDPOINT = {
    "address": Wording("the address of an SSH server", "a host name or an IP address"),
    "port": Wording("a TCP port", "a number from 1 to 65535"),
    "user": Wording("the name of a user", "a login name such as root"),
    "key": Wording("the path of a private key", "a path such as ~/.ssh/id_ed25519"),
    "known_hosts": Wording("the path of a known_hosts file", "a path such as ~/.ssh/known_hosts"),
}

WORDING: dict[type[Model], dict[str, Wording]] = {
    Inventory: {
        "schema": Wording("a schema that this version reads", "1"),
        "testbed": Wording("a testbed", "`{kind: namespaces, name: local}`, or leave it out for hosts that exist"),
        "hosts": Wording("a list of 1 to 64 hosts", "a list: `- name: alpha` and its keys for each"),
        "hosts[]": Wording("a host", "`- name: alpha` with its other keys below"),
        "links": Wording("a list of links", "`- {name: wire0, kind: wire, ends: [alpha.nic0, beta.nic0]}` for each"),
        "links[]": Wording("a link", "`{name: wire0, kind: wire, ends: [alpha.nic0, beta.nic0]}`"),
        "roles": Wording("the roles of the hosts", "`roles: {generator: HOST, sut: HOST}`"),
        "roles[]": Wording("the name of a host", "the name of a host of this file"),
    },
    Testbed: {"kind": Wording("a kind of testbed", "namespaces"), "name": _NAME},
    Host: {
        "name": _NAME,
        "ssh": Wording("how the host is reached", "`ssh: {address: ADDRESS, user: root}`"),
        "cores": Wording("a list of CPUs", f"CPU numbers (0 to {MAX_CPU}) such as 2-5,8 or [2, 3], or auto"),
        "cores[]": Wording("a CPU", f"a number from 0 to {MAX_CPU}"),
        "hugepages": Wording("a wish for hugepages", "`{size: 2M, pages: 512, node: 0}`"),
        "nics": Wording("a list of NICs", "`- {name: nic0, interface: eth1}` for each"),
        "nics[]": Wording("a NIC", "`{name: nic0, interface: eth1}`"),
        "workdir": Wording("the path of a folder", "an absolute path on the host"),
    },
    Endpoint: _ENDPOINT,
    Ssh: _ENDPOINT
    | {
        "jump": Wording("a list of jump hosts", "`- {address: ADDRESS, user: USER}` for each, first hop first"),
        "jump[]": Wording("a jump host", "`{address: ADDRESS, user: USER}`"),
    },
    Hugepages: {
        "pages": Wording("a count of pages", "a whole number from 1 to 1048576"),
        "size": Wording("a page size", "2M or 1G"),
        "node": Wording("a NUMA node", "a number from 0 to 255, or leave it out for any node"),
    },
    Nic: {
        "name": _NAME,
        "pci": Wording("a PCI address", "it as `lspci -D` shows it, such as 0000:3b:00.0"),
        "interface": _INTERFACE,
        "mac": Wording("a MAC address", "six bytes such as 02:00:00:00:00:01"),
        "vdev": Wording("a virtual device", "one of: memif, tap, af_packet, af_xdp"),
        "bridge": _INTERFACE,
        "role": Wording("a role of a NIC", "one of: dpdk, kernel, both"),
        "address": Wording("an IPv4 address with its prefix length", "for example 198.18.100.1/30"),
        "dpdk_driver": Wording("a way for DPDK to drive a PCI device", "vfio-pci or bifurcated"),
        "memif_role": Wording("a side of a memif", "server or client"),
    },
    Link: {
        "name": _NAME,
        "kind": Wording("a kind of link", "one of: memif, veth, wire"),
        "ends": Wording("the two ends of a link", "two NICs such as [alpha.nic0, beta.nic0]"),
        "ends[]": Wording("a NIC of a host", "its host's and its own name such as alpha.nic0"),
        "mtu": Wording("an MTU in bytes", "a whole number from 1280 to 9216"),
    },
    NicRef: {
        "host": Wording("the name of a host", "host.nic"),
        "nic": Wording("the name of a NIC", "host.nic"),
    },
}

_THINGS: dict[type[Model], str] = {
    Inventory: "the inventory",
    Testbed: "the testbed",
    Host: "the host",
    Endpoint: "the jump host",
    Ssh: "ssh",
    Hugepages: "hugepages",
    Nic: "the NIC",
    Link: "the link",
    NicRef: "the end",
}


def thing(model: type[Model]) -> str:
    """What a model is called in a sentence."""
    return _THINGS[model]


def keys_of(model: type[Model]) -> tuple[str, ...]:
    """The keys that may be written for a model."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def model_at(location: Location) -> type[Model]:
    """The model whose keys may stand at `location` (the innermost one on the way there)."""
    model: type[Model] = Inventory
    for part in location:
        if isinstance(part, str):
            for name, info in model.model_fields.items():
                if part == (info.alias or name):
                    model = _model_in(info.annotation) or model
                    break
    return model


def wording_at(location: Location) -> Wording:
    """What belongs at `location`, which ends with a key or with the index of an item of a list."""
    keys = [index for index, part in enumerate(location) if isinstance(part, str)]
    last = keys[-1]
    owner = model_at(location[:last])
    key = str(location[last])
    if key not in WORDING[owner]:  # a key of `roles`
        return WORDING[owner][f"{location[last - 1]}[]"]
    item = f"{key}[]"
    return WORDING[owner][item if last < len(location) - 1 and item in WORDING[owner] else key]


def _model_in(annotation: object) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
