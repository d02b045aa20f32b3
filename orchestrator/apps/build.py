"""Building `dpdk_apps` on hosts: the sources travel, meson builds them against the host's own DPDK, the result is kept.

A build is kept by the digest of its sources; beside it stands what it was built with (DPDK, compiler, meson), and when
that has changed on the host it is built again. A build that was cut short has no stamp and is started over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.apps.paths import build_folder
from orchestrator.apps.source import SourceTree
from orchestrator.errors import CommandFailed
from orchestrator.inventory.model import Host, Inventory
from orchestrator.remote.fleet import each, values
from orchestrator.remote.protocol import Remote

BUILD_TIMEOUT_S = 300.0

# Prints what a build depends on besides its sources, then "hit" or "miss", then the digests of the binaries of a hit.
PROBE = """\
set -eu
folder=$1
for program in meson ninja cc pkg-config; do
    command -v "$program" >/dev/null || { echo "no $program on this host" >&2; exit 3; }
done
pkg-config --exists libdpdk || { echo "no libdpdk on this host" >&2; exit 3; }
tools="dpdk $(pkg-config --modversion libdpdk), $(cc --version | head -n 1), meson $(meson --version)"
printf '%s\\n' "$tools"
if [ -f "$folder/stamp" ] && [ "$(head -n 1 "$folder/stamp")" = "$tools" ]; then
    echo hit
    tail -n +2 "$folder/stamp"
else
    echo miss
fi
"""

# Whoever comes second waits, and then finds a build of the same tools.
BUILD = """\
set -eu
folder=$1 tools=$2
exec 9>"$folder.lock"
flock 9
if [ -f "$folder/stamp" ] && [ "$(head -n 1 "$folder/stamp")" = "$tools" ]; then
    tail -n +2 "$folder/stamp"
    exit 0
fi
rm -rf "$folder/src" "$folder/out" "$folder/stamp"
mkdir -p "$folder/src"
tar -xzf "$folder/src.tar.gz" -C "$folder/src"
cd "$folder"
meson setup out src -Dtests=false >setup.log 2>&1 || { cat setup.log >&2; exit 4; }
ninja -C out >build.log 2>&1 || { grep -v '^\\[[0-9]*/[0-9]*\\] ' build.log >&2 || cat build.log >&2; exit 5; }
printf '%s\\n' "$tools" >stamp.new
find out -mindepth 2 -maxdepth 3 -type f -perm -u+x ! -path "out/meson-*" -exec sha256sum {} + >>stamp.new
mv stamp.new stamp
tail -n +2 stamp
"""


@dataclass(frozen=True)
class BuildResult:
    """What a build on one host came to."""

    host: str
    cached: bool
    tools: str
    binaries: Mapping[str, str]
    """SHA-256 of each program, by name."""
    seconds: float


def build_on(remote: Remote, host: Host, source: SourceTree) -> BuildResult:
    """Build `source` on one host unless that is done already.

    Raises CommandFailed: no compiler, no DPDK, or an error of the compiler, with the compiler's own lines.
    """
    folder = build_folder(host, source.digest)
    probe = remote.run(["sh", "-s", "--", folder], stdin=PROBE, check=False)
    if probe.exit_code != 0:
        raise CommandFailed(
            f"cannot build: {probe.stderr.strip()}",
            host=host.name,
            remedy="install gcc, meson, ninja-build, pkg-config and libdpdk-dev there",
        )
    tools, state, *digests = probe.stdout.splitlines()
    if state == "hit":
        return BuildResult(host.name, True, tools, _binaries(digests), probe.seconds)
    remote.put(source.archive(), f"{folder}/src.tar.gz")
    done = remote.run(
        ["sh", "-s", "--", folder, tools],
        stdin=BUILD,
        timeout_s=BUILD_TIMEOUT_S,
        check=False,
        env={"LC_ALL": "C.UTF-8"},
    )
    if done.exit_code != 0:
        raise CommandFailed(
            f"the build of dpdk_apps failed:\n{done.stderr.strip()}\n",
            host=host.name,
            remedy=f"the whole logs are {folder}/setup.log and build.log on that host",
        )
    return BuildResult(host.name, False, tools, _binaries(done.stdout.splitlines()), probe.seconds + done.seconds)


def build_all(remotes: Mapping[str, Remote], inventory: Inventory, source: SourceTree) -> dict[str, BuildResult]:
    """Build on all hosts in parallel; raises one error that names every host that failed."""
    outcomes = each(
        remotes,
        lambda remote: build_on(remote, inventory.host(remote.host), source),
        deadline_s=BUILD_TIMEOUT_S + 30,
    )
    return values(outcomes)


def _binaries(lines: list[str]) -> dict[str, str]:
    """Digest by program from lines of sha256sum."""
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {path.rsplit("/", 1)[-1]: digest for digest, path in pairs}
