"""The state of one partition of __consumer_offsets: its groups and their committed offsets.

`replay` is the one way in, for live records and after a restart alike.
"""

import asyncio
import logging
from collections.abc import Callable

from broker.coordinator.group.classic_group import ClassicGroup, GroupLimits
from broker.coordinator.group.messages import JoinResponse, SyncResponse
from broker.coordinator.group.offsets import OffsetStore
from broker.coordinator.group.records import GroupMetadataKey, OffsetCommitKey, decode_record
from broker.coordinator.shard import Source
from broker.errors import StorageError
from broker.protocol.primitives import ProtocolError

log = logging.getLogger(__name__)

Parked = asyncio.Future[JoinResponse | SyncResponse]
"""What a JoinGroup or SyncGroup waits on."""


class GroupShardState:
    """Groups and offsets of one shard; `on_dropped` gets the requests that a reset strands."""

    def __init__(self, limits: GroupLimits, on_dropped: Callable[[list[Parked]], None]) -> None:
        self._limits = limits
        self._on_dropped = on_dropped
        self.groups: dict[str, ClassicGroup[Parked]] = {}
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
        """Apply one record; raises StorageError when its bytes are damaged."""
        try:
            record = decode_record(key, value)
        except ProtocolError as error:
            raise StorageError(f"record at offset {source.offset}: {error}") from error
        match record:
            case None:
                log.debug("record of an unknown type ignored offset=%d", source.offset)
            case _ if isinstance(record.key, OffsetCommitKey):
                self.offsets.apply(record.key, record.value, source.producer_id)
            case _ if isinstance(record.key, GroupMetadataKey):
                if record.value is None:
                    self.groups.pop(record.key.group, None)
                else:
                    self.group_to_change(record.key.group).apply(record.value)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        self.offsets.end_transaction(producer_id, committed=committed)

    def group_to_change(self, group_id: str) -> ClassicGroup[Parked]:
        """The group, made empty when there is none yet."""
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = ClassicGroup(group_id, self._limits)
        return group

    def find(self, group_id: str) -> ClassicGroup[Parked] | None:
        """The group, or None. One that only has offsets looks empty, without a protocol type."""
        group = self.groups.get(group_id)
        if group is None and self.offsets.of_group(group_id):
            return ClassicGroup(group_id, self._limits)
        return group

    def group_ids(self) -> list[str]:
        """All groups, those included that only have offsets."""
        return list({**dict.fromkeys(self.groups), **dict.fromkeys(self.offsets.groups())})
