"""Looking into a topic: a bounded read that says what it scanned and why it stopped.

The cluster is asked by one reader at a time, for at most a few seconds and a few thousand records;
a page that asks meanwhile waits its turn. Nothing is committed and no group is joined.
"""

import asyncio
import json
import string
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import msgspec

from dashboard.cluster.model import Topic
from dashboard.decoders import cbor, internal
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import Reading, Record
from tracker.topics import TopicPartition

T = TypeVar("T")

ROWS_MAX: Final = 200
SCANNED_MAX: Final = 5_000  # records looked at for one answer
SECONDS_MAX: Final = 4.0
SHOWN_BYTES: Final = 2_000  # of a key, value or header
PACKED_BYTES_MAX: Final = 1_048_576  # of a value that may be MessagePack or CBOR
READ_AT_ONCE: Final = 500
READ_S: Final = 0.25


class Records(Protocol):
    """Reads from offsets on; answered by tracker.kafka.reader.RecordReader."""

    def start(self, positions: Mapping[TopicPartition, int]) -> None: ...
    def read(self, records_max: int, timeout_s: float) -> Reading: ...
    def stop(self) -> None: ...


class Times(Protocol):
    """Offsets by time and at the ends; answered by tracker.kafka.admin.Admin."""

    def offsets_for_time(
        self, partitions: list[TopicPartition], timestamp_ms: int, timeout_s: float
    ) -> dict[TopicPartition, int]: ...

    def offsets(
        self, partitions: Sequence[TopicPartition], which: str, timeout_s: float
    ) -> dict[TopicPartition, int]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see of a topic."""

    partition: int | None = None  # None: all
    offset: int | None = None  # read from here on
    since_ms: int | None = None  # or from this time on; neither: the newest
    text: str = ""  # in key, value or a header, any case
    field: str = ""  # a field of a JSON value, dotted: `props.plan`
    equals: str = ""  # what that field holds
    rows: int = 50

    @property
    def seeks(self) -> bool:
        """Reads forward from a place; else it shows the newest."""
        return self.offset is not None or self.since_ms is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """One record, decoded for people."""

    record: Record
    key: str
    value: str
    kind: str  # json, text, msgpack, cbor, hex, empty
    headers: tuple[tuple[str, str], ...]
    cut: bool  # longer than what is shown


@dataclass(frozen=True, slots=True)
class Found:
    """Records that fit, newest first, and how the search went."""

    rows: tuple[Shown, ...]
    scanned: int
    stopped: str  # why, as half a sentence


@dataclass(frozen=True, slots=True)
class Desk:
    """Who answers: one reader for all pages."""

    reader: Records
    times: Times


class Browser:
    """Answers wishes one after the other, in a thread of its own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browse")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def run(self, ask: Callable[[Desk], T]) -> T:
        """Whatever `ask` does with the desk, when nobody else is at it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, self._desk)

    async def browse(self, topic: Topic, wish: Wish) -> Found:
        """Raises ClusterUnavailable."""
        return await self.run(lambda desk: search(desk, topic, wish))


def search(desk: Desk, topic: Topic, wish: Wish) -> Found:
    """Read and filter; bounded in records, rows and reads."""
    scan = Reach(topic, wish).begin(desk)
    if scan.stopped:
        return Found((), 0, scan.stopped)
    desk.reader.start(scan.positions)
    try:
        for _ in range(round(SECONDS_MAX / READ_S)):
            scan.take(desk.reader.read(READ_AT_ONCE, READ_S))
            if scan.stopped:
                break
    finally:
        desk.reader.stop()
    newest_first = not wish.seeks
    scan.fitting.sort(key=lambda r: (r.timestamp_ms, r.partition, r.offset), reverse=newest_first)
    rows = tuple(decoded(record) for record in scan.fitting[: wish.rows])
    return Found(rows, scan.scanned, scan.stopped or f"it looked for {SECONDS_MAX:.0f} s")


@dataclass(frozen=True, slots=True)
class Reach:
    """What a search looks at, at most."""

    topic: Topic
    wish: Wish
    scanned_max: int = SCANNED_MAX

    def begin(self, desk: Desk) -> "Scan":
        """A search that has read nothing yet; `stopped` where there is nothing to read."""
        starts, ends = _bounds(self.topic, self.wish)
        positions = self._positions(desk, starts, ends)
        return Scan(self, positions, {place: ends[place] for place in positions})

    def _positions(
        self,
        desk: Desk,
        starts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """Where to begin in each partition; those that begin at their end are left out."""
        wish = self.wish
        if wish.offset is not None:
            begins = {place: max(wish.offset, start) for place, start in starts.items()}
        elif wish.since_ms is not None:
            begins = desk.times.offsets_for_time(list(starts), wish.since_ms, SECONDS_MAX)
            if silent := sorted(starts.keys() - begins):  # or it would seem to hold nothing
                silent_at = f"{silent[0].topic}-{silent[0].partition}"
                raise ClusterUnavailable(f"{silent_at} does not tell where that time is")
        else:
            looked = wish.rows if not (wish.text or wish.field) else self.scanned_max
            each = max(1, -(-looked // max(1, len(starts))))
            begins = {place: max(start, ends[place] - each) for place, start in starts.items()}
        return {place: begin for place, begin in begins.items() if begin < ends[place]}


class Scan:
    """One search under way."""

    def __init__(
        self,
        reach: Reach,
        positions: dict[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        self._reach = reach
        self._wish = reach.wish
        self._ends = ends
        self._ended: set[TopicPartition] = set()
        self._found = 0
        self.positions = positions  # where to go on; partitions that are read to their end leave
        self.fitting: list[Record] = []
        self.scanned = 0
        self.stopped = "" if positions else "there is nothing to read"

    def take(self, reading: Reading) -> None:
        """Look at what was read; `stopped` says when that is enough."""
        for record in reading.records:
            place = TopicPartition(record.topic, record.partition)
            end = self._ends[place]
            if record.offset < end:  # what arrived after the snapshot is for the next search
                self.scanned += 1
                if fits(record, self._wish):
                    self.fitting.append(record)
                    self._found += 1
            if record.offset >= end - 1:
                self._ended.add(place)
            self.positions[place] = record.offset + 1
        self._ended |= reading.ended & set(self._ends)
        self.positions = {p: at for p, at in self.positions.items() if p not in self._ended}
        if self._ended >= set(self._ends):
            self.stopped = "it reached the end"
        elif self._wish.seeks and self._found >= self._wish.rows:
            self.stopped = f"it found {self._wish.rows}"
        elif self.scanned >= self._reach.scanned_max:
            self.stopped = f"it looked at {self._reach.scanned_max} records"

    def taken(self) -> list[Record]:
        """What fitted since the last call, in the order of reading."""
        found, self.fitting = self.fitting, []
        return found


def _bounds(
    topic: Topic, wish: Wish
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Start and end of each partition wished for that has records and a leader."""
    starts: dict[TopicPartition, int] = {}
    ends: dict[TopicPartition, int] = {}
    for part in topic.partitions:
        if part.start is None or part.end is None or part.end <= part.start:
            continue
        if wish.partition in (None, part.index):
            starts[TopicPartition(topic.name, part.index)] = part.start
            ends[TopicPartition(topic.name, part.index)] = part.end
    return starts, ends


def fits(record: Record, wish: Wish) -> bool:
    """Whether a record is one of those wished for."""
    if wish.text:
        wanted = wish.text.lower()
        parts = [record.key, record.value]
        parts += [value for _, value in record.headers]
        parts += [name.encode() for name, _ in record.headers]
        texts = (part.decode("utf-8", "replace").lower() for part in parts if part)
        if not any(wanted in text for text in texts):
            return False
    return not wish.field or _field_is(record.value, wish.field, wish.equals)


def _field_is(value: bytes | None, path: str, wanted: str) -> bool:
    """Whether a dotted field of a JSON value is there and, if `wanted` is given, equal to it."""
    try:
        found: Any = json.loads(value or b"")
    except (ValueError, RecursionError):
        return False
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return False
        found = found[name]
    text = found if isinstance(found, str) else json.dumps(found)
    return not wanted or text == wanted


_PACKED: Final = frozenset((*range(0x81, 0x90), *range(0x91, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
"""First bytes of maps and arrays with something in them; none of them begins a text."""


def _message_pack(part: bytes) -> str | None:
    """A map or an array in MessagePack as JSON; None for anything else, or when bytes are left."""
    if part[0] not in _PACKED or len(part) > PACKED_BYTES_MAX:
        return None
    try:
        found = msgspec.msgpack.decode(part)
        return json.dumps(found, indent=1, ensure_ascii=False, default=str)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None


_CBOR: Final = frozenset((*range(0xA1, 0xBC), 0xBF, 0xD9))
"""First bytes of maps with something in them, and of CBOR that says that it is; an array could be
MessagePack of another meaning."""


def _cbor(part: bytes) -> str | None:
    """A map in CBOR as JSON, likewise."""
    if part[0] not in _CBOR or len(part) > PACKED_BYTES_MAX:
        return None
    try:
        found = cbor.decode(part)
        return json.dumps(found, indent=1, ensure_ascii=False) if found else None
    except (ValueError, RecursionError):
        return None


_PRINTABLE: Final = frozenset(string.printable) - frozenset("\x0b\x0c")


def decoded(record: Record, letters: int = SHOWN_BYTES, as_stored: bool = False) -> Shown:
    """The record as text: JSON indented (or `as_stored`), text as it is, everything else in hex."""
    value, kind = _text(record.value, letters)
    if as_stored and kind == "json" and record.value is not None:
        value = record.value.decode()
    key, _ = _text(record.key, letters)
    known_key, known_value = internal.decode(record.topic, record.key, record.value)
    if known_key is not None:
        key = json.dumps(known_key, indent=1, ensure_ascii=False)
    if known_value is not None:
        value, kind = json.dumps(known_value, indent=1, ensure_ascii=False), "json"
    headers = tuple((name, _text(part, letters)[0][:letters]) for name, part in record.headers)
    cut = len(value) > letters or len(key) > letters
    return Shown(record, key[:letters], value[:letters], kind, headers, cut)


def _text(part: bytes | None, letters: int) -> tuple[str, str]:
    if part is None:
        return "", "empty"
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        for packed, kind in ((_message_pack, "msgpack"), (_cbor, "cbor")):
            if (told := packed(part)) is not None:
                return told, kind
        return part[:letters].hex(" "), "hex"
    if any(ord(letter) < 32 and letter not in _PRINTABLE for letter in text[:SHOWN_BYTES]):
        return part[:letters].hex(" "), "hex"
    if text[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(text), indent=1, ensure_ascii=False), "json"
        except (ValueError, RecursionError):
            pass
    return text, "text"
