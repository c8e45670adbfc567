"""Putting a compacted segment in the place of those it was made from, so that a crash may happen
at any step.

`.cleaned` files are being written: worthless after a crash. All of them are synced before the
first is renamed to `.swap`, the .log last: a `.log.swap` hence means that the segment is complete
and that the ones it replaces may go. Then those are removed and the `.swap` taken off, the .log
first: an index without its suffix gone is built again.
"""

from broker.errors import KafkaError
from broker.records.batch import HEADER_BYTES, read_header
from broker.records.header import LENGTH_OVERHEAD
from broker.storage.files import File, Files
from broker.storage.segment import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_file_name,
)

TEMPORARY_SUFFIX = ".tmp"
_INDEX_SUFFIXES = (INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX)


def finish_interrupted(files: Files, directory: str) -> None:
    """At open: complete the swaps that were decided, remove everything half-done."""
    names = files.list_directory(directory)
    for name in names:
        if name.endswith(LOG_SUFFIX + SWAP_SUFFIX):
            base_offset = int(name.removesuffix(LOG_SUFFIX + SWAP_SUFFIX))
            _remove_replaced(files, directory, base_offset)
            take_swap_off(files, directory, base_offset)
    leftovers = (CLEANED_SUFFIX, SWAP_SUFFIX, DELETED_SUFFIX, TEMPORARY_SUFFIX)
    for name in files.list_directory(directory):
        if name.endswith(leftovers):
            files.remove(f"{directory}/{name}")


def mark_swap(files: Files, directory: str, base_offset: int) -> None:
    """The `.cleaned` files are complete and synced: from here on they win over the originals."""
    for kind in (*_INDEX_SUFFIXES, LOG_SUFFIX):
        path = f"{directory}/{segment_file_name(base_offset, kind)}"
        if files.exists(path + CLEANED_SUFFIX):
            files.rename(path + CLEANED_SUFFIX, path + SWAP_SUFFIX)
    files.sync_directory(directory)


def take_swap_off(files: Files, directory: str, base_offset: int) -> None:
    """The originals are gone: the new files take their names."""
    for kind in (LOG_SUFFIX, *_INDEX_SUFFIXES):
        path = f"{directory}/{segment_file_name(base_offset, kind)}"
        if files.exists(path + SWAP_SUFFIX):
            files.rename(path + SWAP_SUFFIX, path)
        elif kind != LOG_SUFFIX:
            files.remove(path)  # an index of the original, which lies about the new .log
    files.sync_directory(directory)


def _remove_replaced(files: Files, directory: str, base_offset: int) -> None:
    """Remove the segments that the swapped one was made from: those whose base it covers."""
    path = f"{directory}/{segment_file_name(base_offset, LOG_SUFFIX)}{SWAP_SUFFIX}"
    end_offset = _end_offset(files.open(path), base_offset)
    for name in files.list_directory(directory):
        stem = name.partition(".")[0]
        if not stem.isdigit() or not name.endswith(SEGMENT_SUFFIXES):
            continue
        if base_offset <= int(stem) < end_offset and int(stem) != base_offset:
            files.remove(f"{directory}/{name}")
    for kind in _INDEX_SUFFIXES:
        original = f"{directory}/{segment_file_name(base_offset, kind)}"
        files.remove(original)


def _end_offset(file: File, base_offset: int) -> int:
    """Offset behind the last batch of a complete .log."""
    end_offset = base_offset + 1
    position = 0
    while position + HEADER_BYTES <= file.size:
        try:
            header = read_header(file.read(position, HEADER_BYTES))
        except KafkaError:
            break
        end_offset = header.next_offset
        position += LENGTH_OVERHEAD + header.batch_length
    return end_offset
