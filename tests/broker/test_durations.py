import pytest

from broker.durations import Durations, RequestMetrics


def test_quantiles_are_told_over_the_last_samples() -> None:
    durations = Durations()
    for _ in range(5000):
        durations.observe(9.0)
    for thousandth in range(1024):
        durations.observe(thousandth / 1000)

    quantiles = dict(durations.quantiles())

    assert abs(quantiles[0.5] - 0.512) < 0.002
    assert abs(quantiles[0.99] - 1.013) < 0.002


@pytest.mark.parametrize("before", [0, 1000, 1500])
@pytest.mark.parametrize("times", [1, 100, 1024, 3000])
def test_many_durations_of_zero_count_like_as_many_single_ones(before: int, times: int) -> None:
    together, single = Durations(), Durations()
    for durations in (together, single):
        for number in range(before):
            durations.observe(1.0 + number)

    together.observe_zeros(times)
    for _ in range(times):
        single.observe(0.0)

    assert (together.count, together.total_s) == (single.count, single.total_s)
    assert together.buckets == single.buckets
    assert together.quantiles() == single.quantiles()


def test_requests_answered_within_a_millisecond_are_counted_when_asked() -> None:
    request = RequestMetrics()
    for _ in range(3):
        request.observe(10.0, 10.0, 10.0, 10.0)
    request.observe(10.0, 10.0, 10.5, 11.0)

    assert (request.total.count, request.queue.count, request.local.count) == (4, 4, 4)
    assert request.total.total_s == 1.0
