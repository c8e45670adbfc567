"""Prometheus text of a registry, bit by bit."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

SERIES_A_PIECE = 100  # half a millisecond of the event loop


def pieces(registry: CollectorRegistry) -> Iterator[bytes]:
    """All families of it, at most `SERIES_A_PIECE` series at a time."""
    for family in registry.collect():
        for start in range(0, max(1, len(family.samples)), SERIES_A_PIECE):
            text = generate_latest(_SomeSeries(family, start))
            if family.type == "unknown":  # the library adds _total to what it calls a counter
                text = text.replace(b" untyped\n", b" counter\n", 1)
            yield text.split(b"\n", 2)[2] if start else text  # HELP and TYPE are told once


class _SomeSeries(Collector):
    """Of one family, from a place on."""

    def __init__(self, family: Metric, start: int) -> None:
        self._part = Metric(family.name, family.documentation, family.type)
        self._part.samples = family.samples[start : start + SERIES_A_PIECE]

    def collect(self) -> list[Metric]:
        return [self._part]
