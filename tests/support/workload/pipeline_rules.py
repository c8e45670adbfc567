"""What an appliance owes its visitors: a 202 is a row of the warehouse, and counted, once.

Pure, like the checker of the broker's own history.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

ANSWERS = frozenset((0, 202, 429, 503))
"""What an honest visitor may hear while processes are killed; 0: nothing."""


class Broken(StrEnum):
    """Which promise."""

    NOT_ON_TOPIC = "202 without a record"
    LOST = "202 without a row"
    TWICE = "more than one row"
    INVENTED = "row that nobody sent"
    MISCOUNTED = "counted otherwise than stored"
    ANSWER = "answer that nobody should hear"
    NO_RETRY_AFTER = "refused without a time to come back"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was sent, told and stored when everything is calm again; events by their ids."""

    sent: AbstractSet[str]
    accepted: AbstractSet[str]
    on_topic: AbstractSet[str]
    rows: Mapping[str, int]
    """How many rows of the warehouse each event has."""
    counted: int
    """Page views of the rollups."""
    answers: Mapping[int, int]
    """How often each status was told."""
    refused_for_ever: int = 0
    """Answers 429 and 503 without Retry-After."""


def check(seen: Seen) -> Iterator[tuple[Broken, str]]:
    """Every broken promise, with an example."""
    named: list[tuple[Broken, AbstractSet[str]]] = [
        (Broken.NOT_ON_TOPIC, seen.accepted - seen.on_topic),
        (Broken.LOST, seen.accepted - seen.rows.keys()),
        (Broken.TWICE, {event for event, times in seen.rows.items() if times > 1}),
        (Broken.INVENTED, seen.rows.keys() - seen.sent),
    ]
    for kind, events in named:
        if events:
            yield kind, f"{len(events)} of {len(seen.accepted)}, such as {min(events)}"
    if seen.counted != len(seen.rows):
        yield Broken.MISCOUNTED, f"{seen.counted} counted, {len(seen.rows)} in the warehouse"
    odd = {status: times for status, times in seen.answers.items() if status not in ANSWERS}
    if odd:
        yield Broken.ANSWER, str(odd)
    if seen.refused_for_ever:
        yield Broken.NO_RETRY_AFTER, f"{seen.refused_for_ever} times"
