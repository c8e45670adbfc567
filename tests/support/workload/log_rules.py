"""Rules of logs that lose records by right: deleted, aged, compacted."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.workload.anomaly import Anomaly, Kind, of
from tests.support.workload.history import (
    Acknowledged,
    Deleted,
    Deleting,
    Ended,
    Event,
    MayGo,
    OutOfRange,
    Sent,
    StartSeen,
    Visible,
)

Key = tuple[str, str]
"""Place and key."""


def outcomes_of(events: Sequence[Event]) -> dict[str, bool]:
    """Whether each transaction committed, where its producer was told."""
    return {event.transaction: event.committed for event in of(events, Ended)}


def visible_of(events: Sequence[Event]) -> set[tuple[str, str]]:
    """Places and values that can be read at the end."""
    return {(event.place, event.value) for event in of(events, Visible)}


@dataclass(frozen=True, slots=True)
class _Excuses:
    """What may be gone though it was acknowledged."""

    before: dict[str, int]
    """Of each place: deleted, or aged where that is allowed."""
    newest: dict[Key, int]
    """The last offset of each key that can still be read."""
    tombstones: dict[Key, int]
    """The last acknowledged tombstone of each key."""
    in_doubt: dict[Key, float] = field(default_factory=dict)
    """When the last tombstone without an answer was sent: nobody knows where it stands."""
    forgetful: frozenset[str] = frozenset()
    """Places in which tombstones may go."""

    def excuse(self, event: Acknowledged, sent: Sent | None) -> bool:
        if event.offset < self.before.get(event.place, 0):
            return True
        if sent is None or sent.key is None:
            return False
        key = (event.place, sent.key)
        if sent.tombstone and event.place in self.forgetful:
            return True
        stood_for_by = max(self.newest.get(key, -1), self.tombstones.get(key, -1))
        return stood_for_by > event.offset or self.in_doubt.get(key, -1.0) > sent.at_s


def _excuses(events: Sequence[Event], sent: Mapping[str, Sent]) -> _Excuses:
    aged = {event.place for event in of(events, MayGo) if event.aged}
    before: dict[str, int] = {}
    gone: list[Deleting | StartSeen] = list(of(events, Deleting))
    gone += [event for event in of(events, StartSeen) if event.place in aged]
    for event in gone:
        offset = event.before_offset if isinstance(event, Deleting) else event.offset
        before[event.place] = max(offset, before.get(event.place, 0))
    tombstones, in_doubt = _tombstones(events, sent)
    forgetful = frozenset(event.place for event in of(events, MayGo) if event.tombstones)
    return _Excuses(before, _newest_of_keys(events, sent), tombstones, in_doubt, forgetful)


def _tombstones(
    events: Sequence[Event], sent: Mapping[str, Sent]
) -> tuple[dict[Key, int], dict[Key, float]]:
    """Of each key: the last acknowledged one, and when the last unanswered one was sent."""
    known: dict[Key, int] = {}
    answered = set()
    for event in of(events, Acknowledged):
        order = sent.get(event.value)
        if order is not None and order.tombstone and order.key is not None:
            answered.add(event.value)
            key = (event.place, order.key)
            known[key] = max(event.offset, known.get(key, -1))
    in_doubt: dict[Key, float] = {}
    for order in sent.values():
        if order.tombstone and order.key is not None and order.value not in answered:
            key = (order.place, order.key)
            in_doubt[key] = max(order.at_s, in_doubt.get(key, -1.0))
    return known, in_doubt


def _newest_of_keys(events: Sequence[Event], sent: Mapping[str, Sent]) -> dict[Key, int]:
    """The last offset of each key that can still be read."""
    newest: dict[Key, int] = {}
    for event in of(events, Visible):
        order = sent.get(event.value)
        if order is not None and order.key is not None:
            where = (event.place, order.key)
            newest[where] = max(event.offset, newest.get(where, -1))
    return newest


def lost_writes(events: Sequence[Event]) -> Iterator[Anomaly]:
    """What was acknowledged, and committed if in a transaction, is there at the end.

    But for what was deleted on purpose, may age, and what a later record with its key stands for.
    """
    visible = visible_of(events)
    outcomes = outcomes_of(events)
    sent = {event.value: event for event in of(events, Sent)}
    excuses = _excuses(events, sent)
    for event in of(events, Acknowledged):
        order = sent.get(event.value)
        transaction = order.transaction if order is not None else None
        promised = transaction is None or outcomes.get(transaction, False)
        is_there = (event.place, event.value) in visible
        if promised and not is_there and not excuses.excuse(event, order):
            yield Anomaly(
                Kind.LOST_WRITE, f"{event.value} acknowledged at {event.place}:{event.offset}"
            )


def resurrections(events: Sequence[Event]) -> Iterator[Anomaly]:
    """A key whose tombstone is gone shows nothing that was written before it."""
    sent = {event.value: event for event in of(events, Sent)}
    newest = _newest_of_keys(events, sent)
    for (place, key), offset in _tombstones(events, sent)[0].items():
        if -1 < newest.get((place, key), -1) < offset:
            text = f"{place}: {key} is as at {newest[place, key]}, deleted at {offset}"
            yield Anomaly(Kind.RESURRECTED, text)


def deleted_reads(events: Sequence[Event]) -> Iterator[Anomaly]:
    """What the broker told to be deleted cannot be read any more."""
    deleted: dict[str, int] = {}
    for told in of(events, Deleted):
        deleted[told.place] = max(told.before_offset, deleted.get(told.place, 0))
    for event in of(events, Visible):
        if event.offset < deleted.get(event.place, 0):
            yield Anomaly(Kind.DELETED_READ, f"{event.value} at {event.place}:{event.offset}")


def log_starts(events: Sequence[Event]) -> Iterator[Anomaly]:
    """The start of a log only grows, and a reader is refused only what lies below it."""
    seen: dict[str, list[StartSeen]] = defaultdict(list)
    for event in of(events, StartSeen):
        earlier = [one.offset for one in seen[event.place] if one.at_s < event.began_s]
        if earlier and max(earlier) > event.offset:
            text = f"{event.place} begins at {event.offset}, had begun at {max(earlier)}"
            yield Anomaly(Kind.LOG_START, text)
        seen[event.place].append(event)
    for refused in of(events, OutOfRange):
        after = [one.offset for one in seen[refused.place] if one.began_s > refused.at_s]
        if after and after[0] <= refused.offset:
            text = f"{refused.place}:{refused.offset} refused, the log begins at {after[0]}"
            yield Anomaly(Kind.LOG_START, text)
