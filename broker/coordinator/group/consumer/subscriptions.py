"""What the members of a KIP-848 group want, as its assignors are told: by topic id."""

from broker.coordinator.group.consumer.assignors import Subscriptions
from broker.coordinator.group.consumer.group import ConsumerGroup
from broker.metadata.image import ClusterImage


def subscriptions(group: ConsumerGroup, image: ClusterImage) -> Subscriptions:
    """Who wants what, by topic id; topics that do not exist are left out."""
    topics_of = {
        member.member_id: frozenset(
            image.topics[name].topic_id for name in group.topics_of(member) if name in image.topics
        )
        for member in group.members.values()
    }
    ids = frozenset().union(*topics_of.values())
    sizes = {
        topic.topic_id: len(topic.partitions)
        for topic in image.topics.values()
        if topic.topic_id in ids
    }
    seats = {member_id: instance_id for instance_id, member_id in group.static_members.items()}
    return Subscriptions(topics_of, sizes, seats)
