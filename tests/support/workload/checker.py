"""Checker: what a history must not show, whatever was killed, filled, slowed or moved in time.

Pure. Each rule looks at all events of a run and names every place where they contradict a promise
of Kafka's. What nobody can know (a send or an end without an answer) contradicts nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from tests.support.workload.anomaly import Anomaly, Kind, of
from tests.support.workload.group_rules import double_holdings, transforms
from tests.support.workload.history import (
    Acknowledged,
    Assigned,
    Commit,
    Ending,
    Event,
    OffsetRead,
    Polled,
    Sent,
    Stored,
    Visible,
)
from tests.support.workload.log_rules import (
    deleted_reads,
    log_starts,
    lost_writes,
    outcomes_of,
    resurrections,
    visible_of,
)
from tests.support.workload.share_rules import delivery_counts, locks, share_groups


def check(events: Sequence[Event]) -> list[Anomaly]:
    """Every anomaly of a finished run."""
    return [anomaly for rule in RULES for anomaly in rule(events)]


def kinds(events: Sequence[Event]) -> set[Kind]:
    """What kinds of anomalies a history shows."""
    return {anomaly.kind for anomaly in check(events)}


def duplicates(events: Sequence[Event]) -> Iterator[Anomaly]:
    """What an idempotent producer sent once is stored once, however often it was repeated."""
    idempotent = {event.value for event in of(events, Sent) if event.idempotent}
    found: dict[str, list[str]] = defaultdict(list)
    for batch in of(events, Stored):
        for offset, value in batch.values:
            if value in idempotent:
                found[value].append(f"{batch.place}:{offset}")
    for value, where in found.items():
        if len(where) > 1:
            yield Anomaly(Kind.DUPLICATE, f"{value} at {', '.join(where)}")


def aborted_reads(events: Sequence[Event]) -> Iterator[Anomaly]:
    """A reader of committed records never gets one of an aborted transaction."""
    outcomes = outcomes_of(events)
    aborted = {
        event.value
        for event in of(events, Sent)
        if event.transaction is not None and outcomes.get(event.transaction) is False
    }
    read: list[Polled | Visible] = [*of(events, Polled), *of(events, Visible)]
    for event in read:
        if event.value in aborted:
            yield Anomaly(Kind.ABORTED_READ, f"{event.value} at {event.place}:{event.offset}")


def intermediate_reads(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Of a transaction nothing is read before its end was asked for, and all or nothing after."""
    transaction_of = {
        event.value: event.transaction for event in of(events, Sent) if event.transaction
    }
    commit_asked_s: dict[str, float] = {}
    for ending in of(events, Ending):
        if ending.commit:
            commit_asked_s.setdefault(ending.transaction, ending.at_s)
    for polled in of(events, Polled):
        transaction = transaction_of.get(polled.value)
        if transaction and not polled.at_s >= commit_asked_s.get(transaction, float("inf")):
            place = f"{polled.place}:{polled.offset}"
            yield Anomaly(Kind.INTERMEDIATE_READ, f"{polled.value} at {place} before its commit")
    visible = {value for _, value in visible_of(events)}
    stored = {value for batch in of(events, Stored) for _, value in batch.values}
    parts: dict[str, set[str]] = defaultdict(set)
    for value, transaction in transaction_of.items():
        if value in stored:
            parts[transaction].add(value)
    for transaction, values in parts.items():
        seen = values & visible
        if seen and seen != values:
            text = f"{transaction} shows {len(seen)} of {len(values)} stored records"
            yield Anomaly(Kind.INTERMEDIATE_READ, text)


def reorderings(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Records of one producer stand in a partition in the order in which it sent them."""
    order = {event.value: (event.producer, number) for number, event in _numbered(events)}
    last: dict[tuple[str, str], tuple[int, str]] = {}
    for batch in sorted(of(events, Stored), key=lambda batch: (batch.place, batch.base_offset)):
        for offset, value in batch.values:
            if value not in order:
                continue
            producer, number = order[value]
            before = last.get((producer, batch.place))
            if before is not None and number < before[0]:
                text = f"{value} at {batch.place}:{offset} follows {before[1]}, sent after it"
                yield Anomaly(Kind.REORDERED, text)
            last[producer, batch.place] = (number, value)


def _numbered(events: Sequence[Event]) -> Iterator[tuple[int, Sent]]:
    return ((number, event) for number, event in enumerate(events) if isinstance(event, Sent))


def offset_faults(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Batches follow each other without a gap; an offset means one record, at any time.

    Compaction leaves gaps.
    """
    compacted = {event.place for event in of(events, Sent) if event.key is not None}
    by_place: dict[str, list[Stored]] = defaultdict(list)
    meaning: dict[tuple[str, int], str] = {}
    for batch in of(events, Stored):
        by_place[batch.place].append(batch)
        meaning.update(((batch.place, offset), value) for offset, value in batch.values)
    for place, batches in by_place.items():
        batches.sort(key=lambda batch: batch.base_offset)
        for batch, following in pairwise(batches):
            gap = following.base_offset - batch.next_offset
            if gap < 0 or (gap and place not in compacted):
                text = f"{place}: {following.base_offset} follows {batch.next_offset - 1}"
                yield Anomaly(Kind.OFFSETS, text)
    told: list[Acknowledged | Polled | Visible] = [*of(events, Polled), *of(events, Visible)]
    told += [event for event in of(events, Acknowledged) if event.offset >= 0]
    for event in told:
        now = meaning.setdefault((event.place, event.offset), event.value)
        if now != event.value:
            text = f"{event.place}:{event.offset} was {event.value} and is {now}"
            yield Anomaly(Kind.OFFSETS, text)


def polls(events: Sequence[Event]) -> Iterator[Anomaly]:
    """Within a session offsets only grow, and nothing readable is left out between two of them.

    Where nobody writes in transactions or with keys every offset is a record.
    """
    readable: dict[str, list[int]] = defaultdict(list)
    for event in of(events, Visible):
        readable[event.place].append(event.offset)
    rank = {
        (place, offset): number
        for place, offsets in readable.items()
        for number, offset in enumerate(sorted(offsets))
    }
    sparse = {sent.place for sent in of(events, Sent) if sent.transaction or sent.key}
    last: dict[tuple[str, str], int] = {}
    for polled in of(events, Polled):
        key = (polled.session, polled.place)
        before, last[key] = last.get(key), polled.offset
        if before is None:
            continue
        text = f"{polled.session} got {polled.place}:{polled.offset} after {before}"
        if polled.offset <= before:
            yield Anomaly(Kind.NON_MONOTONIC_POLL, text)
            continue
        if polled.place not in sparse and polled.offset > before + 1:
            yield Anomaly(Kind.SKIPPED, text)
        here, there = rank.get((polled.place, before)), rank.get((polled.place, polled.offset))
        if here is not None and there is not None and there - here > 1:
            yield Anomaly(Kind.SKIPPED, f"{text}, {there - here - 1} records between them")


def lost_commits(events: Sequence[Event]) -> Iterator[Anomaly]:
    """A group's offset is a register: a read gives a write that no later one had replaced."""
    commits: dict[tuple[str, str], list[Commit]] = defaultdict(list)
    for event in of(events, Commit):
        commits[event.group, event.place].append(event)
    for read in of(events, OffsetRead):
        written = commits[read.group, read.place]
        done = [commit for commit in written if commit.acknowledged and commit.at_s < read.began_s]
        latest_began_s = max((commit.began_s for commit in done), default=float("-inf"))
        possible = {
            commit.offset
            for commit in written
            if commit.began_s < read.at_s
            and not (commit.acknowledged and commit.at_s < latest_began_s)
        }
        if not done:
            possible.add(-1)
        if read.offset not in possible:
            text = f"{read.group} {read.place} reads {read.offset}, may be {sorted(possible)[-5:]}"
            yield Anomaly(Kind.LOST_COMMIT, text)


def stale_assignments(events: Sequence[Event]) -> Iterator[Anomaly]:
    """One owner of a partition in a generation; no commit from a generation that is over."""
    owners: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    known_s: dict[tuple[str, int], float] = {}
    for event in of(events, Assigned):
        known = known_s.get((event.group, event.generation), event.at_s)
        known_s[event.group, event.generation] = min(known, event.at_s)
        for place in event.places:
            owners[event.group, event.generation, place].add(event.member)
    for (group, generation, place), members in owners.items():
        if len(members) > 1:
            text = f"{group} generation {generation}: {place} belongs to {sorted(members)}"
            yield Anomaly(Kind.STALE_ASSIGNMENT, text)
    for commit in of(events, Commit):
        newer = [
            generation
            for (group, generation), since_s in known_s.items()
            if group == commit.group and generation > commit.generation and since_s < commit.began_s
        ]
        if commit.acknowledged and newer:
            text = (
                f"{commit.group} took {commit.place}:{commit.offset} of generation"
                f" {commit.generation} when {max(newer)} had begun"
            )
            yield Anomaly(Kind.STALE_ASSIGNMENT, text)


RULES: tuple[Callable[[Sequence[Event]], Iterator[Anomaly]], ...] = (
    lost_writes,
    duplicates,
    aborted_reads,
    intermediate_reads,
    reorderings,
    offset_faults,
    polls,
    lost_commits,
    stale_assignments,
    deleted_reads,
    log_starts,
    resurrections,
    transforms,
    share_groups,
    locks,
    delivery_counts,
    double_holdings,
)
