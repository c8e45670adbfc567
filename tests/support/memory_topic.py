"""A topic in memory, and a consumer of it that speaks like tracker.kafka.client.Consumer.

It outlives its consumers, as a broker does; the group's committed offsets lie in it too.
"""

from collections.abc import Callable, Mapping, Sequence

from tracker.kafka.client import Committed, KafkaFailure, Record, Watermarks
from tracker.topics import Topic, TopicPartition


class MemoryTopic:
    """Partitions as lists of values; `owners` plays the group coordinator."""

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.values: list[list[bytes]] = [[] for _ in range(partitions)]
        self.starts = [0] * partitions
        self.committed: dict[TopicPartition, int] = {}
        self.notes: dict[TopicPartition, str] = {}
        self.commits_fail = False
        self.commits_are_unknown = False

    def append(self, partition: int, value: bytes) -> None:
        self.values[partition].append(value)

    @property
    def partitions(self) -> list[TopicPartition]:
        return [TopicPartition(self.name, index) for index in range(len(self.values))]


class MemoryConsumer:
    """Gets the partitions that `rebalance` gives it, at its next poll, as a real client would."""

    def __init__(self, topic: MemoryTopic) -> None:
        self._topic = topic
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._owned: list[TopicPartition] = []
        self._given: list[TopicPartition] | None = topic.partitions
        self.poll_failures: list[KafkaFailure] = []

    def rebalance(self, owned: Sequence[TopicPartition]) -> None:
        """What the group decides; heard of in the next poll."""
        self._given = list(owned)

    def subscribe(
        self,
        topics: Sequence[Topic],
        on_assigned: Callable[[list[TopicPartition]], Mapping[TopicPartition, int]],
        on_revoked: Callable[[list[TopicPartition]], None],
    ) -> None:
        assert self._topic.name in [topic.name for topic in topics]
        self._on_assigned, self._on_revoked = on_assigned, on_revoked

    def assignment(self) -> list[TopicPartition]:
        return list(self._owned)

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        assert set(starts) == set(self._owned)
        self._positions = dict(starts)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if self.poll_failures:
            raise self.poll_failures.pop(0)
        before = self._fetch(max_records)
        if self._given is None:
            return before
        if self._owned:
            self._on_revoked(self._owned)
        self._owned, self._given = self._given, None
        starts = self._on_assigned(self._owned)
        self._positions = {
            one: starts.get(one, self._topic.committed.get(one, 0)) for one in self._owned
        }
        return before + self._fetch(max_records)  # a real client may return both together

    def _fetch(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        for where in self._owned:
            if where in self._paused:
                continue
            start = self._topic.starts[where.partition]
            values = self._topic.values[where.partition]
            position = self._positions[where]
            if not start <= position <= len(values):
                position = start  # auto.offset.reset=earliest
            end = min(len(values), position + max_records - len(records))
            records += [
                Record(*where, offset, None, values[offset], [], 0)
                for offset in range(position, end)
            ]
            self._positions[where] = end
        return records

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def commit(
        self, next_offsets: Mapping[TopicPartition, int], notes: Mapping[TopicPartition, str]
    ) -> None:
        if self._topic.commits_fail:
            raise KafkaFailure("commit refused", retriable=True)
        self._topic.committed.update(next_offsets)
        self._topic.notes.update({where: notes.get(where, "") for where in next_offsets})

    def committed(
        self, partitions: Sequence[TopicPartition], timeout_s: float
    ) -> Mapping[TopicPartition, Committed]:
        if self._topic.commits_are_unknown:
            raise KafkaFailure("no coordinator", retriable=True)
        return {
            where: Committed(offset, self._topic.notes.get(where, ""))
            for where, offset in self._topic.committed.items()
            if where in partitions
        }

    def watermarks(self, where: TopicPartition, timeout_s: float) -> Watermarks:
        return Watermarks(
            self._topic.starts[where.partition], len(self._topic.values[where.partition])
        )
