"""The arithmetic of offsets, without any sink."""

import pytest

from tests.support.made_events import made_event
from tracker.sinks.exporter import Arrived, SinkRewound
from tracker.sinks.held import Held
from tracker.topics import TopicPartition

ONE, TWO = TopicPartition("events", 1), TopicPartition("events", 2)


def arrived(where: TopicPartition, *offsets: int) -> list[Arrived]:
    return [Arrived(where, offset, made_event()) for offset in offsets]


def offsets(records: list[Arrived]) -> list[int]:
    return [record.offset for record in records]


def test_what_another_instance_stored_meanwhile_drops_out() -> None:
    held = Held()
    held.reset({ONE: 10, TWO: 0})
    held.add(arrived(ONE, 10, 11, 12) + arrived(TWO, 0), {ONE: 13, TWO: 1})

    fresh = held.fresh({ONE: 12, TWO: 0})

    assert [(record.where, record.offset) for record in fresh] == [(ONE, 12), (TWO, 0)]


def test_a_record_read_twice_is_held_once() -> None:
    held = Held()
    held.reset({ONE: 5})

    held.add(arrived(ONE, 5, 6), {ONE: 7})
    held.add(arrived(ONE, 4, 5, 6, 7), {ONE: 8})

    assert offsets(held.fresh({ONE: 5})) == [5, 6, 7]
    assert held.moved == {ONE: 8}


def test_records_of_a_partition_that_is_not_ours_are_not_held() -> None:
    held = Held()
    held.reset({ONE: 0})

    held.add(arrived(TWO, 0), {TWO: 1})

    assert (len(held), held.moved) == (0, {})


def test_what_could_not_be_decoded_still_moves_the_offset() -> None:
    held = Held()
    held.reset({ONE: 3})

    held.add([], {ONE: 6})

    assert (held.moved, held.fresh({ONE: 3})) == ({ONE: 6}, [])


def test_a_hole_between_the_sink_and_the_records_is_refused() -> None:
    held = Held()
    held.reset({ONE: 10})
    held.add(arrived(ONE, 10), {ONE: 11})

    with pytest.raises(SinkRewound, match="events-1 stands at 9 in the sink"):
        held.fresh({ONE: 9})


def test_after_a_flush_the_next_records_begin_where_the_sink_stands() -> None:
    held = Held()
    held.reset({ONE: 0})
    held.add(arrived(ONE, 0, 1), {ONE: 2})
    held.done({ONE: 5})  # another instance was ahead of us

    held.add(arrived(ONE, 2, 3, 4, 5), {ONE: 6})

    assert offsets(held.fresh({ONE: 5})) == [5]
    assert held.moved == {ONE: 6}


def test_a_reset_forgets_everything_held() -> None:
    held = Held()
    held.reset({ONE: 0})
    held.add(arrived(ONE, 0, 1), {ONE: 2})

    held.reset({ONE: 0})

    assert (len(held), held.moved) == (0, {})


def test_a_replaced_log_may_go_on_before() -> None:
    held = Held()
    held.reset({ONE: 100, TWO: 0})
    held.add(arrived(TWO, 0), {TWO: 1})

    held.move(ONE, 0)
    held.add(arrived(ONE, 0), {ONE: 1})

    assert held.moved == {ONE: 1, TWO: 1}
    assert len(held.fresh({ONE: 0, TWO: 0})) == 2
