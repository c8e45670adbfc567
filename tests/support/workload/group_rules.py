"""Rules of groups: exactly-once transforms, share groups, KIP-848 groups."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.support.workload.anomaly import Anomaly, Kind, of
from tests.support.workload.history import (
    Delivered,
    Done,
    Ended,
    Event,
    Held,
    Made,
    Reached,
    Sent,
    Visible,
)


def transforms(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Of each record that a group left behind one made record can be read, of others none."""
    visible = list(of(events, Visible))
    readable = {(event.place, event.offset) for event in visible}
    made_by_value = {made.value: made for made in of(events, Made)}
    made_of: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for event in visible:
        made = made_by_value.get(event.value)
        if made is not None:
            made_of[made.group, made.source_place, made.source_offset].append(event.value)
    reached = {(event.group, event.place): event.offset for event in of(events, Reached)}
    for (group, place, offset), values in made_of.items():
        source = f"{group} {place}:{offset}"
        if len(values) > 1:
            yield Anomaly(Kind.NOT_ONCE, f"{source} was made into {sorted(values)}")
        if offset >= reached.get((group, place), -1):
            yield Anomaly(Kind.NOT_ONCE, f"{source} was made into {values}, and not left behind")
        if (place, offset) not in readable:
            yield Anomaly(Kind.NOT_ONCE, f"{values} made from {source}, which nobody can read")
    for (group, place), end in reached.items():
        for event in visible:
            behind = event.place == place and event.offset < end
            if behind and (group, place, event.offset) not in made_of:
                yield Anomaly(Kind.NOT_ONCE, f"{group} {place}:{event.offset} was left out")


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


def double_holdings(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Nobody is given a partition while another member of the group holds it."""
    by_place: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for held in of(events, Held):
        by_place[held.group, held.place].append(held)
    for (group, place), stretches in by_place.items():
        stretches.sort(key=lambda held: held.since_s)
        for held, following in pairwise(stretches):
            if held.member != following.member and following.since_s < held.until_s:
                text = f"{group}: {place} was given to {following.member}, {held.member} had it"
                yield Anomaly(Kind.STALE_ASSIGNMENT, text)
