"""What classic members say in bytes of their own."""

import pytest

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic.consumer_protocol import decode_subscription
from broker.coordinator.group.classic.group import ClassicGroup
from broker.coordinator.group.classic.member import Member, Protocol
from broker.coordinator.group.offset_rules import subscribed_topics
from broker.protocol.codec import encode_bytes
from broker.protocol.messages.consumer_protocol import ConsumerProtocolSubscription


def subscription(version: int, *topics: str) -> bytes:
    message = ConsumerProtocolSubscription(topics=list(topics))
    return version.to_bytes(2, "big") + encode_bytes(message, version)


@pytest.mark.parametrize("version", range(4))
def test_every_version_begins_with_the_topics(version: int) -> None:
    metadata = subscription(version, "pages", "clicks")

    read = decode_subscription(metadata, newest=0)

    assert read is not None
    assert read.topics == ["pages", "clicks"]


def test_a_group_reads_what_its_newest_generation_subscribed_to() -> None:
    group: ClassicGroup[str] = ClassicGroup("g", protocol_type="consumer")
    before = subscribed_topics(group)
    protocol = Protocol("range", subscription(3, "pages"))
    group.members["m"] = Member("m", None, "", "", 1, 1, (protocol,))
    record = group.to_record(Moment(0, 0), generation=1, protocol_name="range")

    group.apply(record.value)
    group.members["m"].protocols = (Protocol("range", subscription(3, "clicks")),)

    assert before is None
    assert subscribed_topics(group) == frozenset({"pages"})
