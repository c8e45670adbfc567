"""How far each in-sync replica has a partition's log on its disk, and what follows from it.

The high watermark is the least end offset of the in-sync replicas (KIP-101): every record below it
survives the loss of any of them. Today the only replica is this broker's own log; with more, their
fetches move the other entries of the same map and nothing else changes.
"""

from collections.abc import Iterable


class ReplicaProgress:
    """End offsets by replica id, and the high watermark, which never goes back."""

    __slots__ = ("_end_offsets", "high_watermark")

    def __init__(self, in_sync: Iterable[int], end_offset: int) -> None:
        self._end_offsets = dict.fromkeys(in_sync, end_offset)
        assert self._end_offsets, "a partition has at least one in-sync replica"
        self.high_watermark = end_offset

    @property
    def in_sync(self) -> frozenset[int]:
        return frozenset(self._end_offsets)

    def advance(self, replica_id: int, end_offset: int) -> bool:
        """Replica `replica_id` has everything below `end_offset`; True if the watermark rose."""
        if end_offset <= self._end_offsets[replica_id]:
            return False
        self._end_offsets[replica_id] = least = end_offset
        if len(self._end_offsets) > 1:
            least = min(self._end_offsets.values())
        if least <= self.high_watermark:
            return False
        self.high_watermark = least
        return True
