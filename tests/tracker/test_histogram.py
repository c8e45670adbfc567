"""Quantiles of a histogram: near the measured value, whichever way the counts were added up."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.histogram import ERROR, LEAST, MOST, at_quantile, bucket_of, value_of

values = st.one_of(
    st.floats(LEAST, MOST), st.floats(-MOST, -LEAST), st.just(0.0), st.integers(1, 20_000)
)


def p75(counts: Counter[int]) -> float:
    pairs = sorted(counts.items())
    return value_of(pairs[at_quantile(pairs, 0.75)][0])


@given(st.lists(values, min_size=1, max_size=60))
def test_a_quantile_is_within_the_told_error_of_the_value_of_that_rank(
    measured: list[float],
) -> None:
    exact = sorted(measured)[math.ceil(0.75 * len(measured)) - 1]

    told = p75(Counter(map(bucket_of, measured)))

    assert abs(told - exact) <= ERROR * abs(exact) * (1 + 1e-9)


@given(st.lists(values, min_size=1), st.lists(values))
def test_counts_of_two_histograms_add_up_to_that_of_all_values(
    here: list[float], there: list[float]
) -> None:
    merged = Counter(map(bucket_of, here)) + Counter(map(bucket_of, there))

    assert merged == Counter(map(bucket_of, here + there))


@given(values, values)
def test_buckets_are_in_the_order_of_their_values(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert bucket_of(low) <= bucket_of(high)


def test_values_out_of_bounds_are_in_the_last_buckets() -> None:
    assert bucket_of(1e308) == bucket_of(MOST)
    assert bucket_of(-1e308) == bucket_of(-MOST)
    assert bucket_of(LEAST / 2) == bucket_of(-LEAST / 2) == 0


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        at_quantile([], 0.75)
