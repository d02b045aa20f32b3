from pathlib import Path

import pytest
from support.local_remote import LocalRemote

from orchestrator.errors import DeadlineExceeded, HostSettingError
from orchestrator.hosts.kernel import BOOT_ID, kernel_lock, read_boot_ids

OWN = Path(BOOT_ID).read_text().strip()


def test_hosts_of_one_kernel_are_told_by_their_boot_id() -> None:
    kernels, errors = read_boot_ids({"alpha": LocalRemote("alpha"), "beta": LocalRemote("beta")})
    assert (kernels, errors) == ({"alpha": OWN, "beta": OWN}, {})


def test_the_controllers_own_kernel_is_changed_by_one_at_a_time(tmp_path: Path) -> None:
    with (
        kernel_lock(OWN, tmp_path),
        pytest.raises(DeadlineExceeded, match=f"another controller holds {tmp_path}/kernel-{OWN}.lock"),
        kernel_lock(OWN, tmp_path, deadline_s=0.1),
    ):
        pytest.fail("two had the lock")
    with kernel_lock(OWN, tmp_path, deadline_s=0.1):
        pass


def test_other_kernels_are_locked_on_their_hosts(tmp_path: Path) -> None:
    with kernel_lock("another", tmp_path), kernel_lock("another", tmp_path, deadline_s=0.1):
        assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostSettingError, match="cannot open the lock"), kernel_lock(OWN, tmp_path / "file"):
        pytest.fail("there was no lock")
