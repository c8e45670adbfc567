"""What of a partition's log a share group may be given: whole batches, and which of them count."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.coordinator.share.acquiring import Acquired, Readable
from broker.partition.partition import Partition
from broker.partition.wishes import ReadEnd
from broker.records.batch import iterate
from broker.records.header import BatchHeader
from broker.storage.transaction_index import AbortedTransaction


@dataclass(frozen=True, slots=True)
class Found:
    """Batches read from a log."""

    data: bytes
    headers: Sequence[tuple[int, BatchHeader]]
    """(position in `data`, header)"""
    aborted: Sequence[AbortedTransaction] = ()

    def readable(self) -> list[Readable]:
        """Offsets of each batch; clients pass over markers and what compaction took."""
        return [
            Readable(
                header.base_offset,
                header.last_offset,
                self._is_aborted(header),
            )
            for _, header in self.headers
        ]

    def _is_aborted(self, header: BatchHeader) -> bool:
        return (
            header.is_transactional
            and not header.is_control
            and any(
                one.producer_id == header.producer_id
                and one.first_offset <= header.base_offset <= one.last_offset
                for one in self.aborted
            )
        )

    def cut(self, acquired: Sequence[Acquired]) -> bytes:
        """The batches that hold what was acquired, and those between them."""
        if not acquired:
            return b""
        first, last = acquired[0].first_offset, acquired[-1].last_offset
        held = [
            (position, header)
            for position, header in self.headers
            if header.last_offset >= first and header.base_offset <= last
        ]
        begin = held[0][0]
        end = held[-1][0] + held[-1][1].size_bytes
        return self.data[begin:end]


async def read(partition: Partition, offset: int, max_bytes: int, end: ReadEnd) -> Found:
    """Whole batches from `offset` on, at least one if there is one."""
    if partition.is_hot(offset):
        part = partition.read(offset, max_bytes, end, minimum_one=True)
    else:
        part = await partition.read_cold(offset, max_bytes, end, minimum_one=True)
    data = bytes(part.read())
    aborted = (
        partition.aborted_transactions(offset, part)
        if data and end is ReadEnd.LAST_STABLE_OFFSET
        else ()
    )
    return Found(data, list(iterate(data)), aborted)
