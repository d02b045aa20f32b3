"""The first process of a host made of namespaces. Runs under the system's Python and uses its standard library only.

    host_init.py start FOLDER    make the namespaces and, in them, the host that FOLDER/plan.json describes
    host_init.py repair FOLDER   put back what is missing of that plan in the host that runs (FOLDER/init.json)

`start` forks process 1 of the host and ends; before process 1 does anything its identity is in FOLDER/init.json, so
that no host is ever unknown, whoever dies when. Process 1 says `ready` (or `error: ...`) on stdout once its mounts
are made, and then lives by signals: HUP starts sshd if it does not run, CHLD reaps, TERM or INT ends the host.

Mounts are made after pivot_root, so that no path of the plan can lead out of the host by a symbolic link. What they
are made from was opened before, by open_tree(2), as long as the machine's own files were in sight.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

Step = dict[str, Any]

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
NAMESPACES = {"net": CLONE_NEWNET, "uts": CLONE_NEWUTS, "ipc": CLONE_NEWIPC, "pid": CLONE_NEWPID, "mnt": CLONE_NEWNS}
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2
MOUNT_FLAGS = {"nosuid": 2, "nodev": 4, "noexec": 8}
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOUNT_ATTR_RDONLY = 1, 4, 1
# Numbers of system calls since Linux 5.2 are the same on every architecture; the C library of Debian 12 wraps none.
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
GRACE_S = 0.5

libc = ctypes.CDLL(None, use_errno=True)


class MountAttr(ctypes.Structure):
    """`struct mount_attr` of linux/mount.h."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def check(result: int, what: str) -> int:
    """Return `result`, or raise OSError saying `what` if it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def mount(source: str, path: str, fstype: str | None, flags: int, options: str = "") -> None:
    """Mount a file system, or change how one is mounted. Raises OSError naming type, place and options."""
    result = libc.mount(
        source.encode(), path.encode(), fstype.encode() if fstype else None, ctypes.c_ulong(flags), options.encode()
    )
    check(result, f"mount {fstype or source} on {path} ({options})")


def open_tree(path: str, recursive: bool) -> int:
    """A detached copy of the mount at `path`, as a file descriptor. Raises OSError."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    fd = libc.syscall(ctypes.c_long(SYS_OPEN_TREE), AT_FDCWD, path.encode(), ctypes.c_uint(flags))
    return check(fd, f"open_tree {path}")


def set_attributes(fd: int, path: str, *, read_only: bool, recursive: bool) -> None:
    """Make the mount at `path` under `fd` private, and read-only or writable. Raises OSError."""
    attr = MountAttr(propagation=MS_PRIVATE)
    if read_only:
        attr.attr_set = MOUNT_ATTR_RDONLY
    else:
        attr.attr_clr = MOUNT_ATTR_RDONLY
    flags = (0 if path else AT_EMPTY_PATH) | (AT_RECURSIVE if recursive else 0)
    result = libc.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR),
        fd,
        path.encode(),
        ctypes.c_uint(flags),
        ctypes.byref(attr),
        ctypes.c_size_t(ctypes.sizeof(attr)),
    )
    check(result, f"mount_setattr {path or fd}")


def attach(fd: int, path: str) -> None:
    """Mount the detached tree `fd` on `path`, which is made if it is not there. Raises OSError."""
    target = Path(path)
    if os.path.isdir(fd):  # noqa: PTH112 - pathlib takes no file descriptor
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    result = libc.syscall(
        ctypes.c_long(SYS_MOVE_MOUNT), fd, b"", AT_FDCWD, path.encode(), ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH)
    )
    check(result, f"move_mount to {path}")
    os.close(fd)


def open_sources(steps: list[Step], mounted: set[str]) -> dict[str, int]:
    """Open the machine's side of each bind that is not mounted yet, by the place where it is wanted."""
    return {
        step["path"]: open_tree(step["source"], step["recursive"])
        for step in steps
        if step["do"] == "bind" and not step["inner"] and step["path"] not in mounted
    }


def apply(steps: list[Step], sources: dict[str, int], mounted: set[str]) -> None:
    """Carry out the plan's steps in order in the root that this process has; what is there already is left alone."""
    for step in steps:
        action, path = step["do"], step["path"]
        if action == "directory":
            Path(path).mkdir(parents=True, exist_ok=True)
            Path(path).chmod(step["mode"])
        elif action == "link":
            with contextlib.suppress(FileExistsError):
                Path(path).symlink_to(step["target"])
        elif action == "file":
            if not (step["keep"] and Path(path).exists()):
                write_file(path, step["text"], step["mode"])
        elif action == "setting":
            if step["required"] or Path(path).exists():
                Path(path).write_text(step["value"], encoding="ascii")
        elif path in mounted:
            continue
        elif action == "mount":
            Path(path).mkdir(parents=True, exist_ok=True)
            flags = sum(MOUNT_FLAGS[flag] for flag in step["flags"])
            mount(step["source"], path, step["fstype"], flags, step["options"])
            if step["read_only"]:
                set_attributes(AT_FDCWD, path, read_only=True, recursive=False)
        elif action == "bind":
            fd = open_tree(path, step["recursive"]) if step["inner"] else sources[path]
            set_attributes(fd, "", read_only=step["read_only"], recursive=step["recursive"])
            attach(fd, path)
        else:
            raise ValueError(f"unknown step {action!r}")


def write_file(path: str, text: str, mode: int) -> None:
    """Write a small file with its final mode from the start, unless it has that text already."""
    with contextlib.suppress(FileNotFoundError):
        if Path(path).read_text(encoding="utf-8") == text:
            return
        Path(path).unlink()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchmod(fd, mode)
        file.write(text)


def start_time(pid: int) -> int:
    """When a process began, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5))."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(stat.rpartition(")")[2].split()[19])


def mount_points(pid: str) -> set[str]:
    """Where something is mounted in the mount namespace of a process: field 5 of /proc/PID/mountinfo."""
    lines = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    return {line.split(" ")[4] for line in lines}


def start(folder: Path) -> None:
    """Make the namespaces, fork process 1 and let it go once its identity is on disk."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # kept until process 1 waits for them; none is lost
    gate, opener = os.pipe()
    check(libc.unshare(sum(NAMESPACES.values())), "unshare")
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        if os.read(gate, 1) == b"1":
            os.close(gate)
            os.setsid()
            live(plan, folder)
        os._exit(1)
    temporary = folder / "init.json.new"
    temporary.write_text(json.dumps({"pid": pid, "start_time": start_time(pid)}), encoding="ascii")
    temporary.rename(folder / "init.json")
    os.write(opener, b"1")


def build(plan: dict[str, Any], folder: Path) -> None:
    """Leave the machine's files and make the host's own. Raises OSError naming the step."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    name = plan["hostname"].encode()
    check(libc.sethostname(name, len(name)), "sethostname")
    sources = open_sources(plan["steps"], set())
    root = str(folder / "root")
    mount("host", root, "tmpfs", MOUNT_FLAGS["nosuid"], "mode=755,size=256m")
    os.chdir(root)
    check(libc.pivot_root(b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount the machine's root")
    os.chdir("/")
    apply(plan["steps"], sources, set())


def inherit_nothing() -> None:
    """Drop what the command that made the host happened to run with: affinity, umask, limits, priority."""
    os.umask(0o022)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.setpriority(os.PRIO_PROCESS, 0, 0)


def live(plan: dict[str, Any], folder: Path) -> None:
    """Process 1: make the host, then serve signals until one ends it. Does not return."""
    try:
        inherit_nothing()
        build(plan, folder)
    except (OSError, ValueError, KeyError) as error:
        traceback.print_exc()
        say(f"error: {error}")
        os._exit(1)
    say("ready")
    os.dup2(2, 1)  # the pipe to the controller ends here
    sshd = 0
    while True:
        number = signal.sigwaitinfo(SIGNALS).si_signo
        if number == signal.SIGHUP and not sshd:
            sshd = start_sshd(plan["sshd"], plan["environment"])
        elif number == signal.SIGCHLD:
            if sshd in reap():
                log("sshd ended")
                sshd = 0
                Path("/run/sshd.ended").write_text("", encoding="ascii")
        elif number in (signal.SIGTERM, signal.SIGINT):
            end()


def start_sshd(argv: list[str], environment: dict[str, str]) -> int:
    """Start sshd in a session of its own, without the signal mask of process 1; 0 if that failed."""
    Path("/run/sshd.pid").unlink(missing_ok=True)
    try:
        return os.posix_spawn(
            argv[0],
            argv,
            environment,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them, programs must not
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
        )
    except OSError as error:
        log(f"sshd did not start: {error}")
        return 0


def reap() -> set[int]:
    """Collect every child that ended; their pids."""
    ended: set[int] = set()
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended.add(pid)
    return ended


def end() -> None:
    """Ask all processes of the host to end, give them GRACE_S, and end: the kernel then kills what is left."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGTERM)
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0 and signal.sigtimedwait((signal.SIGCHLD,), GRACE_S) is None:
                break
        except ChildProcessError:
            break
    os._exit(0)


def say(line: str) -> None:
    """Tell the controller, who may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{line}\n".encode())


def log(line: str) -> None:
    """Write to the host's log."""
    os.write(2, f"init: {line}\n".encode())


def repair(folder: Path) -> None:
    """Enter the running host and carry out the steps of its plan whose result is not there.

    Steps listed under `replace` in FOLDER/plan.json are unmounted first. Raises OSError.
    """
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    pid = int(json.loads((folder / "init.json").read_text(encoding="utf-8"))["pid"])
    mounted = mount_points(str(pid)) - set(plan.get("replace", ()))
    sources = open_sources(plan["steps"], mounted)
    handles = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in NAMESPACES}
    for name, handle in handles.items():  # mnt is the last: /proc/PID is out of sight afterwards
        check(libc.setns(handle, NAMESPACES[name]), f"setns {name}")
    child = os.fork()  # only a child is in the PID namespace, which mounting /proc needs
    if child:
        if os.waitpid(child, 0)[1]:
            raise OSError("a step failed inside the host; the log has it")
        return
    try:
        for path in plan.get("replace", ()):
            libc.umount2(path.encode(), MNT_DETACH)  # not mounted is what is wanted
        apply(plan["steps"], sources, mounted)
    except (OSError, ValueError, KeyError) as error:
        say(f"error: {error}")
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Do what the command line says; errors go to the controller on stdout, with the traceback in the log."""
    try:
        {"start": start, "repair": repair}[sys.argv[1]](Path(sys.argv[2]))
    except OSError as error:
        traceback.print_exc()
        say(f"error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
