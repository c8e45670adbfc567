from hypothesis import given
from hypothesis.strategies import floats, lists
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from broker.durations import DURATION_BUCKETS_S
from broker.metrics import SERIES_A_PIECE, BrokerMetrics


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


def test_the_pieces_are_the_exposition_of_all_series_and_none_is_long() -> None:
    metrics = BrokerMetrics(CollectorRegistry())
    for number in range(2 * SERIES_A_PIECE + 1):
        metrics.logs.topic(f"topic-{number}").bytes_in = number

    pieces = list(metrics.exposition_pieces())

    told, at_once = (
        [line for line in text.splitlines() if b"avgidle" not in line]  # it is of the moment
        for text in (b"".join(pieces), generate_latest(metrics.registry))
    )
    assert told == at_once
    assert max(piece.count(b"\n") for piece in pieces) == SERIES_A_PIECE + len(("HELP", "TYPE"))
