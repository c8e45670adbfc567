"""Settings of subscriptions to client metrics (resource type 16): Kafka's names and bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from broker.errors import ErrorCode, KafkaError
from broker.metadata.config_definition import ConfigDefinition, ConfigType, split_list
from broker.metadata.image import ClusterImage, ResourceType

METRICS, INTERVAL, MATCH = "metrics", "interval.ms", "match"
ALL_METRICS = "*"
INTERVAL_MS_DEFAULT = 300_000
_INTERVAL_MS_MIN, _INTERVAL_MS_MAX = 100, 3_600_000
_REGEX_MEMORY_BYTES = 1 << 20

MATCHABLE = (
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
)
"""What of a client a subscription may name."""

CLIENT_METRICS_CONFIGS: Mapping[str, ConfigDefinition] = {
    INTERVAL: ConfigDefinition(
        INTERVAL,
        ConfigType.INT,
        str(INTERVAL_MS_DEFAULT),
        "Metrics push interval in milliseconds",
    ),
    MATCH: ConfigDefinition(MATCH, ConfigType.LIST, "", "Client match criteria"),
    METRICS: ConfigDefinition(METRICS, ConfigType.LIST, "", "Telemetry metric name prefix list"),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """Clients whose attributes match every pattern push metrics with these prefixes so often."""

    metrics: frozenset[str]
    interval_ms: int
    patterns: tuple[tuple[str, Any], ...]
    """(attribute, compiled expression)"""

    def matches(self, attributes: Mapping[str, str]) -> bool:
        return all(
            name in attributes and pattern.fullmatch(attributes[name])
            for name, pattern in self.patterns
        )


def subscriptions(image: ClusterImage) -> list[Subscription]:
    """All subscriptions that there are."""
    return [
        Subscription(
            frozenset(split_list(values.get(METRICS, ""))),
            int(values.get(INTERVAL, INTERVAL_MS_DEFAULT)),
            _patterns(values.get(MATCH, "")),
        )
        for (kind, _), values in image.configs.items()
        if kind == ResourceType.CLIENT_METRICS and values
    ]


def check_client_metrics_config(name: str, value: str) -> None:
    """Raise INVALID_REQUEST or INVALID_CONFIG when a subscription cannot have this setting."""
    definition = CLIENT_METRICS_CONFIGS.get(name)
    if definition is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown client metrics configuration: {name}")
    definition.check(value)
    if name == INTERVAL and not _INTERVAL_MS_MIN <= int(value) <= _INTERVAL_MS_MAX:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Invalid value {int(value)} for {INTERVAL}, interval must be between"
            f" {_INTERVAL_MS_MIN} and {_INTERVAL_MS_MAX} (1 hour)",
        )
    if name == MATCH:
        _patterns(value)


def _patterns(value: str) -> tuple[tuple[str, Any], ...]:
    """`attribute=expression` by attribute; INVALID_CONFIG for anything else."""
    import re2  # 3 MB that only expressions need

    found: dict[str, Any] = {}
    for item in split_list(value):
        name, _, expression = (part.strip() for part in item.partition("="))
        if name not in MATCHABLE or not expression or "=" in expression:
            raise _illegal(item)
        try:
            found[name] = _compiled(expression)
        except re2.error as error:
            raise _illegal(item) from error
    return tuple(found.items())


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    import re2

    options = re2.Options()
    options.max_mem = _REGEX_MEMORY_BYTES
    options.log_errors = False
    return re2.compile(expression, options)


def _illegal(item: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_CONFIG, f"Illegal client matching pattern: {item}")
