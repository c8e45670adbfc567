"""History: what clients asked for, were told and saw, in the order in which it happened.

Every record of a run carries a value that no other has, so what was read can be traced to the send
it came from. Times are monotonic seconds of one process. A history is kept in memory for the
checker and appended to a file, one JSON object a line, for whoever has to look at a failed run.
"""

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Sent:
    """A record was handed to a client for sending."""

    producer: str
    place: str
    """`topic-partition`."""
    value: str
    idempotent: bool = False
    transaction: str | None = None
    key: str | None = None
    """On a compacted topic: a later record with this key may stand for it."""
    tombstone: bool = False
    """It has no value, and says that its key is gone."""
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker told that a record is stored; `offset` -1 where the client did not pass it on."""

    place: str
    value: str
    offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """A producer is about to ask for the end of its transaction."""

    transaction: str
    commit: bool
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """It was told that the transaction has ended so; without this event nobody knows."""

    transaction: str
    committed: bool
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Polled:
    """A reader of committed records got one. A session is a stretch of reading without a seek."""

    session: str
    place: str
    offset: int
    value: str
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Commit:
    """A group's offset was written; `acknowledged` False: nobody knows whether it was."""

    group: str
    generation: int
    place: str
    offset: int
    acknowledged: bool
    began_s: float
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OffsetRead:
    """A group's offset was read; -1 when it has none."""

    group: str
    place: str
    offset: int
    began_s: float
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Assigned:
    """A member was given its partitions for one generation."""

    group: str
    generation: int
    member: str
    places: tuple[str, ...]
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Made:
    """A record was made from another one, which its group leaves behind in the same transaction."""

    value: str
    group: str
    source_place: str
    source_offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a group had come when all was over."""

    group: str
    place: str
    offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Deleting:
    """All records before an offset are about to be deleted on purpose."""

    place: str
    before_offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Deleted:
    """The broker told that they are gone."""

    place: str
    before_offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MayGo:
    """What a topic's settings let the broker take away by itself."""

    place: str
    aged: bool = False
    """Its oldest records, by time or size."""
    tombstones: bool = False
    """Tombstones, together with all that they stand for."""
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StartSeen:
    """Where a log begins, as the broker told a client that had asked since `began_s`."""

    place: str
    offset: int
    began_s: float
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A reader was told that there is no such offset (any more)."""

    place: str
    offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Killed:
    """The broker was killed: what it had in memory only is gone."""

    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A share group gave a record to a member, which had asked since `began_s`."""

    group: str
    member: str
    place: str
    offset: int
    value: str
    began_s: float
    count: int = 1
    """Which delivery of this record it is, as the broker counts."""
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LetGo:
    """A member of a share group is about to say what became of a record, or to vanish."""

    group: str
    member: str
    place: str = ""
    """Empty: everything that it has."""
    offset: int = -1
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """A share group took the answer that a record needs no further delivery."""

    group: str
    place: str
    offset: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """A member of a KIP-848 group was told its partitions; it has them until `until_s` at least.

    Recorded when the stretch is over: the member gave them up, or its session could have ended.
    """

    group: str
    member: str
    place: str
    since_s: float
    until_s: float
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """One batch of a log as it stands when all is over; `values` is empty for a marker."""

    place: str
    base_offset: int
    next_offset: int
    values: tuple[tuple[int, str], ...]
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Visible:
    """One record that a reader of committed records gets when all is over."""

    place: str
    offset: int
    value: str
    at_s: float = 0.0


Event = (
    Sent
    | Acknowledged
    | Ending
    | Ended
    | Polled
    | Commit
    | OffsetRead
    | Assigned
    | Made
    | Reached
    | Deleting
    | Deleted
    | MayGo
    | StartSeen
    | OutOfRange
    | Killed
    | Delivered
    | LetGo
    | Done
    | Held
    | Stored
    | Visible
)


class Recorder:
    """Takes events from many threads; the file is written as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()
        self.events: list[Event] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, event: Event) -> None:
        """Append one event; its `at_s`, where it has none, is now."""
        with self._lock:
            if not event.at_s:
                object.__setattr__(event, "at_s", now_s())
            self.events.append(event)
            self._file.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")


def now_s() -> float:
    """The clock of all histories."""
    return time.monotonic()
