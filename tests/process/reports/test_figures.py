import json
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.text import Text
from synthetic_experiment import Synthetic, write_experiment

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.reports import ecdf, notebook
from orchestrator.reports.ecdf import draw_distributions
from orchestrator.reports.figures import draw_all
from orchestrator.reports.shares import draw_shares, row_shares
from orchestrator.reports.style import colour, save
from orchestrator.results.load import open_experiment

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "dpdk_vs_tcp.ipynb"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    what = Synthetic(blocks=6, seconds=0.02, died=frozenset({7}))
    return write_experiment(tmp_path_factory.mktemp("results"), what)


def thick(axes):
    return [line for line in axes.get_lines() if line.get_linewidth() > 1]


@pytest.fixture(scope="module")
def drawn(experiment):
    return draw_all(experiment)


def test_all_plots_are_there_as_png_and_pdf(drawn):
    assert sorted(path.name for path in drawn) == [
        f"{name}.{kind}" for name in ("ccdf", "ecdf", "shares") for kind in ("pdf", "png")
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF") for path in drawn)


def test_a_plot_drawn_again_takes_the_place_of_the_old_and_is_the_same(drawn, experiment):
    old = [path for path in drawn if path.stem == "shares"]
    pictures = [path.read_bytes() for path in old]
    assert save(draw_shares(experiment), experiment.folder.plots, "shares") == sorted(old, reverse=True)
    assert [path.read_bytes() for path in old] == pictures  # no dates in them


def test_fonts_are_type_42(drawn):
    pdf = next(path for path in drawn if path.name == "shares.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf  # a Type-42 (TrueType) font as matplotlib embeds it
    assert b"/Type3" not in pdf


def test_a_series_has_one_colour_that_no_other_of_its_panel_has(experiment):
    for begin in (0, 4):
        colours = [colour(row) for row in experiment.rows[begin : begin + 4]]
        assert len(set(colours)) == 4
    memif = [colour(row) for row in experiment.rows if row.link == "memif"]
    assert memif[0] == memif[1]


@pytest.mark.parametrize("kind", ["ecdf", "ccdf"])
def test_lines_are_those_of_the_stored_samples_and_end_with_them(experiment, kind):
    (figure,) = draw_distributions(experiment, kind)
    assert len(figure.axes) == 2
    for axes, rows in zip(figure.axes, (experiment.rows[:4], experiment.rows[4:]), strict=True):
        for line, row in zip(thick(axes), rows, strict=True):
            whole = experiment.pooled(row.row)
            x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            fraction = y if kind == "ecdf" else 1 - y
            assert x[-1] == whole.values[-1] / 1000
            assert fraction[-1] == pytest.approx(1 - whole.counts[-1] / whole.returned)
            cumulative = np.cumsum(whole.counts) / whole.sent
            for q in (0.5, 0.9, 0.99):
                at = np.interp(q, fraction, x)  # the thinned line passes where the whole distribution does
                assert at == pytest.approx(whole.values[np.searchsorted(cumulative, q)] / 1000, rel=0.02)
            assert same_color(line.get_color(), colour(row))
            assert (line.get_linestyle() == "--") is (row.valid_trials == 0)


def test_every_line_is_named_and_nothing_leaves_the_page(experiment):
    for kind in ("ecdf", "ccdf"):
        (figure,) = draw_distributions(experiment, kind)
        figure.canvas.draw()
        page = figure.bbox
        for axes in figure.axes:
            texts = [text.get_text() for text in axes.get_legend().get_texts()]
            assert len(texts) == 4
            box = axes.get_legend().get_window_extent()
            assert page.x0 <= box.x0
            assert box.x1 <= page.x1
            assert box.y1 < axes.xaxis.label.get_window_extent().y0  # under the axis' own label
        boxes = [axes.get_legend().get_window_extent() for axes in figure.axes]
        assert boxes[0].x1 < boxes[1].x0
        captions = [text for text in figure.texts if "trials" in text.get_text()]
        assert len(captions) == 1
        assert captions[0].get_window_extent().x1 <= page.x1
        assert captions[0].get_window_extent().y1 < min(box.y0 for box in boxes)
        assert all("[oversubscribed]" in t.get_text() for t in figure.axes[1].get_legend().get_texts())


def test_a_long_title_of_a_panel_goes_on_below_and_touches_no_other(experiment, monkeypatch):
    long = "stage=transport, op=write, size=1048576, durability=dsync, cache=auto"
    monkeypatch.setattr(ecdf, "by_params", lambda rows: [(long, rows[:4]), (long, rows[4:])])
    (figure,) = draw_distributions(experiment, "ecdf")
    figure.canvas.draw()
    boxes = []
    for axes in figure.axes:
        (title,) = [text for text in axes.findobj(Text) if text.get_text().startswith("stage=")]
        assert title.get_text().replace("\n", " ") == long
        boxes.append(title.get_window_extent())
        assert boxes[-1].y0 > axes.get_window_extent().y1
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[1].x1 <= figure.bbox.x1
    (heading,) = [text for text in figure.texts if text.get_text().startswith("Round-trip")]
    assert boxes[0].y1 < heading.get_window_extent().y0


def test_one_parameter_set_stays_on_the_page_too(tmp_path):
    alone = write_experiment(tmp_path, Synthetic(blocks=1, seconds=0.01, counts=(1,)))
    (figure,) = draw_distributions(alone, "ecdf")
    figure.canvas.draw()
    (axes,) = figure.axes
    box = axes.get_legend().get_window_extent()
    assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1
    assert box.y1 < axes.xaxis.label.get_window_extent().y0


def test_many_parameter_sets_get_pages(tmp_path):
    many = write_experiment(tmp_path, Synthetic(blocks=1, seconds=0.01, counts=(1, 2, 3, 4, 5)))
    figures = draw_distributions(many, "ecdf")
    assert [len(figure.axes) for figure in figures] == [4, 1]


def test_shares_are_of_all_packets_of_a_row(experiment):
    row = experiment.row("dpdk-memif-2")
    shares = row_shares(experiment, row)
    assert shares.names == ("symmetric_mp0", "symmetric_mp1")
    assert sum(shares.pooled) == pytest.approx(1)
    assert len(shares.trials) == len(row.keys)
    first = [experiment.trial(key).result.shares[0].packets for key in row.keys]
    total = [sum(share.packets for share in experiment.trial(key).result.shares) for key in row.keys]
    assert shares.pooled[0] == pytest.approx(sum(first) / sum(total))
    figure = draw_shares(experiment)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 4
    assert all("oversubscribed" in label for label in labels)


def test_one_process_alone_is_drawn_where_there_are_no_others(tmp_path):
    alone = write_experiment(tmp_path, Synthetic(blocks=1, seconds=0.01, counts=(1,)))
    assert len(draw_shares(alone).axes[0].get_yticklabels()) == 4


def test_nothing_measured_gives_no_plots(tmp_path):
    nothing = write_experiment(tmp_path, Synthetic(blocks=1, counts=(1,), died=frozenset(range(4))))
    assert draw_all(nothing) == []
    assert not nothing.folder.plots.exists()


def test_the_notebook_runs_on_a_result(experiment, tmp_path):
    notebook.execute(NOTEBOOK, experiment.folder.root, tmp_path / "out.ipynb")
    document = json.loads((tmp_path / "out.ipynb").read_text())
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    text = json.dumps(outputs)
    assert "8 rows, 48 trials" in text
    assert "dpdk over veth (tap)" in text
    assert str(experiment.folder.root) not in text  # nothing of this machine
    assert (tmp_path / "out.ipynb").stat().st_size < 1_500_000


def test_a_notebook_that_fails_is_one_line_and_writes_nothing(tmp_path):
    import nbformat

    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise ValueError('no such result')")])
    nbformat.write(broken, tmp_path / "broken.ipynb")
    with pytest.raises(OrchestratorError, match=r"broken\.ipynb: ValueError: no such result") as caught:
        notebook.execute(tmp_path / "broken.ipynb", tmp_path, tmp_path / "out.ipynb")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.ipynb").exists()


def test_the_result_to_open_is_the_named_one_or_the_reference(experiment, monkeypatch, tmp_path):
    monkeypatch.setenv(notebook.RESULT_VARIABLE, str(experiment.folder.root))
    assert open_experiment(notebook.result_to_open()).plan == experiment.plan
    assert notebook.environment(None).get(notebook.RESULT_VARIABLE) is None
    assert notebook.environment(tmp_path)[notebook.RESULT_VARIABLE] == str(tmp_path)
    assert str(notebook.ROOT) in notebook.environment(None)["PYTHONPATH"].split(os.pathsep)
    monkeypatch.delenv(notebook.RESULT_VARIABLE)
    monkeypatch.setattr(notebook, "REFERENCE", notebook.ROOT / "results" / "nothing here")
    with pytest.raises(UsageError, match="no reference result"):
        notebook.result_to_open()
