"""How plots look: one fixed colour per series, fonts that a publisher takes, files written whole.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any colour vision tell apart, and
darker or lighter shades of them. A series keeps its colour in every plot of every experiment.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from zlib import crc32

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from orchestrator.results.layout import write_atomic
from orchestrator.results.summary import SummaryRow

WIDTH_IN = 7.4
"""Width of a figure: two columns of a paper."""
DPI = 200
FUSE_ONLY = "#8C6D31"
"""Of the store's stage without a network, which stands beside all series."""
_SPARE = ("#7A5195", "#8C6D31", "#A6CEE3", "#B15928")


def colour(row: SummaryRow) -> str:
    """The series' colour, by transport, link and driver; series not known here get a spare one by their name."""
    known = {
        ("dpdk", "memif", "memif"): "#0072B2",
        ("dpdk", "veth", "af_packet"): "#D55E00",
        ("dpdk", "veth", "af_xdp"): "#E69F00",
        ("dpdk", "veth", "tap"): "#CC79A7",
        ("tcp", "veth", "kernel"): "#222222",
        ("tcp", "veth", "kernel+bridge"): "#777777",
        ("tcp-poll", "veth", "kernel"): "#009E73",
        ("tcp-poll", "veth", "kernel+bridge"): "#56B4E9",
        ("dpdk", "memif", "memif round-robin"): "#0072B2",
        ("dpdk", "memif", "memif flow"): "#56B4E9",
        ("dpdk", "veth", "tap round-robin"): "#CC79A7",
        ("dpdk", "veth", "tap flow"): "#7A5195",
        ("tcp", "veth", "kernel+bridge handoff"): "#222222",
        ("tcp", "veth", "kernel+bridge relay"): "#999999",
        ("tcp-poll", "veth", "kernel+bridge handoff"): "#009E73",
        ("tcp-poll", "veth", "kernel+bridge relay"): "#E69F00",
        ("dpdk", "shm", "mp_mc"): "#0072B2",
        ("dpdk", "shm", "sp_sc"): "#56B4E9",
        ("dpdk", "shm", "rts"): "#CC79A7",
        ("dpdk", "shm", "hts"): "#D55E00",
        ("tcp", "loopback", "kernel"): "#222222",
        ("tcp-poll", "loopback", "kernel"): "#009E73",
        ("unix", "unix", "kernel"): "#8C6D31",
        ("unix-poll", "unix", "kernel"): "#E69F00",
        ("none", "none", "fuse"): FUSE_ONLY,
    }
    key = (row.transport, row.link, row.driver)
    return known.get(key) or _SPARE[crc32("/".join(key).encode()) % len(_SPARE)]


def look() -> AbstractContextManager[None]:
    """The settings of a plot, for a `with` around drawing and saving it. Type-42 fonts keep text as text in PDF."""
    return mpl.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.labelsize": 8,
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
            "legend.fontsize": 7.2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.6,
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.5,
            "lines.solid_capstyle": "butt",
            "pdf.fonttype": 42,
            "ps.fonttype": 42,
        }
    )


def new_figure(height_in: float) -> Figure:
    """An empty figure of the usual width that needs no display and leaves no state behind."""
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes by the inches of their upper left corner from that of the figure, and their size in inches."""
    total = figure.get_figheight()
    return figure.add_axes((left / WIDTH_IN, 1 - (top + height) / total, width / WIDTH_IN, height / total))


def caption_lines(text: str) -> list[str]:
    """The caption in lines that fit the figure's width at its size of 7 points."""
    return textwrap.wrap(text, 138)


def write_frame(figure: Figure, title: str, caption: list[str]) -> None:
    """The title above, and the caption's lines at the foot of a figure."""
    height = figure.get_figheight()
    figure.text(0.12 / WIDTH_IN, 1 - 0.1 / height, title, fontsize=10, fontweight="bold", va="top")
    figure.text(
        0.12 / WIDTH_IN, 0.1 / height, "\n".join(caption), fontsize=7, color="#444444", va="bottom", linespacing=1.35
    )


def percentile_scale(axes: Axes, top: float) -> None:
    """A y axis that gives each nine of a fraction in [0, top] the same room: -log10(1 - fraction)."""

    def forward(fraction: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(-np.log10(np.maximum(1 - np.asarray(fraction, dtype=float), 1e-12)), dtype=float)

    def inverse(nines: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(1 - 10.0 ** -np.asarray(nines, dtype=float), dtype=float)

    functions: tuple[Callable[..., object], Callable[..., object]] = (forward, inverse)
    axes.set_yscale("function", functions=functions)
    axes.set_ylim(0, top)
    ticks = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999]
    shown = [tick for tick in ticks if tick <= top]
    axes.set_yticks(shown, [f"{100 * tick:.10g}" for tick in shown])
    axes.yaxis.set_minor_locator(NullLocator())


def latency_scale(axes: Axes, low_us: float, high_us: float) -> None:
    """A logarithmic x axis of round trips in us with plain numbers at 1, 10, 100, and 2 and 5 on short axes."""
    axes.set_xscale("log")
    axes.set_xlim(low_us, high_us)
    steps: tuple[float, ...] = (1,)
    if high_us / low_us < 300:
        steps = (1, 2, 5) if high_us / low_us > 10 else (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    ticks = [step * 10.0**power for power in range(-3, 8) for step in steps]
    axes.set_xticks([tick for tick in ticks if low_us <= tick <= high_us])
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _position: f"{value:,g}" if value < 1e4 else f"{value:,.0f}")
    )
    axes.xaxis.set_minor_formatter(NullFormatter())


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write `<name>.png` and `<name>.pdf`; a plot is derived, so an older one is replaced. No dates are in them."""
    pdf = io.BytesIO()
    with look():
        picture = png(figure)
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    return [
        write_atomic(folder / f"{name}.png", picture, replace=True),
        write_atomic(folder / f"{name}.pdf", pdf.getvalue(), replace=True),
    ]
