"""Following a topic: its newest records once a second, read once for everybody who watches.

A turn asks where the partitions end and reads what is new, at most RECORDS_MAX records; what came
beyond that is passed over and counted. There is no task and no queue: the first reader whose turn
is due does the reading, the last few turns are kept for the others, and who is slower than that
learns how many offsets went by. So neither many pages nor a slow one costs the cluster anything.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from dashboard.cluster.browse import Browser, Desk
from dashboard.cluster.decoded import Shown, decoded
from dashboard.cluster.fitting import Wish, fits, sample
from dashboard.cluster.model import Topic
from dashboard.filters.expressions import Expressions, Tested
from dashboard.text import oneline, stamp
from tracker.clock import Clock
from tracker.kafka.admin import LATEST
from tracker.kafka.answers import Record
from tracker.topics import TopicPartition

EVERY_MS: Final = 1_000
RECORDS_MAX: Final = 200  # of one turn
TURNS_KEPT: Final = 5
READ_S: Final = 0.25
READS_MAX: Final = 4
TIMEOUT_S: Final = 2.0


@dataclass(slots=True)
class Turn:
    """What one look brought; `passed` offsets were not read."""

    sequence: int
    records: tuple[Record, ...]
    passed: int
    _encoded: dict[int, str] = field(default_factory=dict)
    _tested: dict[str, Tested] = field(default_factory=dict)  # by expression

    def rows(self, wish: Wish) -> list[str]:
        """The records that fit as JSON, oldest first; each is encoded once for all who ask."""
        tested = self._tested[wish.filter].fitting if wish.filter else [True] * len(self.records)
        found = []
        for index, (record, fit) in enumerate(zip(self.records, tested, strict=True)):
            if fit and wish.partition in (None, record.partition) and fits(record, wish):
                if index not in self._encoded:
                    self._encoded[index] = encoded(decoded(record))
                found.append(self._encoded[index])
        return found

    def untested(self, wish: Wish) -> Counter[str]:
        """Records of this turn that the expression fails on, by why."""
        return self._tested[wish.filter].untested if wish.filter else Counter()

    def test(self, expression: str, expressions: Expressions) -> None:
        """Once for all who ask with it; blocks. Raises TooCostly, Unusable."""
        if expression not in self._tested:
            samples = [sample(record) for record in self.records]
            self._tested[expression] = expressions.test(expression, samples)


def encoded(row: Shown) -> str:
    """One record as the page shows it."""
    at_ms = row.record.timestamp_ms
    body = {
        "partition": row.record.partition,
        "offset": row.record.offset,
        "time": stamp(at_ms) if at_ms >= 0 else "no time",
        "key": row.key,
        "value": row.value,
        "line": oneline(row.value or ""),
        "headers": row.headers,
        "about": [row.about_key, row.about_value, row.about_headers],
    }
    return json.dumps(body, separators=(",", ":"))


class Followed:
    """One topic that somebody follows."""

    def __init__(self, browser: Browser, clock: Clock) -> None:
        self._browser = browser
        self._clock = clock
        self._lock = asyncio.Lock()
        self._positions: dict[TopicPartition, int] = {}
        self._turns: deque[Turn] = deque(maxlen=TURNS_KEPT)
        self._looked_ms: float = -EVERY_MS
        self.sequence = 0
        self.watchers = 0

    async def after(self, seen: int, topic: Topic) -> tuple[list[Turn], int]:
        """Turns later than `seen`, after a new look if one is due, and how many were missed.

        Raises ClusterUnavailable.
        """
        async with self._lock:
            now_ms = self._clock.monotonic_ms()
            if now_ms - self._looked_ms >= EVERY_MS:
                self._looked_ms = now_ms
                await self._look(topic)
        later = [turn for turn in self._turns if turn.sequence > seen]
        first = later[0].sequence if later else self.sequence + 1
        return later, first - seen - 1

    async def test(self, turns: Sequence[Turn], wish: Wish) -> None:
        """Before `rows` of these turns are asked for. Raises TooCostly, Unusable."""
        if wish.filter:
            await self._browser.run(partial(_test, turns, wish.filter))

    def wait_s(self) -> float:
        """Seconds until the next look is due."""
        return max(0.0, (self._looked_ms + EVERY_MS - self._clock.monotonic_ms()) / 1000)

    async def _look(self, topic: Topic) -> None:
        places = [
            TopicPartition(topic.name, part.index) for part in topic.partitions if not part.offline
        ]
        positions = self._positions
        records, self._positions, passed = await self._browser.run(
            lambda desk: read_on(desk, places, positions)
        )
        if records or passed:
            self.sequence += 1
            self._turns.append(Turn(self.sequence, records, passed))


def _test(turns: Sequence[Turn], expression: str, desk: Desk) -> None:
    for turn in turns:
        turn.test(expression, desk.expressions)


def read_on(
    desk: Desk, places: list[TopicPartition], positions: Mapping[TopicPartition, int]
) -> tuple[tuple[Record, ...], dict[TopicPartition, int], int]:
    """Records since `positions`, where to go on, and how many offsets were passed over.

    A partition without a position is followed from its end on; so is one that was cut back.
    """
    ends = desk.times.offsets(places, LATEST, TIMEOUT_S)
    starts = {place: min(positions.get(place, end), end) for place, end in ends.items()}
    grown = [place for place, end in ends.items() if end > starts[place]]
    share = max(1, RECORDS_MAX // max(1, len(grown)))
    begins = {place: max(starts[place], ends[place] - share) for place in grown[:RECORDS_MAX]}
    passed = sum(ends[place] - starts[place] for place in grown)
    passed -= sum(ends[place] - begin for place, begin in begins.items())
    next_positions = {**positions, **ends}
    if not begins:
        return (), next_positions, passed
    records, ended = _read_between(desk, begins, ends)
    for place in begins.keys() - ended:  # the rest of it is read in the next turn
        got = [r.offset + 1 for r in records if (r.topic, r.partition) == place]
        next_positions[place] = max(got, default=begins[place])
    records.sort(key=lambda record: (record.timestamp_ms, record.partition, record.offset))
    return tuple(records), next_positions, passed


def _read_between(
    desk: Desk, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> tuple[list[Record], set[TopicPartition]]:
    """Records from `begins` on and below `ends`, and the partitions that were read to their end."""
    records: list[Record] = []
    ended: set[TopicPartition] = set()
    desk.reader.start(begins)
    try:
        for _ in range(READS_MAX):
            reading = desk.reader.read(RECORDS_MAX, READ_S)
            for record in reading.records:
                place = TopicPartition(record.topic, record.partition)
                if record.offset < ends[place]:
                    records.append(record)
                if record.offset >= ends[place] - 1:
                    ended.add(place)
            ended |= reading.ended
            if ended >= begins.keys():
                break
    finally:
        desk.reader.stop()
    return records, ended
