"""What may happen to the cluster: pure decisions from an image to metadata records.

Each function returns the records that make it so, or raises a KafkaError with the code and the
words Kafka's own tools know. Nothing here changes anything; ids and defaults are passed in.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.config_table import check_together, check_topic_configs, topic_config
from broker.metadata.image import (
    ClusterImage,
    PartitionImage,
    ResourceType,
    TopicImage,
    partition_record,
)
from broker.metadata.records import (
    METADATA_TOPIC,
    ConfigRecord,
    MetadataRecord,
    ProducerIdsRecord,
    RemoveTopicRecord,
    TopicRecord,
    UnregisterBrokerRecord,
)

TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]+")
TOPIC_NAME_LENGTH_MAX = 249  # a directory name has 255 bytes, and "-<partition>" follows
PRODUCER_ID_BLOCK = 1000  # KIP-730
USE_DEFAULT = -1


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as someone wants it; -1 counts take the broker's defaults."""

    name: str
    partition_count: int = USE_DEFAULT
    replication_factor: int = USE_DEFAULT
    assignments: Sequence[tuple[int, Sequence[int]]] = ()
    """(partition, its replicas), as they were asked for"""
    configs: Mapping[str, str | None] = field(default_factory=dict)


def create_topic(
    image: ClusterImage,
    spec: TopicSpec,
    topic_id: bytes,
    config: BrokerConfig,
    before: ClusterImage | None = None,
) -> list[MetadataRecord]:
    """Records of a new topic with the id `topic_id`.

    `before`: without the other topics of the same request, with which its name may collide.
    """
    check_topic_name(spec.name)
    if spec.name in image.topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{spec.name}' already exists.")
    if spec.name == METADATA_TOPIC:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Creation of internal topic {METADATA_TOPIC} is prohibited.",
        )
    _check_collision(before or image, spec.name)
    _check_new_configs(image, spec, config)
    assignments = _assignments(image, spec, config)
    _check_room(image, len(assignments), config)
    records: list[MetadataRecord] = [TopicRecord(name=spec.name, topic_id=topic_id)]
    records += [
        ConfigRecord(
            resource_type=ResourceType.TOPIC, resource_name=spec.name, name=name, value=value
        )
        for name, value in spec.configs.items()
    ]
    records += [
        partition_record(topic_id, _new_partition(index, replicas))
        for index, replicas in enumerate(assignments)
    ]
    return records


def delete_topic(image: ClusterImage, topic: TopicImage) -> list[MetadataRecord]:
    """Records that end a topic; of an internal one the coordinators let go."""
    assert image.topics[topic.name] is topic
    return [RemoveTopicRecord(topic_id=topic.topic_id)]


def create_partitions(
    image: ClusterImage,
    topic_name: str,
    count: int,
    assignments: Sequence[Sequence[int]] | None,
    config: BrokerConfig,
) -> list[MetadataRecord]:
    """Records that make a topic have `count` partitions in all; it can only grow."""
    topic = find_topic(image, topic_name)
    existing = len(topic.partitions)
    if count == existing:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS, f"Topic already has {existing} partition(s)."
        )
    if count < existing:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"The topic {topic_name} currently has {existing} partition(s); {count} would not be an"
            " increase.",
        )
    added = count - existing
    _check_room(image, added, config)
    if assignments is not None and len(assignments) != added:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"Attempted to add {added} additional partition(s), but only {len(assignments)}"
            " assignment(s) were specified.",
        )
    factor = len(topic.partitions[0].replicas)
    for replicas in assignments or ():
        check_replicas(image, replicas, factor)
    chosen = assignments or [_replicas(image, factor)] * added
    return [
        partition_record(topic.topic_id, _new_partition(existing + number, replicas))
        for number, replicas in enumerate(chosen)
    ]


def allocate_producer_ids(image: ClusterImage, broker_id: int) -> tuple[list[MetadataRecord], int]:
    """Records that hand out a block of PRODUCER_ID_BLOCK ids, and the first of them."""
    first = image.next_producer_id
    record = ProducerIdsRecord(
        broker_id=broker_id,
        broker_epoch=image.brokers[broker_id].epoch,
        next_producer_id=first + PRODUCER_ID_BLOCK,
    )
    return [record], first


def unregister_broker(image: ClusterImage, broker_id: int, alive: int) -> list[MetadataRecord]:
    """Records that take a broker out of the cluster; `alive` is this one, which stays."""
    broker = image.brokers.get(broker_id)
    if broker is None:
        raise KafkaError(
            ErrorCode.BROKER_ID_NOT_REGISTERED, f"Broker ID {broker_id} is not currently registered"
        )
    if broker_id == alive:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"broker {broker_id} is running: stop it before removing it"
        )
    return [UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=broker.epoch)]


def find_topic(image: ClusterImage, name: str) -> TopicImage:
    """The topic of this name; UNKNOWN_TOPIC_OR_PARTITION."""
    topic = image.topics.get(name)
    if topic is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."
        )
    return topic


def find_topic_by_id(image: ClusterImage, topic_id: bytes) -> TopicImage:
    """The topic of this id; UNKNOWN_TOPIC_ID."""
    topic = image.topic_by_id(topic_id)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
    return topic


def check_topic_name(name: str) -> None:
    """Raise INVALID_TOPIC_EXCEPTION for a name Kafka does not allow."""
    reason = ""
    if not name:
        reason = "the empty string is not allowed"
    elif name in (".", ".."):
        reason = f"'{name}' is not allowed"
    elif len(name) > TOPIC_NAME_LENGTH_MAX:
        reason = f"the length of '{name}' is longer than the max allowed length"
        reason += f" {TOPIC_NAME_LENGTH_MAX}"
    elif TOPIC_NAME.fullmatch(name) is None:
        reason = (
            f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and"
            " '-'"
        )
    if reason:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {reason}")


def effective_topic_config(image: ClusterImage, config: BrokerConfig, topic: str) -> dict[str, str]:
    """All settings of a topic with the values that count for it now."""
    overrides = image.config_of(ResourceType.TOPIC, topic)
    return topic_config(config, dynamic_broker_config(image, config), overrides)


def dynamic_broker_config(image: ClusterImage, config: BrokerConfig) -> dict[str, str]:
    """Broker settings changed while it ran: this broker's own over those of all brokers."""
    shared = image.config_of(ResourceType.BROKER, "")
    return {**shared, **image.config_of(ResourceType.BROKER, str(config.node_id))}


def _check_collision(image: ClusterImage, name: str) -> None:
    """Names that differ only in `.` and `_` would collide in the names of metrics."""
    if "." not in name and "_" not in name:
        return
    folded = name.replace(".", "_")
    for other in image.topics:
        if other.replace(".", "_") == folded:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                f"Topic '{name}' collides with existing topic: {other}",
            )


def _check_new_configs(image: ClusterImage, spec: TopicSpec, config: BrokerConfig) -> None:
    unset = [name for name, value in spec.configs.items() if value is None]
    if unset:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Null value not supported for topic configs: {','.join(unset)}",
        )
    own = {name: value for name, value in spec.configs.items() if value is not None}
    check_topic_configs(own)
    check_together(topic_config(config, dynamic_broker_config(image, config), own))


def _assignments(
    image: ClusterImage, spec: TopicSpec, config: BrokerConfig
) -> Sequence[Sequence[int]]:
    """The replicas of each partition of a new topic."""
    if spec.assignments:
        return _manual_assignments(image, spec)
    factor = spec.replication_factor
    if factor == USE_DEFAULT:
        factor = config.default_replication_factor
    if factor <= 0:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        )
    count = config.num_partitions if spec.partition_count == USE_DEFAULT else spec.partition_count
    if count <= 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        )
    _check_room(image, count, config)  # before a row of that length is made
    return [_replicas(image, factor)] * count


def _manual_assignments(image: ClusterImage, spec: TopicSpec) -> Sequence[Sequence[int]]:
    given = {"replication factor": spec.replication_factor, "numPartitions": spec.partition_count}
    for what, value in given.items():
        if value != USE_DEFAULT:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"A manual partition assignment was specified, but {what} was not set to -1.",
            )
    chosen: dict[int, Sequence[int]] = {}
    for index, replicas in spec.assignments:
        if index in chosen:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"Found multiple manual partition assignments for partition {index}",
            )
        check_replicas(image, replicas, len(spec.assignments[0][1]))
        chosen[index] = replicas
    if sorted(chosen) != list(range(len(chosen))):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "partitions should be a consecutive 0-based integer sequence",
        )
    return [chosen[index] for index in range(len(chosen))]


def check_replicas(image: ClusterImage, replicas: Sequence[int], factor: int) -> None:
    """Raise INVALID_REPLICA_ASSIGNMENT unless these are `factor` brokers that there are."""
    reason = ""
    if not replicas:
        reason = "The manual partition assignment includes an empty replica list."
    elif len(set(replicas)) != len(replicas):
        reason = (
            f"The manual partition assignment includes the broker {replicas[0]} more than once."
        )
    elif any(replica not in image.brokers for replica in replicas):
        unknown = next(replica for replica in replicas if replica not in image.brokers)
        reason = f"The manual partition assignment includes broker {unknown}, but no such broker is"
        reason += " registered."
    elif len(replicas) != factor:
        reason = f"The manual partition assignment includes a partition with {len(replicas)}"
        reason += (
            f" replica(s), but this is not consistent with previous partitions, which have {factor}"
        )
        reason += " replica(s)."
    if reason:
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, reason)


def _check_room(image: ClusterImage, added: int, config: BrokerConfig) -> None:
    bound = config.create_topic_policy_max_partitions
    if image.partition_count + added > bound:
        raise KafkaError(
            ErrorCode.POLICY_VIOLATION,
            f"{added} more partitions would exceed the bound of {bound} of this broker",
        )


def _replicas(image: ClusterImage, factor: int) -> list[int]:
    brokers = sorted(image.brokers)
    if factor > len(brokers):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {factor} time(s): The target replication factor of"
            f" {factor} cannot be reached because only {len(brokers)} broker(s) are registered.",
        )
    return brokers[:factor]


def _new_partition(index: int, replicas: Sequence[int]) -> PartitionImage:
    return PartitionImage(
        index=index,
        replicas=tuple(replicas),
        isr=tuple(replicas),
        leader=replicas[0],
        leader_epoch=0,
        partition_epoch=0,
    )
