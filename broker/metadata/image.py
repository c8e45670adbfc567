"""What the cluster is, at one moment: immutable, built by applying metadata records in order.

`apply` never changes an image and never refuses: the controller refused before the record was
written. A record about a topic that is gone is without effect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from broker.metadata.records import (
    AccessControlEntryRecord,
    ClientQuotaRecord,
    ConfigRecord,
    DelegationTokenRecord,
    FeatureLevelRecord,
    MetadataRecord,
    PartitionRecord,
    ProducerIdsRecord,
    QuotaEntity,
    RegisterBrokerRecord,
    RemoveAccessControlEntryRecord,
    RemoveDelegationTokenRecord,
    RemoveTopicRecord,
    RemoveUserScramCredentialRecord,
    TopicRecord,
    UnregisterBrokerRecord,
    UserScramCredentialRecord,
)

NO_LEADER = -1


class ResourceType(IntEnum):
    """Kafka's numbers of the things that have settings."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


ConfigResource = tuple[int, str]
"""(resource type, name); the name of the settings of all brokers is ""."""

QuotaKey = tuple[tuple[str, str | None], ...]
"""(entity type, entity name) pairs, sorted; a None name is the default of its type."""


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """A registered broker; `epoch` grows with each of its starts."""

    node_id: int
    epoch: int
    incarnation_id: bytes
    rack: str | None


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """Who holds a partition and who leads it; epochs never go back (KIP-320)."""

    index: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int
    partition_epoch: int


@dataclass(frozen=True, slots=True)
class TopicImage:
    """A topic; `partitions` by index, without gaps."""

    name: str
    topic_id: bytes
    partitions: tuple[PartitionImage, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterImage:
    """The whole cluster. Mappings are read-only; `version` counts the changes of this process."""

    brokers: Mapping[int, BrokerImage] = field(default_factory=dict)
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    names_by_id: Mapping[bytes, str] = field(default_factory=dict)
    configs: Mapping[ConfigResource, Mapping[str, str]] = field(default_factory=dict)
    features: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[QuotaKey, Mapping[str, float]] = field(default_factory=dict)
    acls: Mapping[bytes, AccessControlEntryRecord] = field(default_factory=dict)
    """By id; the records themselves, which nobody changes."""
    scram: Mapping[tuple[str, int], UserScramCredentialRecord] = field(default_factory=dict)
    """By (user, mechanism)."""
    tokens: Mapping[str, DelegationTokenRecord] = field(default_factory=dict)
    next_producer_id: int = 0
    version: int = 0

    def topic_by_id(self, topic_id: bytes) -> TopicImage | None:
        name = self.names_by_id.get(topic_id)
        return None if name is None else self.topics[name]

    def has_partition(self, topic: str, index: int) -> bool:
        known = self.topics.get(topic)
        return known is not None and 0 <= index < len(known.partitions)

    def config_of(self, resource_type: ResourceType, name: str) -> Mapping[str, str]:
        """The settings that were given values for this resource alone."""
        return self.configs.get((int(resource_type), name), {})

    @property
    def partition_count(self) -> int:
        return sum(len(topic.partitions) for topic in self.topics.values())

    def apply(self, records: Iterable[MetadataRecord]) -> "ClusterImage":
        """The image after `records`, in order."""
        builder = _Builder(self)
        for record in records:
            builder.apply(record)
        return builder.build()

    def as_records(self) -> list[MetadataRecord]:
        """Records that make this image out of an empty one: a snapshot."""
        records: list[MetadataRecord] = [
            RegisterBrokerRecord(
                broker_id=broker.node_id,
                incarnation_id=broker.incarnation_id,
                broker_epoch=broker.epoch,
                rack=broker.rack,
                fenced=False,
            )
            for broker in self.brokers.values()
        ]
        for name, level in self.features.items():
            records.append(FeatureLevelRecord(name=name, feature_level=level))
        for topic in self.topics.values():
            records.append(TopicRecord(name=topic.name, topic_id=topic.topic_id))
            records.extend(partition_record(topic.topic_id, part) for part in topic.partitions)
        for (resource_type, resource_name), values in self.configs.items():
            records.extend(
                ConfigRecord(
                    resource_type=resource_type, resource_name=resource_name, name=key, value=value
                )
                for key, value in values.items()
            )
        for entity, quotas in self.quotas.items():
            entities = [QuotaEntity(entity_type=kind, entity_name=name) for kind, name in entity]
            records.extend(
                ClientQuotaRecord(entity=entities, key=key, value=value)
                for key, value in quotas.items()
            )
        records += [*self.acls.values(), *self.scram.values(), *self.tokens.values()]
        records.append(ProducerIdsRecord(next_producer_id=self.next_producer_id))
        return records


def partition_record(topic_id: bytes, partition: PartitionImage) -> PartitionRecord:
    """The record that makes a partition be as `partition` says."""
    return PartitionRecord(
        partition_id=partition.index,
        topic_id=topic_id,
        replicas=list(partition.replicas),
        isr=list(partition.isr),
        leader=partition.leader,
        leader_epoch=partition.leader_epoch,
        partition_epoch=partition.partition_epoch,
    )


def quota_key(entity: Iterable[QuotaEntity]) -> QuotaKey:
    return tuple(sorted(((part.entity_type, part.entity_name) for part in entity), key=repr))


class _Builder:
    """Applies records to copies; each mapping is copied once, and only if it changes."""

    def __init__(self, image: ClusterImage) -> None:
        self._image = image
        self._changed: dict[str, Any] = {}
        self._partitions: dict[str, list[PartitionImage]] = {}  # of topics that change, by name

    def apply(self, record: MetadataRecord) -> None:
        match record:
            case TopicRecord():
                topic = TopicImage(record.name, record.topic_id)
                self._mapping("topics")[record.name] = topic
                self._partitions.pop(record.name, None)
                self._mapping("names_by_id")[record.topic_id] = record.name
            case PartitionRecord():
                self._put_partition(record)
            case RemoveTopicRecord():
                self._remove_topic(record.topic_id)
            case ConfigRecord():
                self._set_config(record)
            case FeatureLevelRecord():
                self._mapping("features")[record.name] = record.feature_level
            case ProducerIdsRecord():
                self._changed["next_producer_id"] = record.next_producer_id
            case RegisterBrokerRecord():
                self._mapping("brokers")[record.broker_id] = BrokerImage(
                    record.broker_id, record.broker_epoch, record.incarnation_id, record.rack
                )
            case UnregisterBrokerRecord():
                self._mapping("brokers").pop(record.broker_id, None)
            case ClientQuotaRecord():
                self._set_quota(record)
            case _:
                self._apply_security(record)

    def _apply_security(self, record: MetadataRecord) -> None:
        match record:
            case AccessControlEntryRecord():
                self._mapping("acls")[record.id] = record
            case RemoveAccessControlEntryRecord():
                self._mapping("acls").pop(record.id, None)
            case UserScramCredentialRecord():
                self._mapping("scram")[record.name, record.mechanism] = record
            case RemoveUserScramCredentialRecord():
                self._mapping("scram").pop((record.name, record.mechanism), None)
            case DelegationTokenRecord():
                self._mapping("tokens")[record.token_id] = record
            case RemoveDelegationTokenRecord():
                self._mapping("tokens").pop(record.token_id, None)

    def build(self) -> ClusterImage:
        for name, partitions in self._partitions.items():
            topics = self._mapping("topics")
            topics[name] = replace(topics[name], partitions=tuple(partitions))
        if not self._changed:
            return self._image
        frozen: dict[str, Any] = {
            name: MappingProxyType(value) if isinstance(value, dict) else value
            for name, value in self._changed.items()
        }
        return replace(self._image, version=self._image.version + 1, **frozen)

    def _mapping(self, name: str) -> dict[Any, Any]:
        if name not in self._changed:
            self._changed[name] = dict(getattr(self._image, name))
        mapping: dict[Any, Any] = self._changed[name]
        return mapping

    def _put_partition(self, record: PartitionRecord) -> None:
        name = self._mapping("names_by_id").get(record.topic_id)
        if name is None:
            return
        partition = PartitionImage(
            index=record.partition_id,
            replicas=tuple(record.replicas),
            isr=tuple(record.isr),
            leader=record.leader,
            leader_epoch=record.leader_epoch,
            partition_epoch=record.partition_epoch,
        )
        partitions = self._partitions.get(name)
        if partitions is None:
            partitions = self._partitions[name] = list(self._mapping("topics")[name].partitions)
        if partition.index < len(partitions):
            partitions[partition.index] = partition
        else:
            partitions.append(partition)

    def _remove_topic(self, topic_id: bytes) -> None:
        name = self._mapping("names_by_id").pop(topic_id, None)
        if name is not None:
            del self._mapping("topics")[name]
            self._partitions.pop(name, None)
            self._mapping("configs").pop((int(ResourceType.TOPIC), name), None)

    def _set_config(self, record: ConfigRecord) -> None:
        resource = (record.resource_type, record.resource_name)
        configs = self._mapping("configs")
        values = dict(configs.get(resource, {}))
        if record.value is None:
            values.pop(record.name, None)
        else:
            values[record.name] = record.value
        if values:
            configs[resource] = MappingProxyType(values)
        else:
            configs.pop(resource, None)  # without a setting of its own it is not there

    def _set_quota(self, record: ClientQuotaRecord) -> None:
        quotas = self._mapping("quotas")
        key = quota_key(record.entity)
        values = dict(quotas.get(key, {}))
        if record.remove:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value
        if values:
            quotas[key] = MappingProxyType(values)
        else:
            quotas.pop(key, None)
