"""Beacons of the last hour: counters that start anew, reasons that come up late."""

from dashboard.metrics.beacons import ENDS_MAX, WORDS, BeaconWatch
from tracker.ingest.outcome import Reason

MINUTE_MS = 60_000
STORED, BAD, FAR = ("accepted", "stored"), ("rejected", "schema_violation"), ("dropped", "gpc")
UNKNOWN = ("rejected", "unknown_site")


def test_nothing_is_told_before_the_second_look() -> None:
    watch = BeaconWatch()

    watch.see({STORED: 100.0}, 0)

    assert watch.lately() is None


def test_what_was_counted_before_the_first_look_is_not_of_this_hour() -> None:
    watch = BeaconWatch()
    watch.see({STORED: 100.0, BAD: 7.0}, 0)

    watch.see({STORED: 190.0, BAD: 9.0, FAR: 3.0}, MINUTE_MS)

    lately = watch.lately()
    assert lately is not None
    assert (lately.total, lately.rejected, lately.refused) == (
        *(95.0, (("schema_violation", 2.0),), 2.0),
    )


def test_a_reason_that_comes_up_late_is_counted_from_its_first_beacon() -> None:
    """Ingest tells a reason only from the first beacon on that it refused for it."""
    watch = BeaconWatch()
    watch.see({}, 0)

    watch.see({UNKNOWN: 3.0, BAD: 3.0}, MINUTE_MS)
    watch.see({UNKNOWN: 4.0, BAD: 3.0}, 2 * MINUTE_MS)

    lately = watch.lately()
    assert lately is not None
    assert lately.rejected == (("unknown_site", 4.0), ("schema_violation", 3.0))


def test_a_restart_of_ingest_takes_nothing_away() -> None:
    watch = BeaconWatch()
    watch.see({BAD: 10.0}, 0)
    watch.see({BAD: 15.0}, MINUTE_MS)

    watch.see({}, 2 * MINUTE_MS)
    watch.see({BAD: 20.0}, 3 * MINUTE_MS)

    lately = watch.lately()
    assert lately is not None
    assert lately.rejected == (("schema_violation", 25.0),)


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    watch = BeaconWatch()
    for minute in range(181):
        watch.see({BAD: float(minute)}, minute * MINUTE_MS)

    lately = watch.lately()

    assert lately is not None
    assert (lately.since_ms, lately.refused) == (120 * MINUTE_MS, 60.0)


def test_reasons_beyond_the_bound_are_left_out() -> None:
    watch = BeaconWatch()
    watch.see({}, 0)

    watch.see({("rejected", f"r{number}"): 1.0 for number in range(ENDS_MAX + 9)}, MINUTE_MS)

    lately = watch.lately()
    assert lately is not None
    assert lately.refused == ENDS_MAX


def test_every_reason_of_ingest_has_words_for_people() -> None:
    assert set(WORDS) == {str(reason) for reason in Reason}
