"""Records between `write` and `flush`, and the arithmetic that makes each of them count once.

Three offsets of a partition matter:

    stored    next offset in the sink's own table: the truth, it moves only with the rows
    begin     where the records held start: no record between `stored` and `begin` may be missing
    expected  where the next record may start: what lies before it was taken already

A record counts when its offset is at or after `stored` at the moment of the transaction. Another
instance that wrote a part of the same records meanwhile has moved `stored`, and that part drops
out. `stored` before `begin` would be a hole: SinkRewound.
"""

from collections.abc import Mapping, Sequence

from tracker.sinks.exporter import Arrived, Offsets, SinkRewound
from tracker.topics import TopicPartition


class Held:
    """Plain memory; knows no sink."""

    def __init__(self) -> None:
        self._begin: Offsets = {}
        self._expected: Offsets = {}
        self._records: list[Arrived] = []

    def reset(self, positions: Mapping[TopicPartition, int]) -> None:
        """Forget every record; from now on take those of these partitions, from these offsets."""
        self._begin = dict(positions)
        self._expected = dict(positions)
        self._records = []

    def add(self, records: Sequence[Arrived], next_offsets: Mapping[TopicPartition, int]) -> None:
        """Take what is ours and new; a record read twice, or of a lost partition, is dropped."""
        expected = self._expected
        for record in records:
            floor = expected.get(record.where)
            if floor is not None and record.offset >= floor:
                expected[record.where] = record.offset + 1
                self._records.append(record)
        for where, next_offset in next_offsets.items():
            if where in expected and next_offset > expected[where]:
                expected[where] = next_offset

    @property
    def moved(self) -> Offsets:
        """Partitions that have something to store, and the offset to store."""
        return {
            where: next_offset
            for where, next_offset in self._expected.items()
            if next_offset > self._begin[where]
        }

    def fresh(self, stored: Mapping[TopicPartition, int]) -> list[Arrived]:
        """The records that the sink, standing at `stored`, does not have; raises SinkRewound."""
        floors = {where: stored.get(where, 0) for where in self.moved}
        for where, floor in floors.items():
            if floor < self._begin[where]:
                raise SinkRewound(
                    f"{where.topic}-{where.partition} stands at {floor} in the sink, "
                    f"records held start at {self._begin[where]}"
                )
        return [record for record in self._records if record.offset >= floors[record.where]]

    def done(self, stored: Mapping[TopicPartition, int]) -> None:
        """The records are durable and the sink now stands at `stored`."""
        self._records = []
        for where, next_offset in stored.items():
            if where in self._begin:
                self._begin[where] = next_offset
                self._expected[where] = max(next_offset, self._expected[where])

    def __len__(self) -> int:
        return len(self._records)

    def move(self, where: TopicPartition, offset: int) -> None:
        """Go on from `offset`, which may lie before: the log was replaced."""
        self._records = [record for record in self._records if record.where != where]
        self._begin[where] = offset
        self._expected[where] = offset
