"""One segment: a .log file, its three indexes, and what is known of it without reading it.

Files are named by the base offset in 20 digits: .log batches end to end; .index, .timeindex and
.txnindex see their own modules. Readers may use a segment while one thread appends to it.
"""

from collections.abc import Iterator, Sequence

from broker.errors import DamagedLog, KafkaError
from broker.records.batch import HEADER_BYTES, crc_ok, read_header
from broker.records.header import LENGTH_OVERHEAD, BatchHeader
from broker.storage.files import File, Files
from broker.storage.offset_index import OFFSET_ENTRY, OffsetIndex
from broker.storage.tail_map import Appended, TailMap
from broker.storage.time_index import TimeIndex
from broker.storage.transaction_index import TransactionIndex

LOG_SUFFIX = ".log"
INDEX_SUFFIX = ".index"
TIME_INDEX_SUFFIX = ".timeindex"
TRANSACTION_INDEX_SUFFIX = ".txnindex"
DELETED_SUFFIX = ".deleted"
CLEANED_SUFFIX = ".cleaned"
SWAP_SUFFIX = ".swap"
SEGMENT_SUFFIXES = (LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX)

NO_TIMESTAMP = -1
RELATIVE_OFFSET_MAX = (1 << 31) - 1
_WALK_BYTES = 8192  # read at once when walking headers: about two index intervals


def segment_file_name(base_offset: int, suffix: str) -> str:
    return f"{base_offset:020d}{suffix}"


class Segment:
    """A run of batches; all of its offsets are >= base_offset."""

    __slots__ = (
        "_bytes_since_index",
        "_file",
        "_files",
        "_suffix",
        "base_offset",
        "created_ms",
        "directory",
        "first_timestamp",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "size",
        "tail",
        "time_index",
        "transaction_index",
    )

    def __init__(self, files: Files, directory: str, base_offset: int, suffix: str = "") -> None:
        self._files = files
        self.directory = directory
        self.base_offset = base_offset
        self._suffix = suffix
        self.offset_index = OffsetIndex(files, self.path(INDEX_SUFFIX), base_offset)
        self.time_index = TimeIndex(files, self.path(TIME_INDEX_SUFFIX), base_offset)
        self.transaction_index = TransactionIndex(files, self.path(TRANSACTION_INDEX_SUFFIX))
        self._file: File | None = None
        self._bytes_since_index = 0
        self.size = 0  # bytes of whole batches; set after they are written
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset  # last offset of the batch that has it
        self.first_timestamp = NO_TIMESTAMP  # max_timestamp of the first batch
        self.created_ms = NO_TIMESTAMP
        self.tail: TailMap | None = TailMap()  # None once nothing is appended any more

    def path(self, file_suffix: str) -> str:
        """Path of one of its files, as it is named now."""
        name = segment_file_name(self.base_offset, file_suffix)
        return f"{self.directory}/{name}{self._suffix}"

    @property
    def suffix(self) -> str:
        """What all names of its files end with now."""
        return self._suffix

    @suffix.setter
    def suffix(self, suffix: str) -> None:
        self._suffix = suffix
        self.offset_index.file.path = self.path(INDEX_SUFFIX)
        self.time_index.file.path = self.path(TIME_INDEX_SUFFIX)

    @property
    def file(self) -> File:
        """The .log, opened when it is first needed."""
        if self._file is None:
            self._file = self._files.open(self.path(LOG_SUFFIX))
        return self._file

    def create(self, now_ms: int) -> None:
        """Make an empty .log; what lies under its name is emptied."""
        file = self._files.open(self.path(LOG_SUFFIX), create=True)
        if file.size:
            file.truncate(0)
        self._file = file
        self.created_ms = now_ms
        self.offset_index.file.reset()
        self.time_index.file.reset()
        self.transaction_index.replace(())

    def added(self, header: BatchHeader, position: int, interval_bytes: int) -> None:
        """Note a batch that lies at `position` now; `size` is set by the caller, last."""
        size = LENGTH_OVERHEAD + header.batch_length
        last_offset = header.base_offset + header.last_offset_delta
        batch = (header.base_offset, last_offset, position, size, header.max_timestamp)
        self._index((batch,), interval_bytes)

    def appended(self, batches: Sequence[Appended], interval_bytes: int) -> None:
        """Note batches written behind the last one of the newest segment, as `added` does."""
        assert self.tail is not None, "only the newest segment is written to"
        self._index(batches, interval_bytes)
        self.tail.add(batches)

    def _index(self, batches: Sequence[Appended], interval_bytes: int) -> None:
        unindexed_bytes = self._bytes_since_index
        for _, last_offset, position, size, timestamp in batches:
            if timestamp > self.max_timestamp:
                self.max_timestamp = timestamp
                self.max_timestamp_offset = last_offset
            if position == 0:
                self.first_timestamp = timestamp
            if unindexed_bytes > interval_bytes:
                self.offset_index.append(last_offset, position)
                self.time_index.append_if_later(self.max_timestamp, self.max_timestamp_offset)
                unindexed_bytes = 0
            unindexed_bytes += size
        self._bytes_since_index = unindexed_bytes

    def seal(self) -> None:
        """Finish the indexes, which a finished segment has even if they are empty."""
        self.offset_index.file.create()
        self.time_index.file.create()
        if self.max_timestamp >= 0:
            self.time_index.append_if_later(self.max_timestamp, self.max_timestamp_offset)
        self.persist_indexes(sync=False)

    def persist_indexes(self, *, sync: bool) -> None:
        self.offset_index.file.persist(sync=sync)
        self.time_index.file.persist(sync=sync)
        if sync:
            self.transaction_index.sync()

    def unload_indexes(self) -> None:
        """Nothing is appended any more: look entries up in the files from now on."""
        self.tail = None
        self.offset_index.file.unload()
        self.time_index.file.unload()

    def reset_indexes(self) -> None:
        """Forget all that is known of the .log: it is about to be walked from its start."""
        self.offset_index.file.reset()
        self.time_index.file.reset()
        self.transaction_index.replace(())
        self.max_timestamp = self.first_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = self.base_offset
        self._bytes_since_index = 0

    def age_ms(self, batch_timestamp: int, now_ms: int) -> int:
        """How long it has been written to: by record time, or by the clock without one."""
        if self.first_timestamp >= 0:
            return batch_timestamp - self.first_timestamp
        return now_ms - self.created_ms

    def largest_timestamp(self) -> int:
        """The largest timestamp of its records, else the time when the file was last written."""
        if self.max_timestamp >= 0:
            return self.max_timestamp
        return self._files.modified_ms(self.path(LOG_SUFFIX))

    def first_batch_timestamp(self) -> int:
        """max_timestamp of its first batch; -1 if it is empty."""
        header = self.header_at(0)
        return NO_TIMESTAMP if header is None else header.max_timestamp

    def index_is_full(self, index_bytes_max: int) -> bool:
        size_bytes = self.offset_index.file.size_bytes
        return size_bytes > index_bytes_max - OFFSET_ENTRY.size

    # walking ------------------------------------------------------------------------------

    def headers(
        self, position: int, end_position: int | None = None
    ) -> Iterator[tuple[int, BatchHeader]]:
        """Position and header of each batch from `position` on; records are not read.

        DamagedLog where there is no sound header, or a batch that ends behind the end.
        """
        end = self.size if end_position is None else end_position
        chunk, chunk_position = b"", position
        while position < end:
            offset = position - chunk_position
            if offset + HEADER_BYTES > len(chunk):
                chunk = self.file.read(position, min(_WALK_BYTES, end - position))
                chunk_position, offset = position, 0
            try:
                header = read_header(chunk, offset)
            except KafkaError as error:
                raise self.damage(position, error.message) from error
            if position + header.size_bytes > end:
                raise self.damage(position, f"batch of {header.size_bytes} bytes passes the end")
            yield position, header
            position += header.size_bytes

    def header_at(self, position: int) -> BatchHeader | None:
        """The header at `position`, if one can stand there; its records are not looked at."""
        if position + HEADER_BYTES > self.size:
            return None
        try:
            return read_header(self.file.read(position, HEADER_BYTES))
        except KafkaError:
            return None

    def read_batch(self, position: int, header: BatchHeader) -> bytes:
        """A whole batch; DamagedLog if its bytes are not what was written."""
        batch = self.file.read(position, header.size_bytes)
        if not crc_ok(batch, 0, header):
            raise self.damage(position, "crc does not match")
        return batch

    def damage(self, position: int, what: str) -> DamagedLog:
        return DamagedLog(self.path(LOG_SUFFIX), position, what)

    def position_of(self, offset: int) -> int:
        """Start of the first batch that reaches `offset`; `size` if none does."""
        for position, header in self.headers(self.offset_index.floor_position(offset)):
            if header.last_offset >= offset:
                return position
        return self.size

    def position_of_end(self, end_offset: int) -> int:
        """Where the batches that begin below `end_offset` end."""
        start = self.offset_index.floor_position(end_offset)
        for position, header in self.headers(start):
            if header.base_offset >= end_offset:
                return position
        return self.size

    def last_boundary(self, position: int) -> int:
        """The last start of a batch at or before `position` (or the end of all)."""
        if position >= self.size:
            return self.size
        boundary = self.offset_index.last_position_at_or_before(position)
        for start, _ in self.headers(boundary):
            if start > position:
                break
            boundary = start
        return boundary

    # changing -----------------------------------------------------------------------------

    def truncate(self, position: int) -> None:
        """Cut the .log; the indexes are the caller's."""
        self.file.truncate(position)
        self.size = position

    def rename_suffix(self, suffix: str) -> None:
        """Rename all its files that exist; readers that have them open do not notice."""
        before = {kind: self.path(kind) for kind in SEGMENT_SUFFIXES}
        self.suffix = suffix
        for kind, path in before.items():
            if self._files.exists(path):
                self._files.rename(path, self.path(kind))

    def retire(self) -> None:
        """Rename its files to `.deleted`, open, so that readers that still have it can go on."""
        assert self.file.size >= self.size  # `file` opens it under its present name
        self.rename_suffix(DELETED_SUFFIX)

    def remove_files(self) -> None:
        for kind in SEGMENT_SUFFIXES:
            self._files.remove(self.path(kind))
