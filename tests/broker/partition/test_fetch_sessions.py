import pytest

from broker.errors import ErrorCode, KafkaError
from broker.partition.fetch_sessions import (
    EPOCH_MAX,
    EVICTION_IDLE_MS,
    FetchSessions,
    PartitionKey,
    Round,
    SessionRequest,
    Wish,
)


def key(index: int) -> PartitionKey:
    return ("pages", bytes(16), index)


def ask(
    sessions: FetchSessions,
    session_id: int,
    epoch: int,
    *indexes: int,
    forgotten: tuple[int, ...] = (),
    now_ms: float = 0.0,
) -> Round:
    wishes = [Wish(key(index), 0, 100) for index in indexes]
    gone = [key(index) for index in forgotten]
    return sessions.begin(SessionRequest(session_id, epoch, wishes, gone, False), now_ms)


def indexes(answer: Round) -> list[int]:
    return [wish.key[2] for wish in answer.wishes]


def test_a_session_remembers_adds_and_forgets_partitions() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1, 2)

    added = ask(sessions, made.session_id, 1, 3)
    less = ask(sessions, made.session_id, 2, forgotten=(1,))

    assert (indexes(added), added.incremental) == ([1, 2, 3], True)
    assert indexes(less) == [2, 3]


def test_a_session_without_partitions_ends() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)

    emptied = ask(sessions, made.session_id, 1, forgotten=(1,))

    assert (emptied.session_id, len(sessions)) == (0, 0)


def test_epoch_minus_one_closes_the_session_and_is_served_in_full() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)

    last = ask(sessions, made.session_id, -1, 1)

    assert (last.session_id, last.incremental, len(sessions)) == (0, False, 0)


def test_a_full_cache_declines_until_a_session_is_idle_long_enough() -> None:
    sessions = FetchSessions(1)
    first = ask(sessions, 0, 0, 1)

    declined = ask(sessions, 0, 0, 1, now_ms=EVICTION_IDLE_MS - 1)
    taken = ask(sessions, 0, 0, 1, now_ms=EVICTION_IDLE_MS)

    assert declined.session_id == 0
    assert taken.session_id not in (0, first.session_id)
    with pytest.raises(KafkaError) as refusal:
        ask(sessions, first.session_id, 1, now_ms=EVICTION_IDLE_MS)
    assert refusal.value.code is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_naming_topics_another_way_is_refused() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)

    with pytest.raises(KafkaError) as refusal:
        sessions.begin(SessionRequest(made.session_id, 1, [], [], by_id=True), 0)

    assert refusal.value.code is ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_a_wrong_epoch_is_refused_and_the_session_stays_where_it_was() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)

    for epoch in (2, 7):
        with pytest.raises(KafkaError) as refused:
            ask(sessions, made.session_id, epoch)
        assert refused.value.code is ErrorCode.INVALID_FETCH_SESSION_EPOCH

    assert indexes(ask(sessions, made.session_id, 1)) == [1]


def test_behind_the_last_epoch_comes_1() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)
    assert made.session is not None
    made.session.epoch = EPOCH_MAX

    last = ask(sessions, made.session_id, EPOCH_MAX)
    again = ask(sessions, made.session_id, 1)

    assert indexes(last) == indexes(again) == [1]


def test_who_got_records_comes_last_next_time() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1, 2, 3)
    assert made.session is not None

    made.session.served(made.wishes[0])

    assert indexes(ask(sessions, made.session_id, 1)) == [2, 3, 1]


def test_what_a_client_was_told_is_known_when_it_names_the_partition_again() -> None:
    sessions = FetchSessions(10)
    made = ask(sessions, 0, 0, 1)
    made.wishes[0].high_watermark_told, made.wishes[0].log_start_offset_told = 40, 4

    (named_again,) = ask(sessions, made.session_id, 1, 1).wishes

    assert (named_again.high_watermark_told, named_again.log_start_offset_told) == (40, 4)


def test_the_session_that_was_used_longest_ago_goes_first() -> None:
    sessions = FetchSessions(2)
    first, second = ask(sessions, 0, 0, 1), ask(sessions, 0, 0, 1)
    ask(sessions, first.session_id, 1, now_ms=1)

    third = ask(sessions, 0, 0, 1, now_ms=EVICTION_IDLE_MS)

    assert third.session is not None
    assert indexes(ask(sessions, first.session_id, 2)) == [1]
    with pytest.raises(KafkaError):
        ask(sessions, second.session_id, 1)
