"""Markers: they end a transaction and come back as they were written."""

import pytest

from broker.errors import KafkaError
from broker.records.batch import build_batch, read_header
from broker.records.control import ControlType, EndTransactionMarker, build_marker, read_marker
from broker.records.record import Record


@pytest.mark.parametrize("control_type", list(ControlType))
def test_a_marker_comes_back(control_type: ControlType) -> None:
    marker = EndTransactionMarker(control_type, 17)

    batch = build_marker(marker, producer_id=4, producer_epoch=2, now_ms=1_000)

    header = read_header(batch)
    assert header.is_control
    assert header.is_transactional
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (4, 2, -1)
    assert read_marker(header, batch) == marker


def test_control_records_of_other_types_are_no_markers() -> None:
    batch = build_batch([Record(0, 0, b"\x00\x00\x00\x02", b"")], control=True)

    assert read_marker(read_header(batch), batch) is None


@pytest.mark.parametrize("record", [Record(0, 0, None, b""), Record(0, 0, bytes(4), b"\x00")])
def test_garbage_in_a_control_batch_is_refused(record: Record) -> None:
    batch = build_batch([record], control=True)

    with pytest.raises(KafkaError):
        read_marker(read_header(batch), batch)
