"""What the members of a group subscribe to and are assigned; classic ones say it in bytes of
their own (Kafka's ConsumerProtocol): an int16 version and a message."""

from broker.coordinator.group.partitions import Partitions
from broker.metadata.image import ClusterImage
from broker.protocol.codec import decode, encode_bytes
from broker.protocol.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
    TopicPartitionAssignment,
)
from broker.protocol.primitives import ProtocolError

CONSUMER_PROTOCOL_TYPE = "consumer"
_VERSION_BYTES = 2


def decode_subscription(
    metadata: bytes, newest: int = ConsumerProtocolSubscription.VERSIONS[1]
) -> ConsumerProtocolSubscription | None:
    """The subscription, read as at most the version `newest`; None if these bytes are none."""
    if len(metadata) < _VERSION_BYTES:
        return None
    version = min(_version(metadata), newest)
    try:
        return decode(
            ConsumerProtocolSubscription, version, metadata, _VERSION_BYTES, leftover=True
        )
    except ProtocolError:
        return None


def owned_partitions(subscription: ConsumerProtocolSubscription, image: ClusterImage) -> Partitions:
    """What a classic member says it still owns, of topics that exist."""
    return frozenset(
        (image.topics[one.topic].topic_id, index)
        for one in subscription.owned_partitions
        if one.topic in image.topics
        for index in one.partitions
    )


def decode_assignment(assignment: bytes) -> ConsumerProtocolAssignment | None:
    """What an assignor gave a member; no bytes are no partitions; None: these are none."""
    if not assignment:
        return ConsumerProtocolAssignment()
    newest = ConsumerProtocolAssignment.VERSIONS[1]
    version = min(_version(assignment), newest)
    try:
        return decode(
            ConsumerProtocolAssignment, version, assignment, _VERSION_BYTES, leftover=True
        )
    except ProtocolError:
        return None


def assigned_partitions(assignment: ConsumerProtocolAssignment, image: ClusterImage) -> Partitions:
    """The partitions in it, of topics that exist."""
    return frozenset(
        (image.topics[one.topic].topic_id, index)
        for one in assignment.assigned_partitions
        if one.topic in image.topics
        for index in one.partitions
    )


def encode_assignment(partitions: Partitions, image: ClusterImage, subscription: bytes) -> bytes:
    """The bytes for a member that subscribed with these, in the version that it used."""
    newest = ConsumerProtocolAssignment.VERSIONS[1]
    version = min(_version(subscription), newest)
    topics: dict[str, list[int]] = {}
    for topic_id, index in sorted(partitions):
        name = image.names_by_id.get(topic_id)
        if name is not None:
            topics.setdefault(name, []).append(index)
    assigned = [TopicPartitionAssignment(name, indexes) for name, indexes in topics.items()]
    body = encode_bytes(ConsumerProtocolAssignment(assigned_partitions=assigned), version)
    return version.to_bytes(_VERSION_BYTES, "big") + body


def _version(data: bytes) -> int:
    return max(0, int.from_bytes(data[:_VERSION_BYTES], "big", signed=True))
