"""Producer snapshots: `<offset>.snapshot`, the producer state as it was at that offset.

version i16 (1) | crc u32 (CRC-32C of what follows it) | count i32 | then for each producer:
producer_id i64 | epoch i16 | last_sequence i32 | last_offset i64 | offset_delta i32
| timestamp i64 | coordinator_epoch i32 | current_txn_first_offset i64 (-1 none)
Only the last batch of each producer is in it (Kafka's format, KIP-360).
"""

from struct import Struct, error

from crc32c import crc32c

from broker.storage.checkpoint import read_file, replace_file
from broker.storage.files import Files
from broker.storage.producer_state import BatchMetadata, ProducerEntry, ProducerState

SUFFIX = ".snapshot"
_HEAD = Struct(">hI")
_COUNT = Struct(">i")
_ENTRY = Struct(">qhiqiqiq")
_VERSION = 1


def file_name(offset: int) -> str:
    return f"{offset:020d}{SUFFIX}"


def write_snapshot(files: Files, directory: str, state: ProducerState) -> None:
    """Write the snapshot at the state's end offset; it is on disk when this returns."""
    body = bytearray(_COUNT.pack(len(state.entries)))
    for entry in state.entries.values():
        last = entry.window[-1] if entry.window else BatchMetadata(-1, -1, -1, 0, -1)
        body += _ENTRY.pack(
            entry.producer_id,
            entry.producer_epoch,
            last.last_sequence,
            last.last_offset,
            last.offset_delta,
            entry.last_timestamp,
            entry.coordinator_epoch,
            entry.transaction_first_offset,
        )
    data = _HEAD.pack(_VERSION, crc32c(body)) + body
    replace_file(files, directory, file_name(state.map_end_offset), data)


def read_snapshot(files: Files, path: str) -> list[ProducerEntry] | None:
    """The entries of a snapshot; None if it is missing or damaged (the log has all that it has)."""
    data = read_file(files, path)
    if data is None:
        return None
    try:
        version, crc = _HEAD.unpack_from(data)
        (count,) = _COUNT.unpack_from(data, _HEAD.size)
        body = memoryview(data)[_HEAD.size + _COUNT.size :]
        if version != _VERSION or crc != crc32c(data[_HEAD.size :]):
            return None
        if len(body) != count * _ENTRY.size:
            return None
        return [_entry(*fields) for fields in _ENTRY.iter_unpack(body)]
    except error:
        return None


def _entry(
    producer_id: int,
    epoch: int,
    last_sequence: int,
    last_offset: int,
    *rest: int,
) -> ProducerEntry:
    offset_delta, timestamp, coordinator_epoch, first_offset = rest
    window: tuple[BatchMetadata, ...] = ()
    if last_offset >= 0:
        first_sequence = (last_sequence - offset_delta) % (1 << 31)
        window = (
            BatchMetadata(first_sequence, last_sequence, last_offset, offset_delta, timestamp),
        )
    return ProducerEntry(producer_id, epoch, window, coordinator_epoch, first_offset, timestamp)
