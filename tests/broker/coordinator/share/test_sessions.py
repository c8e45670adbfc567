import pytest

from broker.coordinator.share.sessions import EPOCH_MAX, FIRST, LAST, UNUSED_MS, ShareSessions
from broker.errors import ErrorCode, KafkaError

A, B, C = ("g", "a"), ("g", "b"), ("g", "c")


def test_a_full_broker_lets_the_longest_unused_session_go() -> None:
    sessions = ShareSessions(2)
    sessions.begin(A, FIRST, (), now=0)
    sessions.begin(B, FIRST, (), now=0)
    sessions.begin(A, 1, (), now=1)

    with pytest.raises(KafkaError) as refused:
        sessions.begin(C, FIRST, (), now=UNUSED_MS - 1)
    sessions.begin(C, FIRST, (), now=UNUSED_MS)
    sessions.begin(A, 2, (), now=UNUSED_MS)

    assert refused.value.code is ErrorCode.SHARE_SESSION_LIMIT_REACHED
    assert len(sessions) == 2


def test_an_ended_session_is_gone_and_epochs_wrap() -> None:
    sessions = ShareSessions(2)
    session = sessions.begin(A, FIRST, [(b"t", 0)], now=0)
    session.epoch = EPOCH_MAX
    sessions.begin(A, EPOCH_MAX, [(b"t", 1)], [(b"t", 0)], now=0)

    assert (session.epoch, list(session.partitions)) == (1, [(b"t", 1)])
    sessions.begin(A, LAST, (), now=0)
    with pytest.raises(KafkaError):
        sessions.begin(A, 1, (), now=0)


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_request_that_is_not_the_next_of_its_session_is_refused(epoch: int) -> None:
    sessions = ShareSessions(2)
    sessions.begin(A, FIRST, (), now=0)
    sessions.begin(A, 1, (), now=0)

    with pytest.raises(KafkaError) as refused:
        sessions.begin(A, epoch, (), now=0)

    assert refused.value.code is ErrorCode.INVALID_SHARE_SESSION_EPOCH
    sessions.begin(A, 2, (), now=0)


def test_sessions_end_with_the_connection_that_they_came_by() -> None:
    sessions = ShareSessions(3)
    for who, connection in ((A, 7), (B, 8), (C, 7)):
        sessions.begin(who, FIRST, (), now=0, connection_id=connection)

    ended = sessions.of_connection(7)

    assert [one.member_id for one in ended] == ["a", "c"]
    assert (len(sessions), sessions.of_connection(7)) == (1, [])
