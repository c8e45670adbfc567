import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from broker.metrics import DURATION_BUCKETS_S, BrokerMetrics, Durations, RequestMetrics


def samples(metrics: BrokerMetrics, name: str) -> dict[frozenset[str], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        frozenset(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


@given(lists(floats(0, 20), max_size=100))
def test_buckets_agree_with_counting(durations: list[float]) -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    request = metrics.request("Fetch")
    for seconds in durations:
        request.observe(0.0, 0.0, 0.0, seconds)

    buckets = samples(metrics, "footfall_kafka_request_duration_seconds_bucket")

    for bound in DURATION_BUCKETS_S if durations else ():
        assert buckets[frozenset(("Fetch", str(bound)))] == sum(one <= bound for one in durations)
    assert buckets.get(frozenset(("Fetch", "+Inf")), 0) == len(durations)


def test_quantiles_are_told_over_the_last_samples() -> None:
    durations = Durations()
    for _ in range(5000):
        durations.observe(9.0)
    for thousandth in range(1024):
        durations.observe(thousandth / 1000)

    quantiles = dict(durations.quantiles())

    assert abs(quantiles[0.5] - 0.512) < 0.002
    assert abs(quantiles[0.99] - 1.013) < 0.002


def test_a_request_tells_its_waiting_its_handling_and_its_total() -> None:
    metrics = BrokerMetrics(CollectorRegistry())

    metrics.request("Produce").observe(10.0, 10.25, 10.75, 11.0)

    for family, milliseconds in (("requestqueue", 250), ("local", 500), ("total", 1000)):
        told = samples(metrics, f"kafka_network_requestmetrics_{family}timems")
        assert told[frozenset(("Produce", "0.50"))] == milliseconds
        assert told[frozenset(("Produce", "0.999"))] == milliseconds


def test_request_types_that_never_came_have_no_series() -> None:
    metrics = BrokerMetrics(CollectorRegistry())

    metrics.request("Metadata")

    assert samples(metrics, "kafka_network_requestmetrics_requests_total") == {}


def test_idle_ratios_lie_between_0_and_1() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    for _ in range(3):
        (ratio,) = samples(
            metrics, "kafka_network_socketserver_networkprocessoravgidle_percent"
        ).values()

        assert 0.0 <= ratio <= 1.0


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
