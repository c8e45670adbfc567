"""Walking a segment batch by batch with every CRC checked, in large reads."""

from collections.abc import Iterator

from broker.errors import KafkaError
from broker.records.batch import HEADER_BYTES, crc_ok, read_header
from broker.records.header import BatchHeader
from broker.storage.segment import Segment

SCAN_BYTES = 1024 * 1024  # read at once; a larger batch is read whole


class BatchScan:
    """The batches between two positions of one segment."""

    def __init__(self, segment: Segment, position: int, end: int) -> None:
        self._segment = segment
        self._position = position
        self._end = end
        self._chunk = b""
        self._chunk_position = position

    def headers(self) -> Iterator[tuple[int, BatchHeader]]:
        """Headers only, CRCs not looked at; StorageError at anything that is no whole batch."""
        return self._segment.headers(self._position, self._end)

    def sound_batches(self) -> Iterator[tuple[int, BatchHeader]]:
        """Position and header of each batch; StorageError at the first unsound one."""
        position = self._position
        while position < self._end:
            found = self._batch_at(position)
            if found is None:
                raise self._segment.damage(position, "no whole batch with its crc")
            yield position, found[0]
            position += found[0].size_bytes

    def torn_batches(self) -> Iterator[tuple[int, BatchHeader]]:
        """As `sound_batches`, but ends before a batch that was not written whole.

        Damage is told from tearing by what follows: behind a torn batch comes nothing sound.
        """
        position = self._position
        while position < self._end:
            found = self._batch_at(position)
            if found is None:
                self._check_nothing_follows(position)
                return
            yield position, found[0]
            position += found[0].size_bytes

    def _check_nothing_follows(self, position: int) -> None:
        """StorageError if a sound batch stands where the broken one at `position` says it ends."""
        try:
            header = read_header(self._bytes_at(position, HEADER_BYTES))
        except KafkaError:
            return
        next_position = position + header.size_bytes
        if next_position >= self._end:
            return
        found = self._batch_at(next_position)
        if found is not None and found[0].base_offset == header.next_offset:
            raise self._segment.damage(position, "crc does not match, but a sound batch follows")

    def _batch_at(self, position: int) -> tuple[BatchHeader, memoryview] | None:
        """The whole, sound batch at `position`, if there is one."""
        try:
            header = read_header(self._bytes_at(position, HEADER_BYTES))
        except KafkaError:
            return None
        if position + header.size_bytes > self._end:
            return None
        batch = self._bytes_at(position, header.size_bytes)
        return (header, batch) if crc_ok(batch, 0, header) else None

    def _bytes_at(self, position: int, length: int) -> memoryview:
        offset = position - self._chunk_position
        if offset < 0 or offset + length > len(self._chunk):
            wanted = max(min(SCAN_BYTES, self._end - position), length)
            self._chunk = self._segment.file.read(position, wanted)
            self._chunk_position, offset = position, 0
        return memoryview(self._chunk)[offset : offset + length]
