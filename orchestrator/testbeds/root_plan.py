"""The plan of one host's root: which mounts, folders and files it has, as the steps that `host_init` carries out.

Pure but for looking which files this machine has. What a host sees of the machine is listed here and nowhere else.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from orchestrator.errors import TestbedError
from orchestrator.inventory.model import PAGE_BYTES
from orchestrator.testbeds.paths import CHECKOUT, HOST_MARK, PATH, Folders
from orchestrator.testbeds.topology import MadeHost, Topology

Step = dict[str, Any]

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun", "fuse")
_ETC = (
    *("alternatives", "ca-certificates.conf", "debian_version", "dpdk", "ethertypes", "fuse.conf", "gai.conf"),
    *("host.conf", "inputrc", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "libibverbs.d", "localtime", "login.defs"),
    *("magic", "mime.types", "networks", "os-release", "protocols", "python3", "python3.11", "rpc", "services"),
    *("shells", "ssh/moduli", "ssl/certs", "ssl/openssl.cnf", "terminfo"),
)
_WRITABLE_SYSFS = ("kernel/mm/hugepages", "devices/system/node", "devices/system/cpu", "devices/virtual/net")
"""sysfs is read-only but for these: a host made of namespaces must never write to the devices of the machine."""
_TTY_GROUP = 5
_SETTINGS = (
    ("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"),
    ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"),
    ("/proc/sys/net/ipv4/ip_forward", "0"),
    ("/proc/sys/net/bridge/bridge-nf-call-arptables", "0"),
    ("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0"),
    ("/proc/sys/net/bridge/bridge-nf-call-iptables", "0"),
)


def bind(source: str | Path, path: str, *, read_only: bool = True, recursive: bool = False) -> Step:
    """Show a file or folder of the machine in the host."""
    return _bind(str(source), path, read_only=read_only, recursive=recursive, inner=False)


def _bind(source: str, path: str, *, read_only: bool, recursive: bool, inner: bool) -> Step:
    return {
        "do": "bind",
        "path": path,
        "source": source,
        "read_only": read_only,
        "recursive": recursive,
        "inner": inner,
    }


def filesystem(
    fstype: str, path: str, options: str = "", *, flags: tuple[str, ...] = ("nosuid", "nodev"), read_only: bool = False
) -> Step:
    """A file system of the host's own."""
    return {
        "do": "mount",
        "path": path,
        "source": fstype,
        "fstype": fstype,
        "options": options,
        "flags": list(flags),
        "read_only": read_only,
    }


def directory(path: str, mode: int = 0o755) -> Step:
    """A folder on the host's root or on a mount made before."""
    return {"do": "directory", "path": path, "mode": mode}


def link(path: str, target: str) -> Step:
    """A symbolic link."""
    return {"do": "link", "path": path, "target": target}


def text_file(path: str, text: str, mode: int = 0o644) -> Step:
    """A file that the plan holds the text of."""
    return {"do": "file", "path": path, "text": text, "mode": mode, "keep": False}


def mount_paths(steps: list[Step]) -> dict[str, Step]:
    """The steps that leave a mount behind, by its place."""
    return {step["path"]: step for step in steps if step["do"] in ("mount", "bind")}


def host_plan(testbed: Topology, host: MadeHost, folders: Folders, files: dict[str, tuple[str, int]]) -> dict[str, Any]:
    """Everything that process 1 of a host needs to know.

    `files` are further files by path, each its text and mode (sshd's configuration and keys). Raises TestbedError
    where the machine lacks what the host asks for.
    """
    mark = f"{testbed.name}/{host.name}"
    steps = [
        *_system(),
        *_kernel_filesystems(),
        *_devices(host),
        *_volatile(host, folders),
        *_persistent(host, folders),
        *_etc(testbed, host),
        *(text_file(path, text, mode) for path, (text, mode) in files.items()),
        *_hidden(),
        *({"do": "setting", "path": path, "value": value, "required": False} for path, value in _SETTINGS),
    ]
    return {
        "hostname": host.name,
        "steps": steps,
        "sshd": ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config"],
        "environment": {"PATH": PATH, "LANG": "C.UTF-8", HOST_MARK: mark},
    }


def _system() -> list[Step]:
    steps = [bind("/usr", "/usr", recursive=True)]
    for name in _SYSTEM:
        place = Path("/", name)
        if place.is_symlink():
            steps.append(link(str(place), str(place.readlink())))
        elif place.is_dir():
            steps.append(bind(place, str(place), recursive=True))
    return steps


def _kernel_filesystems() -> list[Step]:
    strict = ("nosuid", "nodev", "noexec")
    steps = [filesystem("proc", "/proc", flags=strict), filesystem("sysfs", "/sys", flags=strict, read_only=True)]
    steps += [
        _bind(f"/sys/{part}", f"/sys/{part}", read_only=False, recursive=False, inner=True)
        for part in _WRITABLE_SYSFS
        if Path("/sys", part).is_dir()
    ]
    if Path("/sys/fs/bpf").is_dir():
        steps.append(filesystem("bpf", "/sys/fs/bpf", "mode=700", flags=strict))  # af_xdp keeps its programs there
    return steps


def _devices(host: MadeHost) -> list[Step]:
    nosuid = ("nosuid", "noexec")
    size = PAGE_BYTES[host.hugepages.size]
    if not Path(f"/sys/kernel/mm/hugepages/hugepages-{size >> 10}kB").is_dir():
        raise TestbedError(
            f"this kernel has no hugepages of {host.hugepages.size}", host=host.name, remedy="ask for size: 2M instead"
        )
    return [
        filesystem("tmpfs", "/dev", "mode=755,size=1m", flags=nosuid),
        *(bind(f"/dev/{name}", f"/dev/{name}", read_only=False) for name in _DEVICES if Path("/dev", name).exists()),
        *(link(f"/dev/{name}", f"/proc/self/fd/{fd}") for fd, name in enumerate(("stdin", "stdout", "stderr"))),
        link("/dev/fd", "/proc/self/fd"),
        link("/dev/ptmx", "pts/ptmx"),
        filesystem("devpts", "/dev/pts", f"newinstance,ptmxmode=0666,mode=0620,gid={_TTY_GROUP}", flags=nosuid),
        filesystem("tmpfs", "/dev/shm", "mode=1777"),
        filesystem("hugetlbfs", "/dev/hugepages", f"pagesize={size},size={host.hugepages.bytes},mode=700"),
    ]


def _volatile(host: MadeHost, folders: Folders) -> list[Step]:
    return [
        filesystem("tmpfs", "/run", "mode=755"),
        directory("/run/sshd"),
        directory("/run/lock", 0o1777),
        *(bind(folders.link(name), place, read_only=False) for name, place in host.memif),
        filesystem("tmpfs", "/tmp", "mode=1777"),
        *(directory(f"/{name}") for name in ("var", "var/lib", "var/log", "var/cache", "mnt", "media", "opt", "srv")),
        directory("/var/tmp", 0o1777),
        {**text_file("/var/log/lastlog", ""), "keep": True},  # sshd complains into every terminal if it is not there
        link("/var/run", "/run"),
        link("/var/lock", "/run/lock"),
    ]


def _persistent(host: MadeHost, folders: Folders) -> list[Step]:
    steps = [
        bind(folders.home(host.name), "/root", read_only=False),
        bind(folders.workdir(host.name), host.workdir, read_only=False),
    ]
    if Path("/var/lib/dpkg").is_dir():
        steps.append(bind("/var/lib/dpkg", "/var/lib/dpkg"))  # which versions are installed is a fact of a host
    return steps


def _etc(testbed: Topology, host: MadeHost) -> list[Step]:
    mark = f"{testbed.name}/{host.name}"
    accounts = (
        ("root", 0, "/root", "/bin/bash"),
        ("daemon", 1, "/usr/sbin", "/usr/sbin/nologin"),
        ("sshd", 105, "/run/sshd", "/usr/sbin/nologin"),
        ("nobody", 65534, "/nonexistent", "/usr/sbin/nologin"),
    )
    groups = (("root", 0), ("daemon", 1), ("tty", _TTY_GROUP), ("sshd", 105), ("nogroup", 65534))
    ids = dict(groups)
    passwd = "".join(
        f"{name}:x:{uid}:{ids.get(name, ids['nogroup'])}::{home}:{shell}\n" for name, uid, home, shell in accounts
    )
    generated = {
        "passwd": passwd,
        "group": "".join(f"{name}:x:{gid}:\n" for name, gid in groups),
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        "hostname": f"{host.name}\n",
        "machine-id": f"{hashlib.sha256(mark.encode()).hexdigest()[:32]}\n",
        "resolv.conf": "",
    }
    return [
        *(bind(f"/etc/{name}", f"/etc/{name}", recursive=True) for name in _ETC if Path("/etc", name).exists()),
        link("/etc/mtab", "/proc/self/mounts"),
        *(text_file(f"/etc/{name}", text) for name, text in generated.items()),
        text_file("/etc/shadow", "".join(f"{name}:*:::::::\n" for name, *_ in accounts), 0o600),
    ]


def _hidden() -> list[Step]:
    """Cover the controller's checkout where it lies in what hosts share with the machine."""
    if not CHECKOUT.is_relative_to("/usr"):
        return []
    return [filesystem("tmpfs", str(CHECKOUT), "mode=755,size=4k", read_only=True)]
