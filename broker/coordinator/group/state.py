"""The state of one partition of __consumer_offsets: its groups and their committed offsets.

`replay` is the one way in, for live records and after a restart alike.
"""

import asyncio
import logging
from collections.abc import Callable

from broker.coordinator.group.classic.group import ClassicGroup, GroupLimits
from broker.coordinator.group.classic.messages import JoinResponse, SyncResponse
from broker.coordinator.group.classic.records import GroupMetadataKey
from broker.coordinator.group.consumer.group import ConsumerGroup
from broker.coordinator.group.consumer.records import ConsumerGroupMetadataKey
from broker.coordinator.group.offset_records import OffsetCommitKey
from broker.coordinator.group.offsets import OffsetStore
from broker.coordinator.group.record_parts import KeyOfGroup, Record
from broker.coordinator.group.records import decode_record
from broker.coordinator.group.share.group import ShareGroup
from broker.coordinator.group.share.records import SHARE_TYPES, ShareGroupMetadataKey
from broker.coordinator.group.streams.group import StreamsGroup
from broker.coordinator.group.streams.records import STREAMS_TYPES, StreamsGroupMetadataKey
from broker.coordinator.shard import Source
from broker.protocol.primitives import ProtocolError

log = logging.getLogger(__name__)

Parked = asyncio.Future[JoinResponse | SyncResponse]
"""What a JoinGroup or SyncGroup waits on."""

Group = ClassicGroup[Parked] | ConsumerGroup | ShareGroup | StreamsGroup


class GroupShardState:
    """Groups and offsets of one shard; `on_dropped` gets the requests that a reset strands."""

    def __init__(self, limits: GroupLimits, on_dropped: Callable[[list[Parked]], None]) -> None:
        self._limits = limits
        self._on_dropped = on_dropped
        self.groups: dict[str, Group] = {}
        self.offsets = OffsetStore()
        self.was_reset = False
        """Read from the log and not yet brought back to life: nobody's session runs."""

    def reset(self) -> None:
        parked = [token for group in self.groups.values() for token in group.parked_tokens()]
        self.groups = {}
        self.offsets = OffsetStore()
        self.was_reset = True
        self._on_dropped(parked)

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        """Apply one record. A damaged one is skipped, loudly: the groups beside it go on."""
        try:
            record = decode_record(key, value)
        except ProtocolError as error:
            log.error("damaged record skipped: %s offset=%d key=%r", error, source.offset, key)
            return
        match record:
            case None:
                log.debug("record of an unknown type ignored offset=%d", source.offset)
            case Record(key=OffsetCommitKey() as offset_key):
                self.offsets.apply(offset_key, record.value, source.producer_id)
            case Record(key=GroupMetadataKey(group=group_id)):
                self._apply_classic(group_id, record)
            case Record(key=key) if key.TYPE in SHARE_TYPES:
                self._apply_to(ShareGroup, record, forgotten_by=ShareGroupMetadataKey)
            case Record(key=key) if key.TYPE in STREAMS_TYPES:
                self._apply_to(StreamsGroup, record, forgotten_by=StreamsGroupMetadataKey)
            case _:
                self._apply_to(ConsumerGroup, record, forgotten_by=ConsumerGroupMetadataKey)

    def _apply_classic(self, group_id: str, record: Record) -> None:
        if record.value is not None:
            if not isinstance(self.groups.get(group_id), ClassicGroup):
                self.groups.pop(group_id, None)
            self.classic_to_change(group_id).apply(record.value)
        elif isinstance(self.groups.get(group_id), ClassicGroup):
            del self.groups[group_id]

    def _apply_to(
        self,
        kind: type[ConsumerGroup | ShareGroup | StreamsGroup],
        record: Record,
        *,
        forgotten_by: type[KeyOfGroup],
    ) -> None:
        """Change a group of this kind; it ends with a tombstone for the key `forgotten_by`."""
        group_id = record.key.group_id
        group = self.groups.get(group_id)
        if not isinstance(group, kind):
            if record.value is None:
                return  # it was forgotten, or became a group of another kind
            group = self.groups[group_id] = kind(group_id)
        group.apply(record)
        if record.value is None and isinstance(record.key, forgotten_by):
            del self.groups[group_id]

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        self.offsets.end_transaction(producer_id, committed=committed)

    def classic_to_change(self, group_id: str) -> ClassicGroup[Parked]:
        """The classic group, made empty when there is no group yet."""
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = ClassicGroup(group_id, self._limits)
        assert isinstance(group, ClassicGroup), group
        return group

    def knows(self, group_id: str) -> bool:
        """Whether there is anything of the group, if only offsets, of an open transaction even."""
        return (
            group_id in self.groups
            or bool(self.offsets.of_group(group_id))
            or self.offsets.has_pending(group_id)
        )

    def find(self, group_id: str) -> Group | None:
        """The group, or None. One that only has offsets looks empty, without a protocol type."""
        group = self.groups.get(group_id)
        if group is None and self.offsets.of_group(group_id):
            return ClassicGroup(group_id, self._limits)
        return group

    def group_ids(self) -> list[str]:
        """All groups, those included that only have offsets."""
        return list({**dict.fromkeys(self.groups), **dict.fromkeys(self.offsets.groups())})
