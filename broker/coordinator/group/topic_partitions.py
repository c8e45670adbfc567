"""Partitions of one topic, as records of several kinds hold them."""

from dataclasses import dataclass

from broker.protocol.schema import ARRAY, INT32, UUID, wire


@dataclass(slots=True)
class TopicPartitions:
    topic_id: bytes = wire(UUID)
    partitions: list[int] = wire(ARRAY(INT32))
