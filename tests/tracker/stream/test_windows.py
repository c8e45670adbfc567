"""Hours, days and visits."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tracker.stream.windows import (
    SESSION_IDLE_MS,
    Entry,
    Session,
    day_of,
    hour_bit,
    hour_of,
    hours_in,
    merge,
)

moments = st.integers(0, 400 * 60_000)
pieces = st.lists(
    st.builds(
        lambda at_ms, page: Session(at_ms, at_ms, 1, 0, Entry(at_ms, b"%d" % page, page)),
        moments,
        st.integers(0, 5),
    ),
    max_size=20,
)


def test_the_last_millisecond_of_a_day_belongs_to_it() -> None:
    midnight_ms = 20_000 * 86_400_000

    assert (day_of(midnight_ms - 1), day_of(midnight_ms)) == (19_999, 20_000)
    assert (hour_of(midnight_ms - 1), hour_of(midnight_ms)) == (479_999, 480_000)
    assert hours_in(hour_bit(midnight_ms - 1) | hour_bit(midnight_ms)) == (0, 23)


def test_a_silence_of_exactly_the_idle_time_does_not_end_a_visit() -> None:
    first = Session(0, 0, page_views=1)

    assert len(merge([first, Session(SESSION_IDLE_MS, SESSION_IDLE_MS)])) == 1
    assert len(merge([first, Session(SESSION_IDLE_MS + 1, SESSION_IDLE_MS + 1)])) == 2


def test_a_late_event_joins_two_visits() -> None:
    early, late = Session(0, 0, page_views=1), Session(3_000_000, 3_000_000, page_views=1)
    bridge = Session(1_500_000, 1_500_000, interactions=1)

    joined = merge([*merge([early, late]), bridge])

    assert joined == [Session(0, 3_000_000, page_views=2, interactions=1)]


def test_of_two_first_pages_in_one_millisecond_the_smaller_key_is_the_entry() -> None:
    one = Session(5, 5, 1, 0, Entry(5, b"b", 1))
    other = Session(5, 5, 1, 0, Entry(5, b"a", 2))

    assert merge([one, other])[0].entry == Entry(5, b"a", 2)
    assert merge([other, one])[0].entry == Entry(5, b"a", 2)


def test_one_page_and_nothing_done_is_a_bounce() -> None:
    assert Session(0, 9, page_views=1).bounced
    assert not Session(0, 9, page_views=2).bounced
    assert not Session(0, 9, page_views=1, interactions=1).bounced
    assert not Session(0, 9).bounced


@given(pieces, st.randoms(use_true_random=False), st.integers(0, 20))
def test_visits_depend_on_the_events_and_not_on_their_order(
    found: list[Session], chance: object, cut: int
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    in_two_steps = merge([*merge(shuffled[:cut]), *shuffled[cut:]])

    assert in_two_steps == merge(found)


@given(pieces)
def test_visits_lie_apart_and_hold_every_page_view(found: list[Session]) -> None:
    visits = merge(found)

    assert sum(visit.page_views for visit in visits) == len(found)
    for visit, following in pairwise(visits):
        assert following.started_at_ms - visit.last_at_ms > SESSION_IDLE_MS
