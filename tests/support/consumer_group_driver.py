"""Drives one KIP-848 group by hand: heartbeats in, answers out, records applied at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.consumer import heartbeat as consumer_heartbeat
from broker.coordinator.group.consumer.group import ConsumerGroup, MemberState
from broker.coordinator.group.consumer.messages import (
    ConsumerHeartbeat,
    ConsumerHeartbeatResponse,
    ConsumerLimits,
)
from broker.coordinator.group.partitions import Partition
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.records import decode_record, encode_record
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage, PartitionImage, TopicImage

LIMITS = ConsumerLimits(session_timeout_ms=45_000, heartbeat_interval_ms=5_000)


def cluster(version: int = 1, **topics: int) -> ClusterImage:
    """An image with these topics and their numbers of partitions; ids are made of the names."""
    made = {
        name: TopicImage(
            name,
            topic_id(name),
            tuple(PartitionImage(index, (1,), (1,), 1, 0, 0) for index in range(count)),
        )
        for name, count in topics.items()
    }
    return ClusterImage(
        topics=made, names_by_id={t.topic_id: t.name for t in made.values()}, version=version
    )


def topic_id(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")[-16:]


def partitions(topic: str, *indexes: int) -> frozenset[Partition]:
    return frozenset((topic_id(topic), index) for index in indexes)


@dataclass
class Client:
    """A consumer: knows its epoch, and reports what it owns as librdkafka does."""

    name: str
    epoch: int = 0
    owned: frozenset[Partition] = frozenset()
    revokes: bool = True
    """Whether it gives up at once what it is told to."""
    told: frozenset[Partition] = frozenset()
    says_all: bool = False
    """After an answer that did not come a client repeats everything, and is told everything."""


@dataclass
class ConsumerDriver:
    image: ClusterImage = field(default_factory=lambda: cluster(t=6))
    limits: ConsumerLimits = LIMITS
    now: Moment = field(default_factory=lambda: Moment(0.0, 1_700_000_000_000))
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.group = ConsumerGroup("g")

    def send(self, member_id: str, epoch: int, **fields: object) -> ConsumerHeartbeatResponse:
        """One heartbeat; raises KafkaError when refused."""
        request = ConsumerHeartbeat(
            group_id="g",
            member_id=member_id,
            member_epoch=epoch,
            client_id=member_id,
            client_host="/127.0.0.1",
            **fields,  # type: ignore[arg-type]
        )
        consumer_heartbeat.validate(request)
        draft = consumer_heartbeat.Draft(self.group, self.image, self.now, request.sees)
        response = consumer_heartbeat.heartbeat(draft, request, self.limits)
        self.apply(draft.records)
        member = self.group.members.get(member_id)
        if member is not None:
            consumer_heartbeat.touch(self.group, member, self.now, self.limits)
        return response

    def join(self, member_id: str, **fields: object) -> ConsumerHeartbeatResponse:
        wanted: dict[str, object] = {
            "rebalance_timeout_ms": 60_000,
            "topic_names": frozenset({"t"}),
            "owned": frozenset(),
        }
        return self.send(member_id, 0, **{**wanted, **fields})

    def refusal(self, act: Callable[[], object]) -> ErrorCode:
        try:
            act()
        except KafkaError as error:
            return error.code
        return ErrorCode.NONE

    def apply(self, records: list[Record]) -> None:
        for record in records:
            assert decode_record(*encode_record(record)) == record
            self.records.append(record)
            self.group.apply(record)
        self.check()

    def check(self) -> None:
        """Spec 13.6: no partition is held by two members; owners tell exactly who holds what."""
        holders: dict[Partition, str] = {}
        for member in self.group.members.values():
            assert not member.owns.assigned & member.owns.revoking
            for partition in member.owns.held:
                assert partition not in holders, "a partition with two owners"
                holders[partition] = member.member_id
        assert holders == self.group.owners

    def advance(self, milliseconds: float) -> None:
        end = self.now.monotonic_ms + milliseconds
        while self.group.next_deadline() <= end:
            self.now = Moment(self.group.next_deadline(), self.now.wall_ms)
            draft = consumer_heartbeat.Draft(self.group, self.image, self.now)
            consumer_heartbeat.expire(draft)
            self.apply(draft.records)
        self.now = Moment(end, self.now.wall_ms)

    def restart(self) -> None:
        """Replay the newest record of each key, as after compaction."""
        newest = {record.key: record for record in self.records}
        self.group = ConsumerGroup("g")
        for record in newest.values():
            if record.value is not None:
                self.group.apply(record)
        for member in self.group.members.values():
            consumer_heartbeat.touch(self.group, member, self.now, self.limits)
        self.check()

    def beat(self, client: Client) -> ErrorCode:
        """A heartbeat of a client that follows the protocol; what it was told it then does."""
        try:
            if client.epoch == 0:
                response = self.join(client.name)
            elif client.says_all:
                everything = {"rebalance_timeout_ms": 60_000, "topic_names": frozenset({"t"})}
                response = self.send(client.name, client.epoch, owned=client.owned, **everything)
            else:
                response = self.send(client.name, client.epoch, owned=client.owned)
        except KafkaError as error:
            client.epoch, client.owned, client.told = 0, frozenset(), frozenset()
            return error.code
        client.epoch, client.says_all = response.member_epoch, False
        if response.assignment is not None:
            client.told = response.assignment
        client.owned = client.told if client.revokes else client.owned | client.told
        return ErrorCode.NONE

    def settle(self, *clients: Client, rounds: int = 8) -> None:
        for _ in range(rounds):
            for client in clients:
                self.beat(client)

    def is_settled(self) -> bool:
        return all(m.owns.state is MemberState.STABLE for m in self.group.members.values())
