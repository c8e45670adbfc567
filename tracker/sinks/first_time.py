"""First time: tells records that were stored before from those that are new to this role.

A sink that was made anew, or put back from a copy, is filled again from the log. Those events were
in time when they first came; their age now says how long ago that was, and nothing about this
appliance. So only a record that was never stored counts for the promised latency:

    stored    the group has committed up to here, or its sink stands here: read again below it
    found     the log was this long when a group without a commit came to an empty sink, a first
              start beside an old topic: below it only what arrived since the role began is new

Commits go back with a refill, so that its lag is seen. How far the group had come is then left
beside the commit as `stored=<offset>`, in Kafka's offset metadata, and outlives this process.
"""

from collections.abc import Mapping

from tracker.kafka.client import Committed
from tracker.sinks.exporter import Offsets
from tracker.topics import TopicPartition

_NOTE = "stored="


class FirstTime:
    """Memory of one process; what is known of a partition only grows, until its log is new."""

    def __init__(self, begun_ms: int) -> None:
        self._begun_ms = begun_ms
        self._stored: Offsets = {}
        self._found: Offsets = {}

    def begin(
        self, where: TopicPartition, position: int, committed: Committed | None, end: int
    ) -> None:
        """The sink stands at `position`, and the log ends at `end`."""
        known = self._stored.get(where)
        self._stored[where] = max(known or 0, position, _told(committed))
        if known is None and committed is None and position == 0:
            self._found[where] = end

    def forget(self, where: TopicPartition) -> None:
        """Its log was replaced: nothing in it was stored before."""
        self._stored[where] = 0
        self._found.pop(where, None)

    def is_new(self, where: TopicPartition, offset: int, received_at_ms: int) -> bool:
        if offset < self._stored.get(where, 0):
            return False
        return offset >= self._found.get(where, 0) or received_at_ms >= self._begun_ms

    def notes(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, str]:
        """What to leave beside a commit of `offsets`, all of which are stored now."""
        notes = {}
        for where, offset in offsets.items():
            self._stored[where] = max(self._stored.get(where, 0), offset)
            before = max(self._stored[where], self._found.get(where, 0))
            if before > offset:
                notes[where] = f"{_NOTE}{before}"
        return notes


def _told(committed: Committed | None) -> int:
    """How far the group had come, by its commit; notes of anybody else are passed over."""
    if committed is None:
        return 0
    text = committed.note.removeprefix(_NOTE)
    is_ours = text != committed.note and text.isascii() and text.isdigit() and len(text) < 20
    return max(committed.offset, int(text) if is_ours else 0)
