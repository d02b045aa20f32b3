"""Running `ip` in the machine's or a host's network namespace, without a shell, and reading its JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import TestbedError
from orchestrator.testbeds.paths import PATH

_TIMEOUT_S = 10


@dataclass(frozen=True)
class Interface:
    """An interface as the kernel shows it. `peer` is the index of the other end of a veth pair in its namespace."""

    name: str
    index: int
    peer: int | None
    mac: str
    mtu: int
    up: bool
    master: str | None
    addresses: frozenset[str]


@dataclass(frozen=True)
class Network:
    """The interfaces of one network namespace, and its permanent neighbours as (interface, address, MAC)."""

    interfaces: Mapping[str, Interface]
    neighbours: frozenset[tuple[str, str, str]]


def batch(lines: Iterable[str], *, pid: int | None = None, host: str = "") -> None:
    """Run lines of `ip -batch`, in the network namespace of process `pid` or in the machine's own.

    Raises TestbedError with ip's own words at the first line that fails.
    """
    text = "".join(f"{line}\n" for line in lines)
    if text:
        _run(["-batch", "-"], text, pid, host)


def network(pid: int | None = None, host: str = "") -> Network:
    """Read a network namespace. Raises TestbedError."""
    output = _run(["-json", "-batch", "-"], "addr show\nneigh show nud permanent\n", pid, host)
    links, neighbours = _documents(output)
    return Network(parse_links(links), parse_neighbours(neighbours))


def parse_links(links: list[dict[str, Any]]) -> dict[str, Interface]:
    """`ip -json addr show`, by name of interface."""
    found = [
        Interface(
            name=link["ifname"],
            index=link["ifindex"],
            peer=link.get("link_index"),
            mac=link.get("address", ""),
            mtu=link["mtu"],
            up="UP" in link["flags"],
            master=link.get("master"),
            addresses=frozenset(f"{each['local']}/{each['prefixlen']}" for each in link.get("addr_info", ())),
        )
        for link in links
        if link
    ]
    return {interface.name: interface for interface in found}


def parse_neighbours(entries: list[dict[str, Any]]) -> frozenset[tuple[str, str, str]]:
    """`ip -json neigh show`."""
    return frozenset((entry["dev"], entry["dst"], entry["lladdr"]) for entry in entries if "lladdr" in entry)


def _documents(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A batch prints one JSON list after another."""
    decoder = json.JSONDecoder()
    links, end = decoder.raw_decode(text.lstrip())
    rest = text.lstrip()[end:].lstrip()
    return links, decoder.raw_decode(rest)[0] if rest else []


def _run(arguments: list[str], text: str, pid: int | None, host: str) -> str:
    enter = [] if pid is None else ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
    argv = [*enter, "ip", *arguments]
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={"PATH": PATH, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise TestbedError(f"ip did not end within {_TIMEOUT_S} s", host=host, remedy="run the command again") from None
    if done.returncode:
        raise TestbedError(
            f"ip failed: {' | '.join(done.stderr.strip().splitlines())}",
            host=host,
            remedy=f"it was told: {text[:300]!r}",
        )
    return done.stdout
