"""Where a log's end was when: thinned with age, bounded, and never far from the truth."""

from itertools import pairwise

from dashboard.cluster.end_ring import AGE_SHARE, POINTS_MAX, STEP_MS, EndRing

WEEK_MS = 7 * 86_400_000


def grown(until_ms: int) -> EndRing:
    """One record a second, looked at every ten."""
    ring = EndRing()
    for now_ms in range(0, until_ms + 1, STEP_MS):
        ring.add(now_ms, now_ms // 1000)
    return ring


def test_a_week_of_looks_is_a_few_hundred_points_the_first_and_the_last_among_them() -> None:
    ring = grown(WEEK_MS)

    assert len(ring.at_ms) <= POINTS_MAX
    assert ring.at_ms[-1] == WEEK_MS
    assert ring.at_ms[0] == 0


def test_neighbours_are_a_share_of_their_age_apart() -> None:
    """Twice that is allowed: points become too many before they are thinned again."""
    ring = grown(WEEK_MS)

    for left_ms, right_ms in pairwise(ring.at_ms):
        assert right_ms - left_ms <= 2 * max(STEP_MS, (WEEK_MS - left_ms) // AGE_SHARE)


def test_what_is_thinned_still_tells_when_an_end_was_passed() -> None:
    ring = grown(WEEK_MS)

    for age_s in (5, 600, 86_400, 600_000):
        offset = WEEK_MS // 1000 - age_s
        passed_ms = ring.passed_at_ms(offset)
        assert passed_ms is not None
        assert abs(passed_ms - offset * 1000) <= 1_000
