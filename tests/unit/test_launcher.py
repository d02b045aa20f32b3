"""The launcher on its own: which packages it asks for, when, and what it says.

No package is installed here: a stand-in for apt-get makes the command that the made-up package is to bring.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("sh", "sed", "tr", "cut", "cmp", "cp", "rm", "readlink", "dirname", "env", "flock", "printf", "cat", "chmod")


@pytest.fixture
def place(tmp_path):
    """A checkout with the launcher alone, an environment that counts as made, and a PATH of its own."""
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found:
            (tmp_path / "bin" / name).symlink_to(found)
    shutil.copy(ROOT / "inv", tmp_path / "inv")
    (tmp_path / "requirements.txt").write_text("made==1\n")
    (tmp_path / "debian-packages.txt").write_text("made-up | cmd:made-up-command | to show what happens\n")
    venv = tmp_path / ".venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").write_text('#!/bin/sh\necho "ran: $*"\n')
    (venv / "python").chmod(0o755)
    (venv / "invoke").touch(mode=0o755)
    (tmp_path / ".venv" / ".made-from").write_text("made==1\n")
    program(tmp_path, "python3.11", "exit 0")
    return tmp_path


def program(place, name, body):
    path = place / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(place, *arguments, **environment):
    return subprocess.run(
        [str(place / "inv"), *arguments],
        env={"PATH": str(place / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def as_user(place, number):
    program(place, "id", f"echo {number}")


def test_missing_packages_are_named_with_their_reason_and_installed_as_root(place):
    as_user(place, 0)
    program(
        place,
        "apt-get",
        f'echo "$*" >> {place}/apt.log\n'
        f'[ "$1" != install ] || {{ printf "#!/bin/sh\\n" > {place}/bin/made-up-command; '
        f"chmod 755 {place}/bin/made-up-command; }}",
    )
    done = run(place, "--list", "a b")
    assert done.returncode == 0, done.stderr
    assert "made-up" in done.stderr
    assert "to show what happens" in done.stderr
    log = (place / "apt.log").read_text().splitlines()
    assert log[0].startswith("update")
    assert log[1].endswith(" made-up")
    assert done.stdout == f"ran: -m invoke --search-root {place} --list a b\n"
    again = run(place, "x")
    assert again.stderr == ""
    assert len((place / "apt.log").read_text().splitlines()) == 2


def test_without_root_it_says_what_root_is_needed_for(place):
    as_user(place, 1000)
    program(place, "apt-get", "exit 99")
    done = run(place)
    assert done.returncode == 1
    assert "root is needed" in done.stderr
    assert "hugepages" in done.stderr
    assert "sudo apt-get install made-up" in done.stderr
    assert done.stdout == ""


def test_elsewhere_than_debian_packages_are_listed(place):
    done = run(place)
    assert done.returncode == 1
    assert "made-up" in done.stderr
    assert "no Debian or Ubuntu" in done.stderr


def test_elsewhere_it_goes_on_if_everything_is_there(place):
    program(place, "made-up-command", "")
    done = run(place, "--list")
    assert done.returncode == 0
    assert done.stderr == ""


def test_an_installation_that_brings_nothing_is_said(place):
    as_user(place, 0)
    program(place, "apt-get", "exit 0")
    done = run(place)
    assert done.returncode == 1
    assert "still missing after the installation: made-up" in done.stderr


def test_a_failing_apt_get_is_said_with_the_packages(place):
    as_user(place, 0)
    program(place, "apt-get", "exit 100")
    done = run(place)
    assert done.returncode == 1
    assert "apt-get could not install: made-up" in done.stderr


def test_changed_requirements_make_the_environment_again(place):
    program(place, "made-up-command", "")
    assert run(place).returncode == 0
    (place / "requirements.txt").write_text("made==2\n")
    # this stand-in makes no environment, so the old one stays and pip is asked for what is new
    done = run(place)
    assert "making .venv" in done.stderr
    assert "ran: -m pip install" in done.stderr
    assert (place / ".venv" / ".made-from").read_text() == "made==2\n"


def test_every_package_of_the_list_has_a_probe_and_a_reason():
    lines = [line for line in (ROOT / "debian-packages.txt").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        name, probe, why = (part.strip() for part in line.split("|"))
        assert name
        assert probe.partition(":")[0] in {"cmd", "file", "pc"}
        assert why


def test_no_index_host_stands_in_the_pinned_requirements():
    text = (ROOT / "requirements.txt").read_text()
    assert all("==" in line for line in text.splitlines())
    assert not any(mark in text for mark in ("://", "@", "--index", "--find-links"))


def test_the_launcher_runs_from_any_folder(place, tmp_path_factory):
    program(place, "made-up-command", "")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(
        [str(place / "inv"), "--list"],
        cwd=elsewhere,
        env={"PATH": str(place / "bin")},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert f"--search-root {place}" in done.stdout


APT_THAT_LOOKS = """
[ "$1" = install ] || exit 0
cat "$INV_POLICY_RC_D" >seen-policy 2>/dev/null || echo none >seen-policy
printf '#!/bin/sh\\n' >bin/made-up-command
chmod 755 bin/made-up-command
"""


def test_packages_start_no_service_while_they_are_installed_and_the_policy_goes_again(place):
    as_user(place, 0)
    program(place, "apt-get", f"cd {place}\n{APT_THAT_LOOKS}")
    policy = place / "policy-rc.d"
    done = run(place, "--list", INV_POLICY_RC_D=str(policy), INV_SBIN="")
    assert done.returncode == 0, done.stderr
    assert "exit 101" in (place / "seen-policy").read_text()
    assert not policy.exists()


def test_a_policy_of_the_machine_s_own_and_an_sshd_that_was_there_are_left_alone(place):
    as_user(place, 0)
    program(place, "apt-get", f"cd {place}\n{APT_THAT_LOOKS}")
    policy = place / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    assert run(place, "--list", INV_POLICY_RC_D=str(policy), INV_SBIN="").returncode == 0
    assert policy.read_text() == "#!/bin/sh\nexit 0\n" == (place / "seen-policy").read_text()
    policy.unlink()
    (place / "bin" / "made-up-command").unlink()
    (place / ".venv" / ".packages").unlink()
    program(place, "sshd", "exit 0")
    assert run(place, "--list", INV_POLICY_RC_D=str(policy), INV_SBIN="").returncode == 0
    assert (place / "seen-policy").read_text() == "none\n"


def test_the_environment_is_not_made_anew_under_a_command_that_runs(place):
    as_user(place, 0)
    program(place, "made-up-command", "exit 0")
    started, end = place / "started", place / "end"
    os.mkfifo(started)
    os.mkfifo(end)
    (place / ".venv" / "bin" / "python").write_text(f"#!/bin/sh\necho >{started}\ncat {end}\n")
    (place / ".venv" / ".packages").write_text((place / "debian-packages.txt").read_text())
    environment = {"PATH": str(place / "bin")}
    with subprocess.Popen([str(place / "inv"), "first"], env=environment, stdout=subprocess.DEVNULL) as first:
        started.read_text()
        (place / "requirements.txt").write_text("made==2\n")
        program(place, "python3.11", f"case $* in *venv*--clear*) echo made >{place}/anew; exit 1 ;; esac")
        with subprocess.Popen([str(place / "inv"), "second"], env=environment, stderr=subprocess.PIPE) as second:
            assert second.stderr is not None
            assert b"waiting for other commands" in second.stderr.readline()
            assert not (place / "anew").exists()
            end.write_text("")
            assert first.wait(10) == 0
            second.stderr.read()
            second.wait(10)
        assert (place / "anew").exists()
