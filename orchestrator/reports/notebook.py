"""Notebooks: which result they open, how they show things, and how they are run without a browser."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.reports.style import look, png
from orchestrator.results.layout import write_atomic

if TYPE_CHECKING:
    from IPython.display import Image, Markdown
    from matplotlib.figure import Figure

RESULT_VARIABLE = "DPDK_ORCHESTRATOR_RESULT"
"""Environment variable that names the result folder that a notebook opens instead of the reference."""
ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "results" / "reference"
CELL_DEADLINE_S = 120


def result_to_open() -> Path:
    """The result that a notebook shows: the one named by the environment, or else the reference that is kept in git.

    Raises UsageError if there is neither.
    """
    named = os.environ.get(RESULT_VARIABLE, "")
    if named:
        return Path(named)
    if not (REFERENCE / "plan.json").exists():
        raise UsageError(
            f"there is no reference result in {REFERENCE.relative_to(ROOT)}",
            remedy=f"set {RESULT_VARIABLE} to a result folder, or run `invoke notebook RESULT`",
        )
    return REFERENCE


def environment(result: Path | None) -> dict[str, str]:
    """The process environment for Jupyter: this checkout importable, and `result` (None: the reference) opened."""
    changed = dict(os.environ)
    changed["PYTHONPATH"] = os.pathsep.join(part for part in (str(ROOT), changed.get("PYTHONPATH", "")) if part)
    changed.pop(RESULT_VARIABLE, None)
    if result is not None:
        changed[RESULT_VARIABLE] = str(result.resolve())
    return changed


def show(figure: Figure | None) -> Image | None:
    """A figure as a picture in a notebook; nothing for None."""
    from IPython.display import Image  # noqa: PLC0415 - only notebooks need IPython

    if figure is None:
        return None
    with look():
        return Image(data=png(figure, dpi=110), width=760)  # type: ignore[no-untyped-call]


def say(sentences: str | Iterable[str]) -> Markdown:
    """A sentence as Markdown, or several as a list."""
    from IPython.display import Markdown  # noqa: PLC0415 - only notebooks need IPython

    text = sentences if isinstance(sentences, str) else "\n".join(f"* {sentence}" for sentence in sentences)
    return Markdown(text)  # type: ignore[no-untyped-call]


def execute(notebook: Path, result: Path | None, output: Path) -> None:
    """Run every cell of `notebook` on a result (None: the reference) in a fresh kernel and write it with its outputs.

    `output` may be `notebook` itself. Times and host names are left out, so that running it again changes nothing.
    Raises OrchestratorError with the error of the cell that failed; `output` is not written then.
    """
    import nbformat  # noqa: PLC0415 - half a second to import, and only here
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # noqa: PLC0415

    try:
        document = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise OrchestratorError(f"{notebook} cannot be read as a notebook: {error}") from error
    client = NotebookClient(
        document,
        timeout=CELL_DEADLINE_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(notebook.resolve().parent)}},
    )
    with tempfile.TemporaryDirectory(prefix="dpdk-orchestrator-notebook-") as runtime:
        variables: Mapping[str, str] = {**environment(result), "JUPYTER_RUNTIME_DIR": runtime, "IPYTHONDIR": runtime}
        try:
            client.execute(env=dict(variables))
        except CellExecutionError as error:
            what = f"{error.ename}: {error.evalue}".splitlines()[0]
            raise OrchestratorError(f"{notebook}: {what}") from error
        except (CellTimeoutError, DeadKernelError, RuntimeError) as error:
            lines = str(error).strip().splitlines()
            raise OrchestratorError(f"{notebook}: {lines[-1] if lines else type(error).__name__}") from error
    document.metadata.pop("language_info", None)
    for cell in document.cells:
        cell.metadata.pop("execution", None)
    text: str = nbformat.writes(document)  # type: ignore[no-untyped-call]
    write_atomic(output, text.rstrip("\n") + "\n", replace=True)
