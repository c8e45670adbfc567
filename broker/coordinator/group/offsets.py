"""Committed offsets of all groups on one partition of __consumer_offsets.

Offsets committed inside a transaction stay pending until its marker: then they replace what is
committed if they are newer in the log, or vanish. Sources: KIP-211 (expiry), KIP-447 (stability).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.coordinator.group.offset_records import OffsetCommitKey, OffsetCommitValue
from broker.coordinator.group.record_parts import Record

NO_EXPIRY = -1
OUTSIDE_TRANSACTIONS = -1


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """Where a group goes on reading; times in ms since 1970, `order` counts records of the log."""

    offset: int
    leader_epoch: int
    metadata: str
    committed_at_ms: int
    expires_at_ms: int
    order: int
    topic_id: bytes


GroupOffsets = dict[TopicPartition, CommittedOffset]


@dataclass(slots=True)
class OffsetStore:
    """Changed by `apply` and `end_transaction` only; everything else asks or builds records."""

    _committed: dict[str, GroupOffsets] = field(default_factory=dict)
    _pending: dict[int, dict[str, GroupOffsets]] = field(default_factory=dict)
    """producer id -> group -> offsets of its open transaction"""
    _applied: int = 0

    # -- changes -----------------------------------------------------------------------------

    def apply(
        self,
        key: OffsetCommitKey,
        value: OffsetCommitValue | None,
        producer_id: int = OUTSIDE_TRANSACTIONS,
    ) -> None:
        """One record; a tombstone forgets the offset, pending ones of any transaction too."""
        self._applied += 1
        where = TopicPartition(key.topic, key.partition)
        if value is None:
            self._forget(key.group, where)
            return
        offset = CommittedOffset(
            offset=value.offset,
            leader_epoch=value.leader_epoch,
            metadata=value.metadata,
            committed_at_ms=value.commit_timestamp,
            expires_at_ms=value.expire_timestamp,
            order=self._applied,
            topic_id=value.topic_id,
        )
        if producer_id == OUTSIDE_TRANSACTIONS:
            self._committed.setdefault(key.group, {})[where] = offset
        else:
            groups = self._pending.setdefault(producer_id, {})
            groups.setdefault(key.group, {})[where] = offset

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        """The marker of `producer_id` is in the log: its pending offsets count, or never were."""
        for group, offsets in self._pending.pop(producer_id, {}).items():
            if not committed:
                continue
            known = self._committed.setdefault(group, {})
            for where, offset in offsets.items():
                current = known.get(where)
                if current is None or current.order < offset.order:
                    known[where] = offset

    def _forget(self, group: str, where: TopicPartition) -> None:
        offsets = self._committed.get(group)
        if offsets is not None:
            offsets.pop(where, None)
            if not offsets:
                del self._committed[group]
        for groups in self._pending.values():
            groups.get(group, {}).pop(where, None)

    # -- questions ---------------------------------------------------------------------------

    def get(self, group: str, topic: str, partition: int) -> CommittedOffset | None:
        return self._committed.get(group, {}).get(TopicPartition(topic, partition))

    def of_group(self, group: str) -> GroupOffsets:
        """All committed offsets of the group; do not change the answer."""
        return self._committed.get(group, {})

    def groups(self) -> list[str]:
        """Groups that have committed something."""
        return list(self._committed)

    def is_unstable(self, group: str, topic: str, partition: int) -> bool:
        """Whether an open transaction may still change the committed offset."""
        where = TopicPartition(topic, partition)
        return any(where in groups.get(group, {}) for groups in self._pending.values())

    def has_pending(self, group: str) -> bool:
        return any(groups.get(group) for groups in self._pending.values())

    # -- records -----------------------------------------------------------------------------

    def tombstones(self, group: str) -> list[Record]:
        """Records that forget everything the group has committed, pending offsets included."""
        known = dict.fromkeys(self.of_group(group))
        for groups in self._pending.values():
            known.update(dict.fromkeys(groups.get(group, {})))
        return [tombstone(group, where) for where in known]

    def topic_tombstones(self, topic: str) -> list[Record]:
        """Records that forget a deleted topic in every group."""
        return [
            tombstone(group, where) for group, where in self._all_known() if where.topic == topic
        ]

    def _all_known(self) -> Iterator[tuple[str, TopicPartition]]:
        stores = [self._committed, *self._pending.values()]
        seen = {(g, where) for store in stores for g, offsets in store.items() for where in offsets}
        return iter(sorted(seen))

    def expired(
        self, group: str, now_ms: int, retention_ms: int, since_ms: int | None
    ) -> list[TopicPartition]:
        """Offsets whose time is over. `since_ms`: when the group became empty; None: count from
        each commit (simple groups, or topics nobody subscribes any more). KIP-211."""
        late = []
        for where, offset in self.of_group(group).items():
            if self.is_unstable(group, where.topic, where.partition):
                continue
            if offset.expires_at_ms != NO_EXPIRY:
                ends_at_ms = offset.expires_at_ms
            else:
                start_ms = offset.committed_at_ms if since_ms is None else since_ms
                ends_at_ms = start_ms + retention_ms
            if ends_at_ms <= now_ms:
                late.append(where)
        return late


def tombstone(group: str, where: TopicPartition) -> Record:
    """The record that forgets one committed offset."""
    return Record(OffsetCommitKey(group, where.topic, where.partition), None)
