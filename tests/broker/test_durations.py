from hypothesis import given
from hypothesis.strategies import floats, integers, lists

from broker.durations import (
    COUNTED_TOGETHER,
    QUANTILES,
    SAMPLES,
    Durations,
    Moments,
    Part,
    RequestMetrics,
)


def lasting(seconds: float) -> Moments:
    return 0.0, 0.0, 0.0, 0.0, 0.0, seconds


def test_quantiles_are_told_over_the_last_samples() -> None:
    request = RequestMetrics()
    for _ in range(5000):
        request.observe(lasting(9.0))
    for place in range(SAMPLES):
        request.observe(lasting(place / 1000))

    quantiles = dict(request.quantiles(Part.TOTAL))

    assert abs(quantiles[0.5] - 0.512) < 0.002
    assert abs(quantiles[0.99] - 1.013) < 0.002


@given(lists(integers(0, 3 * COUNTED_TOGETHER), max_size=6))
def test_asking_in_between_changes_no_answer(runs: list[int]) -> None:
    asked_often, asked_once = RequestMetrics(), RequestMetrics()
    for run in runs:
        for number in range(run):
            asked_often.observe(lasting(float(number)))
            asked_once.observe(lasting(float(number)))
        asked_often.rank()

    assert asked_often.total.count == asked_once.total.count == sum(runs)
    assert asked_often.total.buckets == asked_once.total.buckets
    assert [asked_often.quantiles(part) for part in Part] == [
        asked_once.quantiles(part) for part in Part
    ]


@given(lists(lists(floats(0, 20), max_size=50)))
def test_many_durations_count_like_as_many_single_ones(runs: list[list[float]]) -> None:
    together, single = Durations(), Durations()

    for run in runs:
        together.observe_all(run)
    for run in runs:
        for seconds in run:
            single.observe(seconds)

    assert together.count == single.count
    assert together.buckets == single.buckets
    assert abs(together.total_s - single.total_s) < 1e-6


def test_each_part_lies_between_its_two_moments() -> None:
    request = RequestMetrics()

    request.observe((10.0, 11.0, 13.0, 17.0, 25.0, 41.0))

    assert {part: dict(request.quantiles(part)) for part in Part} == {
        part: dict.fromkeys(QUANTILES, seconds)
        for part, seconds in (
            (Part.TOTAL, 31.0),
            (Part.REQUEST_QUEUE, 1.0),
            (Part.LOCAL, 2.0),
            (Part.REMOTE, 4.0),
            (Part.RESPONSE_QUEUE, 8.0),
            (Part.RESPONSE_SEND, 16.0),
        )
    }


def test_two_types_of_requests_are_told_as_one() -> None:
    some, others = RequestMetrics(), RequestMetrics()
    some.observe(lasting(1.0))
    alone = some.joined(others)
    others.observe(lasting(3.0))

    both = some.joined(others)

    assert alone is some
    assert (both.total.count, both.total.total_s) == (2, 4.0)
    assert dict(both.quantiles(Part.TOTAL))[0.999] == 3.0
