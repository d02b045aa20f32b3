"""Building on a host, with this machine as the host and small sources of their own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.apps.build import build_all, build_on
from orchestrator.apps.paths import binary, build_folder
from orchestrator.apps.source import SourceTree
from orchestrator.errors import CommandFailed
from orchestrator.inventory.model import Host, Inventory

MESON = "project('small', 'c', default_options: ['warning_level=2', 'werror=true'])\nsubdir('app')\n"
PROGRAM = "int main(void)\n{\n\treturn 0;\n}\n"
BROKEN = "int main(void)\n{\n\treturn nothing;\n}\n"


def sources(folder: Path, program: str = PROGRAM) -> SourceTree:
    (folder / "app").mkdir(parents=True, exist_ok=True)
    (folder / "meson.build").write_text(MESON)
    (folder / "meson_options.txt").write_text("option('tests', type: 'boolean', value: false)\n")
    (folder / "app" / "meson.build").write_text("executable('app', 'main.c')\n")
    (folder / "app" / "main.c").write_text(program)
    return SourceTree(folder)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(name="builder", workdir=tmp_path / "work")


def test_it_is_built_once_and_anew_only_for_other_sources_or_tools(host: Host, tmp_path: Path) -> None:
    first = build_on(LocalRemote("builder"), host, sources(tmp_path / "one"))
    assert not first.cached
    assert set(first.binaries) == {"app"}  # and no program of meson's own
    assert first.tools.startswith("dpdk ")
    program = Path(binary(host, sources(tmp_path / "one").digest, "app"))
    made = program.stat().st_mtime_ns

    again = build_on(LocalRemote("builder"), host, sources(tmp_path / "the same elsewhere"))
    assert again.cached
    assert again.binaries == first.binaries
    assert program.stat().st_mtime_ns == made

    other = build_on(LocalRemote("builder"), host, sources(tmp_path / "other", PROGRAM.replace("0", "1")))
    assert not other.cached
    assert other.binaries != first.binaries

    stamp = Path(build_folder(host, sources(tmp_path / "one").digest)) / "stamp"
    stamp.write_text(stamp.read_text().replace("dpdk ", "dpdk 1.", 1))
    assert not build_on(LocalRemote("builder"), host, sources(tmp_path / "one")).cached


def test_an_error_shows_the_host_and_the_compilers_own_lines(host: Host, tmp_path: Path) -> None:
    good = sources(tmp_path / "good")
    inventory = Inventory(hosts=(host, Host(name="other", workdir=tmp_path / "elsewhere")))
    assert not build_on(LocalRemote("other"), inventory.host("other"), good).cached
    with pytest.raises(CommandFailed) as caught:
        build_all(
            {name: LocalRemote(name) for name in ("builder", "other")}, inventory, sources(tmp_path / "bad", BROKEN)
        )
    said = str(caught.value)
    assert "builder: the build of dpdk_apps failed" in said
    assert "other: the build of dpdk_apps failed" in said
    assert "app/main.c:3:" in said
    assert "return nothing;" in said
    assert not list((tmp_path / "work").rglob("stamp"))  # a build that failed is not taken for one


def test_two_builds_at_once_both_end_well(host: Host, tmp_path: Path) -> None:
    source = sources(tmp_path / "one")
    results, errors = [], []
    together = threading.Barrier(3)

    def build() -> None:
        together.wait(10)
        try:
            results.append(build_on(LocalRemote("builder"), host, source))
        except CommandFailed as error:
            errors.append(error)

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(results) == 3
    assert len({str(result.binaries) for result in results}) == 1


def test_a_host_without_a_compiler_is_told_what_to_install(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.local_remote.PATH", str(tmp_path / "empty"))
    shell = LocalRemote("builder")
    plain_run = shell.run
    monkeypatch.setattr(shell, "run", lambda argv, **options: plain_run(["/bin/sh", *argv[1:]], **options))
    with pytest.raises(CommandFailed, match=r"builder: cannot build: no meson on this host - install gcc, meson"):
        build_on(shell, host, sources(tmp_path / "one"))
