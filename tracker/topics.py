"""Every topic of the tracker: its name, partitions and settings. Names stand nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

DAY_MS: Final = 24 * 60 * 60 * 1000


class TopicPartition(NamedTuple):
    """One partition, by its number from 0 on."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Topic:
    """What `ensure_topics` creates when it is missing; an existing topic is left as it is."""

    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)  # Kafka's topic setting names


EVENTS: Final = Topic(
    "events",
    partitions=3,
    configs={"message.timestamp.type": "LogAppendTime", "retention.ms": str(30 * DAY_MS)},
)
"""Value: events.Event; key: visitor id. Append time makes lag in seconds exact."""

DEADLETTER: Final = Topic(
    "events.deadletter", partitions=1, configs={"retention.ms": str(14 * DAY_MS)}
)
"""Value: the refused body as it came, at most 64 KiB; headers dlq_reason, dlq_step, dlq_timestamp.
dlq_timestamp is milliseconds since 1970 UTC, as text."""

METRICS: Final = Topic(
    "metrics",
    partitions=1,
    configs={"message.timestamp.type": "LogAppendTime", "retention.ms": str(30 * DAY_MS)},
)
"""Value: events.Event with metric_name and metric_value; key: visitor id."""

SITES: Final = Topic("footfall.sites", partitions=1, configs={"cleanup.policy": "compact"})
"""Value: sites.Site, or none for a removed one; key: the site's name."""

AUDIT: Final = Topic(
    "footfall.audit",
    partitions=1,
    configs={"message.timestamp.type": "LogAppendTime", "retention.ms": str(365 * DAY_MS)},
)
"""Value: JSON, who changed what through the dashboard; key: name of what was changed. Made by the
dashboard with the first entry."""

PROBE: Final = Topic(
    "__footfall_probe",
    partitions=1,
    configs={"retention.ms": "600000", "segment.ms": "600000", "segment.bytes": "1048576"},
)
"""Value: when it was sent, milliseconds as text. Named as internal, so that nobody counts it as
traffic. Made by the dashboard while its probe is on, deleted when it is off."""

STORE_PROBE: Final = Topic(
    "__footfall_ingest_probe",
    partitions=1,
    configs={"retention.ms": "600000", "segment.ms": "600000", "segment.bytes": "1048576"},
)
"""Value: bytes of no meaning. Written by the endpoint while nobody sends events, so that its
readiness is true. Made by it; left out where it may not be made."""

ALL: Final = (EVENTS, DEADLETTER, METRICS, SITES)
