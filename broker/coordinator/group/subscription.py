"""What the members of a group subscribe to; classic ones say it in bytes of their own."""

from typing import Any

from broker.coordinator.group.classic_group import ClassicGroup
from broker.coordinator.group.consumer_group import ConsumerGroup
from broker.protocol.codec import decode
from broker.protocol.messages.consumer_protocol import ConsumerProtocolSubscription
from broker.protocol.primitives import ProtocolError

CONSUMER_PROTOCOL_TYPE = "consumer"
_VERSION_BYTES = 2


def subscribed_topics(group: ClassicGroup[Any] | ConsumerGroup) -> frozenset[str] | None:
    """Topics that some member wants; None when that cannot be told from outside."""
    if isinstance(group, ConsumerGroup):
        return group.subscribed_topics()
    if group.protocol_type != CONSUMER_PROTOCOL_TYPE:
        return None
    topics: set[str] = set()
    for member in group.members.values():
        subscription = decode_subscription(member.metadata_for(group.protocol_name))
        if subscription is None:
            return None
        topics.update(subscription.topics)
    return frozenset(topics)


def decode_subscription(metadata: bytes) -> ConsumerProtocolSubscription | None:
    """The subscription, read as the newest version known; None if these bytes are none."""
    if len(metadata) < _VERSION_BYTES:
        return None
    version = int.from_bytes(metadata[:_VERSION_BYTES], "big", signed=True)
    newest = ConsumerProtocolSubscription.VERSIONS[1]
    try:
        return decode(ConsumerProtocolSubscription, min(version, newest), metadata, _VERSION_BYTES)
    except ProtocolError:
        return None
