"""What a client pushes: an OpenTelemetry MetricsData message (OTLP, protobuf), taken apart.

Counters, gauges and the count and sum of histograms are kept; everything else of the format is
passed over. At most `points_max` points of a push are looked at, and at most PARTS_MAX of the
messages around them: a mebibyte holds half a million empty ones, which cost 42 MB while they are
decoded and would cost 0.15 s to walk.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from broker.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, MetricsData

_DELTA = 1  # AggregationTemporality of OTLP
_ATTRIBUTES_MAX = 8
PARTS_MAX = 20_000
"""Resources, scopes and metrics of a push that are looked into; Kafka's clients send hundreds."""
_TEXT_MAX = 200
"""Letters of a metric's name or attribute that are kept; Kafka's are far shorter."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric of one client. `is_delta`: counted since the push before."""

    metric: str
    attributes: tuple[tuple[str, str], ...]
    value: float
    is_delta: bool = False


def decode(payload: bytes, points_max: int) -> list[Point]:
    """The points of a push; INVALID_RECORD when it is not what OTLP says."""
    # Loading protobuf takes a tenth of a second: only brokers that are pushed to pay for it.
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

    try:
        data = MetricsData.FromString(payload)
    except DecodeError as error:
        raise KafkaError(ErrorCode.INVALID_RECORD, f"not an OTLP message: {error}") from error
    return list(islice(_points(data), points_max))


def _points(data: "MetricsData") -> Iterator[Point]:
    parts_left = PARTS_MAX
    for resource in islice(data.resource_metrics, PARTS_MAX):
        parts_left -= 1
        for scope in islice(resource.scope_metrics, max(0, parts_left)):
            parts_left -= 1
            for metric in islice(scope.metrics, max(0, parts_left)):
                parts_left -= 1
                yield from _points_of(metric)


def _points_of(metric: "Metric") -> Iterator[Point]:
    name = metric.name[:_TEXT_MAX]
    kind = metric.WhichOneof("data")
    if kind in ("gauge", "sum"):
        points = metric.gauge.data_points if kind == "gauge" else metric.sum.data_points
        is_delta = kind == "sum" and metric.sum.aggregation_temporality == _DELTA
        for point in points:
            value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
            yield Point(name, _attributes(point.attributes), float(value), is_delta)
    elif kind == "histogram":
        is_delta = metric.histogram.aggregation_temporality == _DELTA
        for histogram in metric.histogram.data_points:
            attributes = _attributes(histogram.attributes)
            yield Point(f"{name}.count", attributes, float(histogram.count), is_delta)
            yield Point(f"{name}.sum", attributes, histogram.sum, is_delta)


def _attributes(attributes: "Iterable[KeyValue]") -> tuple[tuple[str, str], ...]:
    found = []
    for attribute in islice(attributes, _ATTRIBUTES_MAX):
        kind = attribute.value.WhichOneof("value")
        if kind in ("string_value", "int_value", "bool_value", "double_value"):
            text = str(getattr(attribute.value, kind))
            found.append((attribute.key[:_TEXT_MAX], text[:_TEXT_MAX]))
    return tuple(sorted(found))
