"""Rules of share groups (KIP-932)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tests.support.workload.anomaly import Anomaly, Kind, of
from tests.support.workload.history import (
    Delivered,
    Done,
    Ended,
    Event,
    Killed,
    LetGo,
    Sent,
    Visible,
)

LOCK_S: Final = 1.5
"""How long a record belongs to the member that was given it."""
DELIVERIES_MAX: Final = 10
SLACK_S: Final = 0.05
"""Timers may be early by their resolution."""


def share_groups(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Each readable record is delivered; not again once that it is done was answered."""
    delivered = list(of(events, Delivered))
    done_s: dict[tuple[str, str, int], float] = {}
    for done in of(events, Done):
        done_s.setdefault((done.group, done.place, done.offset), done.at_s)
    for one in delivered:
        since_s = done_s.get((one.group, one.place, one.offset), float("inf"))
        if one.began_s > since_s:
            text = f"{one.group} gave {one.place}:{one.offset} to {one.member} after it was done"
            yield Anomaly(Kind.REDELIVERED, text)
    aborted = {end.transaction for end in of(events, Ended) if not end.committed}
    in_aborted = {sent.value for sent in of(events, Sent) if sent.transaction in aborted}
    for one in delivered:
        if one.value in in_aborted:
            text = f"{one.value} at {one.place}:{one.offset} delivered to {one.group}"
            yield Anomaly(Kind.ABORTED_READ, text)
    had = {(one.group, one.place, one.offset) for one in delivered}
    for group, place in {(one.group, one.place) for one in delivered}:
        for event in of(events, Visible):
            if event.place == place and (group, place, event.offset) not in had:
                text = f"{event.value} at {place}:{event.offset} to {group}"
                yield Anomaly(Kind.NOT_DELIVERED, text)


def _consecutive(events: Sequence[Event]) -> Iterator[tuple[Delivered, Delivered]]:
    """Each delivery of a record, and the next one of the same record."""
    by_record: dict[tuple[str, str, int], list[Delivered]] = defaultdict(list)
    for event in of(events, Delivered):
        by_record[event.group, event.place, event.offset].append(event)
    for deliveries in by_record.values():
        yield from pairwise(deliveries)


class _Interruptions:
    """When locks ended before their time."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._killed = [event.at_s for event in of(events, Killed)]
        self._let_go: dict[tuple[str, str], list[LetGo]] = defaultdict(list)
        for event in of(events, LetGo):
            self._let_go[event.group, event.member].append(event)

    def between(self, first: Delivered, following: Delivered) -> bool:
        """Whether the broker was killed, or the member let go of the record."""

        def is_between(at_s: float) -> bool:
            return first.began_s <= at_s <= following.at_s

        return any(map(is_between, self._killed)) or any(
            is_between(one.at_s)
            and one.place in ("", first.place)
            and one.offset in (-1, first.offset)
            for one in self._let_go[first.group, first.member]
        )

    def vanished(self, first: Delivered, following: Delivered) -> bool:
        """Whether the broker was killed, or the member went: such a delivery may not count."""
        whole = [one.at_s for one in self._let_go[first.group, first.member] if not one.place]
        return any(first.began_s <= at_s <= following.at_s for at_s in (*self._killed, *whole))


def locks(events: Sequence[Event]) -> Iterator[Anomaly]:
    """A record that is locked for one member is given to nobody before the lock has ended."""
    interruptions = _Interruptions(events)
    for first, following in _consecutive(events):
        spread_s = max(first.at_s, following.at_s) - min(first.began_s, following.began_s)
        if spread_s < LOCK_S - SLACK_S and not interruptions.between(first, following):
            text = f"{first.group} {first.place}:{first.offset} to {first.member}, and then to"
            yield Anomaly(Kind.TWO_HOLDERS, f"{text} {following.member} within {spread_s:.2f} s")


def delivery_counts(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Deliveries are counted, up to the limit; the count is lost only with a member or a broker."""
    interruptions = _Interruptions(events)
    for event in of(events, Delivered):
        if not 1 <= event.count <= DELIVERIES_MAX:
            text = f"{event.group} {event.place}:{event.offset} is delivery {event.count}"
            yield Anomaly(Kind.DELIVERY_COUNT, text)
    for first, following in _consecutive(events):
        if following.count <= first.count and not interruptions.vanished(first, following):
            text = f"{first.group} {first.place}:{first.offset}: {following.count} after"
            yield Anomaly(Kind.DELIVERY_COUNT, f"{text} {first.count}")
