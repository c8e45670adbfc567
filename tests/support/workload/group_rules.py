"""Rules of groups: exactly-once transforms, KIP-848 groups."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.support.workload.anomaly import Anomaly, Kind, of
from tests.support.workload.history import Event, Held, Made, Reached, Visible


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
