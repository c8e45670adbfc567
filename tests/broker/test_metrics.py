from hypothesis import given
from hypothesis.strategies import floats, lists
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from broker.durations import DURATION_BUCKETS_S
from broker.metrics import BrokerMetrics


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
        request.observe((0.0, 0.0, 0.0, 0.0, 0.0, seconds))

    buckets = samples(metrics, "footfall_kafka_request_duration_seconds_bucket")

    for bound in DURATION_BUCKETS_S if durations else ():
        assert buckets[frozenset(("Fetch", str(bound)))] == sum(one <= bound for one in durations)
    assert buckets.get(frozenset(("Fetch", "+Inf")), 0) == len(durations)


def test_a_request_tells_the_parts_of_its_time_in_milliseconds() -> None:
    metrics = BrokerMetrics(CollectorRegistry())

    metrics.request("Produce").observe((10.0, 10.25, 10.75, 11.75, 13.75, 17.75))

    for family, milliseconds in (
        ("requestqueue", 250),
        ("local", 500),
        ("remote", 1000),
        ("responsequeue", 2000),
        ("responsesend", 4000),
        ("total", 7750),
    ):
        told = samples(metrics, f"kafka_network_requestmetrics_{family}timems")
        assert told == {
            frozenset(("Produce", quantile)): milliseconds
            for quantile in ("0.50", "0.75", "0.95", "0.98", "0.99", "0.999")
        }
        counted = f"kafka_network_requestmetrics_{family}timems_count"
        text = metrics.exposition().decode()
        assert f'# TYPE {counted} counter\n{counted}{{request="Produce"}} 1.0\n' in text


def test_fetches_of_consumers_and_followers_are_told_apart_and_together() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    consumers, followers = metrics.request_of_followers("Fetch")
    for _ in range(3):
        consumers.observe((0.0, 0.0, 0.0, 0.0, 0.0, 1.0))

    def told() -> dict[str, float]:
        found = samples(metrics, "kafka_network_requestmetrics_requests_total")
        return {name: value for (name,), value in found.items()}

    assert told() == {"Fetch": 3, "FetchConsumer": 3}

    followers.observe((0.0, 0.0, 0.0, 0.0, 0.0, 2.0))

    assert told() == {"Fetch": 4, "FetchConsumer": 3, "FetchFollower": 1}
    assert samples(metrics, "footfall_kafka_request_duration_seconds_count") == {
        frozenset(("Fetch",)): 4
    }


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
