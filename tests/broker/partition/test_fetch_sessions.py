import pytest

from broker.errors import ErrorCode, KafkaError
from broker.partition.fetch_sessions import (
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
