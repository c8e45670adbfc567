"""Which appends are sure to be a write of a few bytes to the page cache and nothing else.

They need no thread (docs/adr): a hop to one costs several times the write itself.
"""

from struct import Struct

from broker.records.batch import CONTROL_BIT, HEADER_BYTES
from broker.storage.append import AppendRequest, Origin, is_stored_as_sent
from broker.storage.log import Log

QUICK_BYTES_MAX = 16_384  # of one batch: 6 us to the page cache
_ATTRIBUTES_AND_TIME = Struct(">21x h 4x 8x q")  # attributes, max_timestamp


def is_quick(log: Log, request: AppendRequest, bytes_before: int) -> bool:
    """True when neither a roll nor a sync, a codec or a walk through the records is needed.

    `bytes_before`: of quick appends to the same log that come first. Only for the thread that
    could append now.
    """
    size = len(request.records)
    config = log.config
    if not HEADER_BYTES <= size <= QUICK_BYTES_MAX or not is_stored_as_sent(config):
        return False
    if request.origin is Origin.CLIENT and config.compacts:
        return False  # each record is looked at for its key
    attributes, max_timestamp = _ATTRIBUTES_AND_TIME.unpack_from(request.records)
    if attributes & CONTROL_BIT:
        return False  # the end of a transaction writes an index as well
    segment = log.active_segment
    used = segment.size + bytes_before
    if used == 0:
        return True
    return (
        used + size <= config.segment_bytes
        and segment.age_ms(max_timestamp, request.now_ms) < config.segment_ms
        and not segment.index_is_full(config.segment_index_bytes)
    )
