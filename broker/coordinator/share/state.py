"""The state of one partition of __share_group_state: share partitions by their keys."""

import logging

from broker.coordinator.shard import Source
from broker.coordinator.share.records import ShareKey, ShareSnapshot, decode_record
from broker.coordinator.share.share_partition import SharePartition
from broker.protocol.primitives import ProtocolError

log = logging.getLogger(__name__)

LIVE = -1  # offset of a record that is applied before it lands


class ShareState:
    """`replay` is the one way in, for live records and after a restart alike.

    Who holds which record stands in no log: where a failed append makes the log be read again, it
    is taken over.
    """

    def __init__(self) -> None:
        self.partitions: dict[ShareKey, SharePartition] = {}
        self._before: dict[ShareKey, SharePartition] = {}

    def reset(self) -> None:
        """The log is read again; what was only in memory is not forgotten yet."""
        self._before = {**self._before, **self.partitions}
        self.partitions = {}

    def take_over(self) -> None:
        """All is read: locks and counts that the log does not have are as before."""
        for key, before in self._before.items():
            partition = self.partitions.get(key)
            if partition is not None:
                partition.take_over(before)
        self._before = {}

    def replay(self, key: bytes | None, value: bytes | None, source: Source) -> None:
        """Apply one record; a damaged one is skipped, loudly."""
        try:
            record = decode_record(key, value)
        except ProtocolError as error:
            log.error("damaged record skipped: %s offset=%d", error, source.offset)
            return
        if record is None:
            log.debug("record of an unknown type ignored offset=%d", source.offset)
            return
        share_key, kind, decoded = record
        if decoded is not None:
            partition = self.partitions.setdefault(share_key, SharePartition())
            partition.apply(decoded, live=source.offset == LIVE)
        elif kind == ShareSnapshot.TYPE:
            self.partitions.pop(share_key, None)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        raise AssertionError(f"transaction of producer {producer_id} in __share_group_state")

    def of_group(self, group_id: str) -> dict[ShareKey, SharePartition]:
        """All partitions that the group reads or read."""
        return {key: one for key, one in self.partitions.items() if key.group_id == group_id}
