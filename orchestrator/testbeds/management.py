"""Choosing the management network of each host: two addresses of 198.18.0.0/16 that nothing on this machine uses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path

from orchestrator.errors import TestbedError
from orchestrator.testbeds import ip_tool
from orchestrator.testbeds.paths import Folders

RANGE = IPv4Network("198.18.0.0/16")
_PAIRS = RANGE.num_addresses // 2


def choose(testbed: str, host: str, used: Iterable[IPv4Network]) -> IPv4Network:
    """A /31 of RANGE that overlaps none of `used`; the same one each time while it is free.

    Raises TestbedError when there is none.
    """
    taken = [network for network in used if network.overlaps(RANGE)]
    first = int.from_bytes(hashlib.sha256(f"{testbed}/{host}".encode()).digest()[:4], "big") % _PAIRS
    for step in range(_PAIRS):
        pair = (first + step) % _PAIRS
        network = IPv4Network((int(RANGE.network_address) + 2 * pair, 31))
        if not any(network.overlaps(other) for other in taken):
            return network
    raise TestbedError(f"no two free addresses are left in {RANGE}", host=host, remedy="take unused testbeds down")


def used_networks(folders: Folders) -> list[IPv4Network]:
    """What is used on this machine: addresses, routes, and what other testbeds were promised."""
    own = [
        IPv4Network(address, strict=False)
        for interface in ip_tool.network().interfaces.values()
        for address in interface.addresses
        if ":" not in address
    ]
    return own + parse_routes(Path("/proc/net/route").read_text(encoding="ascii")) + _promised(folders)


def parse_routes(text: str) -> list[IPv4Network]:
    """Destinations in /proc/net/route but for the default route; numbers there are little-endian hexadecimal."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            found.append(IPv4Network((destination, mask.bit_count())))
    return found


def _promised(folders: Folders) -> list[IPv4Network]:
    """The networks in other testbeds' states. One that is unreadable has its addresses on interfaces, if at all."""
    found = []
    for file in folders.run.parent.glob("*/state.json"):
        if file == folders.state:
            continue
        try:
            networks = json.loads(file.read_text(encoding="utf-8"))["management"].values()
            found += [IPv4Network(network) for network in networks]
        except (OSError, ValueError, KeyError):
            continue
    return found
