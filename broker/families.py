"""Families of how long requests take, as Kafka's JMX exporters name them."""

from collections.abc import Container, Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UnknownMetricFamily,
)

from broker.durations import SAMPLES, Part, RequestMetrics

COUNT = "_count"  # ends the name of a counter as JMX exporters tell it: it may not end in _total
REQUEST_TIMES = (
    (
        Part.TOTAL,
        "kafka_network_requestmetrics_totaltimems",
        "From the last byte of a request until its answer is sent",
    ),
    (
        Part.REQUEST_QUEUE,
        "kafka_network_requestmetrics_requestqueuetimems",
        "Waiting for earlier requests of the connection",
    ),
    (
        Part.LOCAL,
        "kafka_network_requestmetrics_localtimems",
        "In the handler, until it has to wait for the first time",
    ),
    (
        Part.REMOTE,
        "kafka_network_requestmetrics_remotetimems",
        "From then on: waiting for syncs, records, members",
    ),
    (
        Part.RESPONSE_QUEUE,
        "kafka_network_requestmetrics_responsequeuetimems",
        "Waiting for earlier answers of the connection",
    ),
    (
        Part.RESPONSE_SEND,
        "kafka_network_requestmetrics_responsesendtimems",
        "Until the socket had taken all of the answer",
    ),
)


def request_families(used: Mapping[str, RequestMetrics], parts: Container[str]) -> Iterator[Metric]:
    """Of the requests that came, by name; `parts` of another are not in the histogram again."""
    requests = CounterMetricFamily(
        "kafka_network_requestmetrics_requests", "Requests answered", labels=["request"]
    )
    durations = HistogramMetricFamily(
        "footfall_kafka_request_duration_seconds",
        "From the last byte of a request until its answer was sent",
        labels=["api"],
    )
    for name, one in used.items():
        requests.add_metric([name], one.total.count)
        if name not in parts:  # each request once
            durations.add_metric([name], one.total.cumulative(), one.total.total_s)
    yield requests
    yield durations
    for part, family, text in REQUEST_TIMES:
        yield from _quantile_families(part, family, text, used)


def _quantile_families(
    part: Part, family: str, text: str, by_name: Mapping[str, RequestMetrics]
) -> Iterator[Metric]:
    """The gauge with quantiles in milliseconds and the counter beside it, as JMX exporters do."""
    gauge = GaugeMetricFamily(
        family,
        f"{text}, milliseconds, over the last {SAMPLES} requests",
        labels=["request", "quantile"],
    )
    count = UnknownMetricFamily(f"{family}{COUNT}", "Requests measured", labels=["request"])
    for name, one in by_name.items():
        count.add_metric([name], one.total.count)
        for quantile, seconds in one.quantiles(part):
            label = str(quantile).ljust(4, "0")  # 0.50, as Kafka's JMX says it
            gauge.add_metric([name, label], seconds * 1000)
    yield gauge
    yield count
