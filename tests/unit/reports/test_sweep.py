"""Which lines a sweep has; how it is drawn is tested with the other figures."""

import dataclasses

import pytest

from orchestrator.reports.style import colour
from orchestrator.reports.sweep import lines_of, swept
from orchestrator.results.summary import SummaryRow
from orchestrator.scenarios.plots import Plot


def row(driver="mp_mc", transport="dpdk", link="shm", p50=1.0, valid=1, **params):
    return SummaryRow(
        row=f"{transport}-{driver}-{params}",
        scenario="simple",
        transport=transport,
        link=link,
        driver=driver,
        params=params,
        n=1,
        trials=1,
        valid_trials=valid,
        p50_us=p50,
        p90_us=None,
        p99_us=None,
        p999_us=None,
        max_us=None,
        ops_per_s=None,
        lost=0,
        verdict="ok",
        p50_interval_us=None,
        keys=(),
        marks=() if valid else ("oversubscribed",),
        loop="closed loop, depth 1",
        oneway_p50_us=p50 / 2,
    )


def test_a_line_is_a_series_in_the_order_of_the_parameter():
    rows = [row(size=2048, p50=3.0), row(size=8, p50=1.0), row(size=64, p50=2.0)]
    (line,) = lines_of(rows, Plot("sweep", x="size"))
    assert line.points == ((8, 1.0), (64, 2.0), (2048, 3.0))
    assert line.name == "dpdk over shm (mp_mc)"


def test_what_drives_a_row_can_be_swept_too():
    rows = [row("mp_mc", size=64), row("hts", size=64, p50=1.5), row("kernel", "tcp", "loopback", size=64, p50=9.0)]
    (line,) = lines_of(rows, Plot("sweep", x="driver", only=("dpdk",)))
    assert line.points == (("hts", 1.5), ("mp_mc", 1.0))
    assert line.name == "dpdk over shm"
    assert swept(rows[0], "driver") == "mp_mc"
    assert swept(rows[0], "processes") is None


def test_what_follows_from_the_parameter_makes_no_line_of_its_own():
    rows = [row(placement="apart", idle="spin"), row(placement="shared", idle="yield", p50=3.0, valid=0)]
    assert lines_of(rows, Plot("sweep", x="placement")) == []
    (line,) = lines_of(rows, Plot("sweep", x="placement", follows=("idle",)))
    assert line.points == (("apart", 1.0), ("shared", 3.0))
    assert line.counts == (True, False)
    assert line.name == "dpdk over shm (mp_mc)"  # not all of it is oversubscribed


def test_one_mark_is_no_line():
    rows = [row(size=8), row(size=64), row("hts", size=8)]
    assert [line.name for line in lines_of(rows, Plot("sweep", x="size"))] == ["dpdk over shm (mp_mc)"]


def test_the_way_there_is_swept_like_any_number():
    rows = [row(size=8), row(size=64), dataclasses.replace(row(size=2048), oneway_p50_us=None)]
    (line,) = lines_of(rows, Plot("sweep", x="size", y="oneway_p50_us"))
    assert line.points == ((8, 0.5), (64, 0.5))


@pytest.mark.parametrize("driver", ["mp_mc", "sp_sc", "rts", "hts"])
def test_no_two_series_of_the_scenario_share_a_colour(driver):
    others = [row(other) for other in ("mp_mc", "sp_sc", "rts", "hts") if other != driver]
    others += [row("kernel", transport, "loopback") for transport in ("tcp", "tcp-poll")]
    others += [row("kernel", transport, "unix") for transport in ("unix", "unix-poll")]
    assert colour(row(driver)) not in {colour(other) for other in others}
    assert len({colour(other) for other in others}) == len(others)
