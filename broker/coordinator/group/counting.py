"""What the records of a step mean for the counters: rebalances, commits, offsets that went."""

from collections.abc import Iterable

from broker.coordinator.group.classic.group import UNDER_WAY
from broker.coordinator.group.classic.records import GroupMetadataKey
from broker.coordinator.group.consumer.records import ConsumerGroupMetadataKey
from broker.coordinator.group.descriptions import CLASSIC, CONSUMER, SHARE, STREAMS
from broker.coordinator.group.offset_records import OffsetCommitKey
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.share.records import ShareGroupMetadataKey
from broker.coordinator.group.streams.records import StreamsGroupMetadataKey
from broker.metrics import GroupMetrics


def count(records: Iterable[Record], metrics: GroupMetrics) -> None:
    """A classic group rebalances when it has a new generation, a KIP-848 one with each epoch."""
    for record in records:
        match record.key:
            case OffsetCommitKey() if record.value is None:
                metrics.offsets_deleted += 1
            case OffsetCommitKey():
                metrics.offsets_committed += 1
            case GroupMetadataKey() if record.value is not None:
                metrics.rebalances[CLASSIC] += record.value.current_state_timestamp == UNDER_WAY
            case ShareGroupMetadataKey() if record.value is not None:
                metrics.rebalances[SHARE] += 1
            case StreamsGroupMetadataKey() if record.value is not None:
                metrics.rebalances[STREAMS] += 1
            case ConsumerGroupMetadataKey() if record.value is not None:
                metrics.rebalances[CONSUMER] += 1
