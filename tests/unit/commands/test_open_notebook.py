"""`invoke notebook`: what becomes of this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.commands import reporting
from orchestrator.commands.checkout import NOTEBOOKS, ROOT
from orchestrator.reports.notebook import RESULT_VARIABLE


class Became(Exception):
    """What os.execve was given."""


@pytest.mark.parametrize("result", ["", str(reporting.REFERENCE)])
def test_it_becomes_jupyter_on_the_comparison_with_the_result_in_its_environment(
    monkeypatch: pytest.MonkeyPatch, result: str
) -> None:
    def note(program: str, argv: list[str], environment: dict[str, str]) -> None:
        raise Became(program, argv, environment)

    monkeypatch.setattr("os.execve", note)
    with pytest.raises(Became) as caught:
        reporting.open_notebook(result)
    program, argv, environment = caught.value.args
    assert program == argv[0] == sys.executable
    assert argv[1:3] == ["-m", "jupyterlab"]
    assert Path(argv[3]) == NOTEBOOKS / "dpdk_vs_tcp.ipynb"
    assert Path(argv[3]).is_file()
    assert environment[RESULT_VARIABLE] == str(reporting.REFERENCE)
    assert environment["PYTHONPATH"] == str(ROOT)
