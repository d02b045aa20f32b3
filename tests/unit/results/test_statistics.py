import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.results import statistics as our
from orchestrator.results.distribution import Distribution, merge, of_samples, read_distribution, write_distribution
from orchestrator.results.samples import LOST, Samples

QUANTILES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def samples_of(values):
    rtt = np.array(values, dtype=np.uint32)
    return Samples(np.arange(len(rtt), dtype=np.int64), rtt)


@given(st.lists(st.integers(0, 10**6), min_size=6, max_size=4000))
@settings(max_examples=60, deadline=None)
def test_percentiles_are_those_of_numpy_inverted_cdf(values):
    array = np.array(values, dtype=np.uint32)
    for q, found in zip(QUANTILES, our.percentiles(array, QUANTILES), strict=True):
        if len(values) < our.MIN_SAMPLES[q]:
            assert found is None
        else:
            assert found == np.quantile(array, q, method="inverted_cdf")


@given(st.lists(st.integers(0, 1000), min_size=6, max_size=400), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_the_lost_are_slower_than_all_others(values, lost):
    ordered = sorted(values) + [math.inf] * lost
    (found,) = our.percentiles(np.array(values, dtype=np.uint32), (0.5,), lost=lost)
    expected = ordered[math.ceil(len(ordered) / 2) - 1]
    assert found == (None if expected == math.inf else expected)


def test_losing_the_slow_packets_does_not_make_a_tail_better():
    values = np.full(990, 1000, dtype=np.uint32)
    assert our.percentiles(values, (0.99,), lost=0) == [1000]
    assert our.percentiles(values, (0.99,), lost=10) == [1000]
    assert our.percentiles(values, (0.99,), lost=11) == [None]


@pytest.mark.parametrize(("q", "fewest"), [(0.5, 6), (0.9, 29), (0.99, 299), (0.999, 2995), (0.9999, 29956)])
def test_what_is_resolvable_follows_from_its_definition(q, fewest):
    chance = (lambda n: 2 * 0.5**n) if q == 0.5 else (lambda n: q**n)
    assert chance(fewest) <= 0.05 < chance(fewest - 1)
    assert our.resolvable(q, fewest)
    assert not our.resolvable(q, fewest - 1)


def test_ranks_have_no_rounding_error():
    assert our.rank(0.9, 10) == 9
    assert our.rank(0.999, 1000) == 999
    assert our.rank(0.99, 100) == 99
    assert our.rank(0.07, 100) == 7  # 0.07 * 100 is 7.000000000000001 in floating point


@pytest.mark.parametrize("count", range(1, 40))
def test_the_interval_of_a_median_covers_as_promised_and_is_the_narrowest(count):
    def coverage(k):  # chance that the median lies between the k-th smallest and the k-th largest
        return 1 - 2 * sum(math.comb(count, i) for i in range(k)) / 2**count

    found = our.median_interval(list(range(count)))
    if count < 6:
        assert found is None
        return
    k = int(found[0]) + 1
    assert found == (k - 1, count - k)
    assert coverage(k) >= 0.95
    assert k + 1 > count / 2 or coverage(k + 1) < 0.95


def test_the_interval_of_six_trials_is_their_range():
    assert our.median_interval([5, 1, 4, 2, 6, 3]) == (1, 6)


def test_rank_sum_p_is_that_of_all_orders():
    for n, m in ((1, 1), (2, 3), (3, 3), (4, 3)):
        pooled = range(n + m)
        us = [
            sum(a > b for a in chosen for b in set(pooled) - set(chosen))
            for chosen in itertools.combinations(pooled, n)
        ]
        for chosen in itertools.combinations(pooled, n):
            rest = sorted(set(pooled) - set(chosen))
            u = min(sum(a > b for a in chosen for b in rest), sum(a < b for a in chosen for b in rest))
            expected = min(1.0, 2 * sum(each <= u for each in us) / len(us)) if 2 * u < n * m else 1.0
            assert our.rank_sum_p(chosen, rest) == pytest.approx(expected)


def test_rank_sum_p_of_ten_against_ten_and_of_ties():
    assert our.rank_sum_p(range(10), range(10, 20)) == pytest.approx(2 / math.comb(20, 10))
    assert our.rank_sum_p([1.0] * 10, [1.0] * 10) == 1.0


def test_drift_tells_a_step_and_a_trend_from_noise():
    rng = np.random.default_rng(5)
    noise = rng.normal(1000, 100, 30_000)
    change, p = our.drift(noise.astype(np.uint32))
    assert abs(change) < 0.02
    assert p > 0.001
    stepped = noise.copy()
    stepped[15_000:] *= 1.3
    change, p = our.drift(stepped.astype(np.uint32))
    assert change == pytest.approx(0.3, abs=0.03)
    assert p < 1e-4
    change, p = our.drift((noise * np.linspace(1.3, 1, 30_000)).astype(np.uint32))
    assert change < -0.1
    assert p < 1e-4


def test_drift_is_not_judged_from_a_few_samples():
    assert our.drift(np.arange(599, dtype=np.uint32)) is None
    assert our.drift(np.arange(600, dtype=np.uint32)) is not None


def test_a_block_bootstrap_is_wider_where_samples_hang_together():
    rng = np.random.default_rng(2)
    independent = rng.normal(1000, 50, 4000).astype(np.int64)
    levels = np.repeat(rng.normal(1000, 50, 40), 100).astype(np.int64)
    low, high = our.bootstrap_interval(independent, 0.5, block=100, seed=1)
    assert low <= 1000 <= high
    wide_low, wide_high = our.bootstrap_interval(levels, 0.5, block=100, seed=1)
    assert wide_high - wide_low > 3 * (high - low)
    assert our.bootstrap_interval(levels, 0.5, block=100, seed=1) == (wide_low, wide_high)
    with pytest.raises(ValueError, match="do not fit"):
        our.bootstrap_interval(levels, 0.5, block=3000, seed=1)


@given(st.lists(st.one_of(st.integers(0, 50), st.just(LOST)), max_size=300), st.integers(4, 40))
@settings(max_examples=80, deadline=None)
def test_every_thinned_point_lies_on_the_whole_ecdf(values, limit):
    distribution = of_samples(samples_of(values))
    returned = sorted(value for value in values if value != LOST)
    x, fraction = distribution.ecdf(limit)
    for value, part in zip(x, fraction, strict=True):
        assert part == pytest.approx(sum(each <= value for each in returned) / len(values))
    if returned:
        assert x[0] == returned[0]
        assert x[-1] == returned[-1]
    longer = distribution.ccdf(limit)[1]
    assert np.allclose(longer, 1 - fraction)


def test_thinning_keeps_the_tail_exact_and_the_number_of_points_small():
    rng = np.random.default_rng(9)
    values = np.concatenate([rng.integers(1000, 30_000, 400_000), rng.integers(50_000, 10**9, 100)])
    distribution = of_samples(samples_of(values))
    x, fraction = distribution.ecdf(2000)
    assert len(x) <= 2001
    assert np.array_equal(x[-100:], np.sort(values)[-100:])
    assert np.max(np.diff(fraction)) < 2 / 500  # no gap in the body either


@given(st.lists(st.lists(st.one_of(st.integers(0, 30), st.just(LOST)), max_size=50), max_size=5))
@settings(max_examples=60, deadline=None)
def test_merged_distributions_are_the_distribution_of_all_samples(parts):
    merged = merge(of_samples(samples_of(part)) for part in parts)
    whole = of_samples(samples_of([value for part in parts for value in part]))
    assert np.array_equal(merged.values, whole.values)
    assert np.array_equal(merged.counts, whole.counts)
    assert merged.lost == whole.lost


@given(st.lists(st.one_of(st.integers(0, 200), st.just(LOST)), min_size=1, max_size=700))
@settings(max_examples=60, deadline=None)
def test_a_distribution_has_the_percentiles_of_its_samples(values):
    samples = samples_of(values)
    distribution = of_samples(samples)
    assert [distribution.percentile(q) for q in QUANTILES] == our.percentiles(
        samples.returned, QUANTILES, lost=samples.lost
    )


def test_short_and_long_round_trips_are_counted_alike():
    values = [2**20 - 1, 2**20, 2**20 - 1, 2**20 + 1, 7, 2**32 - 2, 2**20, LOST]
    distribution = of_samples(samples_of(values))
    assert dict(zip(distribution.values.tolist(), distribution.counts.tolist(), strict=True)) == {
        7: 1,
        2**20 - 1: 2,
        2**20: 2,
        2**20 + 1: 1,
        2**32 - 2: 1,
    }
    assert distribution.values.tolist() == sorted(distribution.values.tolist())
    assert distribution.values.dtype == np.uint32
    assert distribution.lost == 1


def test_a_distribution_survives_its_file(tmp_path):
    written = of_samples(samples_of([5, 5, 9, LOST, 2**32 - 3]))
    write_distribution(written, tmp_path / "d.parquet")
    back = read_distribution(tmp_path / "d.parquet")
    assert back.values.tolist() == [5, 9, 2**32 - 3]
    assert back.counts.tolist() == [2, 1, 1]
    assert back.lost == 1
    assert isinstance(back, Distribution)
