import json
import os
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.errors import TestbedError
from orchestrator.inventory.loader import load
from orchestrator.testbeds import state as states
from orchestrator.testbeds.host_init import start_time
from orchestrator.testbeds.paths import Folders
from orchestrator.testbeds.processes import Identity, end_all, read_identity

INVENTORY = load(Path(__file__).parents[3] / "inventories" / "local.yml")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders("t", run_root=tmp_path / "run", persistent_root=tmp_path / "lib")


@pytest.fixture
def state() -> states.State:
    return states.State(
        "tests", INVENTORY, {"alpha": IPv4Network("198.18.0.0/31"), "beta": IPv4Network("198.18.0.2/31")}
    )


def test_what_is_saved_is_loaded(folders: Folders, state: states.State) -> None:
    assert states.load(folders) is None
    states.save(folders, state)
    assert states.load(folders) == state
    assert str(state.address("beta")) == "198.18.0.3"
    assert folders.run.stat().st_mode & 0o777 == 0o700


def test_the_state_of_another_boot_is_none(folders: Folders, state: states.State) -> None:
    states.save(folders, state)
    record = json.loads(folders.state.read_text())
    folders.state.write_text(json.dumps({**record, "boot_id": "0"}))
    assert states.load(folders) is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"schema": 1}'])
def test_a_broken_state_is_an_error_with_the_remedy(folders: Folders, state: states.State, text: str) -> None:
    states.save(folders, state)
    folders.state.write_text(text)
    with pytest.raises(TestbedError, match=r"cannot be read.*testbed-down"):
        states.load(folders)


def test_a_pid_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    own = Identity(os.getpid(), start_time(os.getpid()))
    assert own.alive()
    assert not Identity(own.pid, own.start_time - 1).alive()
    file = tmp_path / "init.json"
    file.write_text(json.dumps({"pid": own.pid, "start_time": own.start_time}))
    assert read_identity(file, "t/alpha") is None  # alive, but it does not carry the mark of a host


def test_only_the_process_itself_is_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        began = start_time(process.pid)
        assert end_all([Identity(process.pid, began - 1)]) == 0
        assert process.poll() is None
        assert end_all([Identity(process.pid, began)]) == 1
        assert process.wait(5) == -15


def test_a_process_that_ignores_being_asked_is_killed() -> None:
    script = "trap '' TERM; sleep 60 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        pids = (process.pid, int(process.stdout.readline()))
        assert end_all([Identity(pid, start_time(pid)) for pid in pids], term_s=0.1) == 2
        assert process.wait(5) == -9
