"""The reference result that is kept in git, and the notebook that was executed on it."""

import json

from orchestrator.commands.checkout import NOTEBOOKS, RESULTS
from orchestrator.reports import notebook
from orchestrator.results.load import open_experiment
from orchestrator.results.reference import LIMIT_BYTES
from orchestrator.results.summary import to_csv

REFERENCE = RESULTS / "reference"
NOTEBOOK = NOTEBOOKS / "dpdk_vs_tcp.ipynb"


def test_the_reference_is_small():
    assert sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file()) <= LIMIT_BYTES


def test_its_summary_follows_from_its_trials():
    experiment = open_experiment(REFERENCE)
    assert to_csv(experiment.rows) == (REFERENCE / "summary.csv").read_text()
    assert all(row.n > 0 for row in experiment.rows)
    assert {(row.transport, row.link) for row in experiment.rows} == {
        ("dpdk", "memif"),
        ("dpdk", "veth"),
        ("tcp", "veth"),
        ("tcp-poll", "veth"),
    }


def test_it_comes_from_a_clean_checkout_and_tells_nothing_of_the_machine():
    controller = json.loads((REFERENCE / "environment" / "controller.json").read_text())
    assert controller["git_dirty"] is False
    for path in REFERENCE.glob("environment/*/*.json"):
        assert json.loads(path.read_text())["cmdline"] is None


def test_the_notebook_is_committed_executed_and_without_errors():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["execution_count"] for cell in cells)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)


def test_the_notebook_runs_on_the_reference(tmp_path):
    notebook.execute(NOTEBOOK, None, tmp_path / "out.ipynb")
    assert (tmp_path / "out.ipynb").stat().st_size > 10_000
