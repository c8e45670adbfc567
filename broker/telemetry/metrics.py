"""Metrics about clients, and those that clients push: declared here and nowhere else.

Built from plain numbers when somebody asks; all of it belongs to the thread of the event loop.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Labels = tuple[tuple[str, str], ...]
"""Names and values, as Prometheus allows them."""

OWN_LABELS = frozenset(("client_id", "client_instance_id", "metric"))


@dataclass(frozen=True, slots=True)
class ClientValue:
    """The newest value of one metric that a client pushed."""

    client_id: str
    instance_id: str
    metric: str
    labels: "Labels"
    value: float


class ClientTelemetryMetrics:
    """What clients push of themselves (KIP-714), and how that goes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.unknown_subscriptions = 0
        self.throttled = 0
        self.plugin_exports = 0
        """Pushes taken; Kafka counts here what it hands to its receiver plugin."""
        self.plugin_errors = 0
        self.dropped = 0
        """New values that found `telemetry_series_max` values kept already, or cannot be told apart
        from one that is kept."""
        self.instances: Callable[[], int] = int
        self.values: Callable[[], Iterable[ClientValue]] = tuple
        registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing at registration: the values depend on what clients push."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        told = Metric(
            "footfall_client_metric",
            "Newest value of a metric that a Kafka client pushed (KIP-714), by its own name",
            "gauge",
        )
        for one in self.values():
            labels = {
                **dict(one.labels),
                "client_id": one.client_id,
                "client_instance_id": one.instance_id,
                "metric": one.metric,
            }
            told.add_sample(told.name, labels, one.value)
        yield told
        yield GaugeMetricFamily(
            "kafka_server_client_metrics_instance_count", "Clients known", self.instances()
        )
        for name, documentation, value in (
            (
                "unknown_subscription_request",
                "Pushes that fit no grant",
                self.unknown_subscriptions,
            ),
            ("throttle", "Requests before the interval was over", self.throttled),
            ("plugin_export", "Pushes that were taken", self.plugin_exports),
            ("plugin_error", "Pushes that could not be read", self.plugin_errors),
            ("dropped", "New values that found no room", self.dropped),
        ):
            yield CounterMetricFamily(
                f"kafka_server_client_metrics_{name}_count", documentation, value
            )


def labels_of(attributes: Labels) -> Labels:
    """Attributes under names that Prometheus allows; those that look alike there get numbers."""
    labels: dict[str, str] = {}
    for name, value in attributes:
        plain = label = _label(name)
        number = 1
        while label in labels:
            number += 1
            label = f"{plain}_{number}"
        labels[label] = value
    return tuple(labels.items())


def _label(name: str) -> str:
    text = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    if not text or text[0].isdigit() or text[:2] == "__" or text in OWN_LABELS:
        return f"attribute_{text}"
    return text
