"""Metrics about clients, and those that clients push: declared here and nowhere else.

Built from plain numbers when somebody asks; all of it belongs to the thread of the event loop.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class ClientValue:
    """The newest value of one metric that a client pushed."""

    client_id: str
    instance_id: str
    metric: str
    attributes: tuple[tuple[str, str], ...]
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
        """New values that found `telemetry_series_max` values kept already."""
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
            labels = {_label(name): value for name, value in one.attributes}
            labels |= {
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


def _label(name: str) -> str:
    """An attribute's name as Prometheus allows it for a label."""
    text = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return f"attribute_{text}" if not text or text[0].isdigit() or text[:2] == "__" else text
