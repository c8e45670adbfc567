"""Reading a row of segments that may change meanwhile."""

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.storage import log_reader
from broker.storage.log import LogConfig
from tests.support.batches import append, batch, open_log
from tests.support.memory_files import MemoryFiles


def test_a_read_that_retention_overtook_is_refused_not_answered_with_later_records() -> None:
    """A reader had checked its offset when the oldest segments went: it got the next one's."""
    log = open_log(MemoryFiles(), LogConfig(segment_bytes=200))
    for _ in range(10):
        append(log, batch(b"x" * 60))
    left = log.segments[2:]
    limits = log_reader.ReadLimits(1000, log.end_offset, minimum_one=True)

    with pytest.raises(KafkaError) as refusal:
        log_reader.read(left, 0, limits)

    assert refusal.value.code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert len(log_reader.read(left, left[0].base_offset, limits)) > 0
