"""An inventory as far as it could be understood: what the checks across hosts, NICs and links look at.

A part with a mistake of its own is still there by its name, so that one mistake does not hide or cause another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from orchestrator.inventory.model import Host, Link, Model, Nic
from orchestrator.inventory.source import Location, Source

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class NicDraft:
    """A NIC: `nic` is None where it has a mistake of its own; `name` is None where it has no usable one."""

    at: Location
    name: str | None
    nic: Nic | None


@dataclass(frozen=True)
class HostDraft:
    """A host. `host` holds all but its NICs, and is None where one of its other keys has a mistake."""

    at: Location
    name: str | None
    host: Host | None
    nics: tuple[NicDraft, ...]

    def nic_names(self) -> tuple[str, ...]:
        """Names of the NICs that have one."""
        return tuple(nic.name for nic in self.nics if nic.name is not None)


@dataclass(frozen=True)
class LinkDraft:
    """A link between two NICs. `ends` holds the two names of each end that could be read."""

    at: Location
    name: str | None
    link: Link | None
    ends: tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True)
class Draft:
    """A whole file. `has_testbed` says that the hosts are to be made by a testbed."""

    source: Source
    has_testbed: bool
    hosts: tuple[HostDraft, ...]
    links: tuple[LinkDraft, ...]

    def host_names(self) -> tuple[str, ...]:
        """Names of the hosts that have one."""
        return tuple(host.name for host in self.hosts if host.name is not None)

    def host(self, name: str) -> HostDraft | None:
        """The first host called `name`."""
        return next((host for host in self.hosts if host.name == name), None)

    def nic(self, end: tuple[str, str]) -> NicDraft | None:
        """The first NIC with these two names."""
        host = self.host(end[0])
        return next((nic for nic in host.nics if nic.name == end[1]), None) if host else None


def draft(source: Source) -> Draft:
    """Read what can be read of a parsed file."""
    top = source.data if isinstance(source.data, dict) else {}
    hosts = [_host(("hosts", index), raw) for index, raw in enumerate(_items(top.get("hosts")))]
    links = [_link(("links", index), raw) for index, raw in enumerate(_items(top.get("links")))]
    return Draft(source, top.get("testbed") is not None, tuple(hosts), tuple(links))


def _host(at: Location, raw: object) -> HostDraft:
    keys = raw if isinstance(raw, dict) else {}
    nics = tuple(
        NicDraft((*at, "nics", index), _name(nic), _understood(Nic, nic))
        for index, nic in enumerate(_items(keys.get("nics")))
    )
    own = {key: value for key, value in keys.items() if key != "nics"}
    return HostDraft(at, _name(raw), _understood(Host, own), nics)


def _link(at: Location, raw: object) -> LinkDraft:
    ends: list[tuple[str, str] | None] = []
    for end in _items(raw.get("ends") if isinstance(raw, dict) else None):
        host, nic = _end(end)
        ends.append((host, nic) if host and nic else None)
    return LinkDraft(at, _name(raw), _understood(Link, raw), tuple(ends))


def _end(raw: object) -> tuple[str, str]:
    """Host and NIC of one end, in either form; empty where they cannot be read."""
    if isinstance(raw, str):
        host, _, nic = raw.strip().partition(".")
        return host, nic
    parts = (raw.get("host"), raw.get("nic")) if isinstance(raw, dict) else (None, None)
    return (parts[0], parts[1]) if isinstance(parts[0], str) and isinstance(parts[1], str) else ("", "")


def _items(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else []


def _name(raw: object) -> str | None:
    name = raw.get("name") if isinstance(raw, dict) else None
    return name if isinstance(name, str) and name else None


def _understood(model: type[M], raw: object) -> M | None:
    """`raw` as a model, or None: what is wrong with it is reported when the whole inventory is validated."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None
