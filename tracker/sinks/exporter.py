"""Exporter: what the worker asks of a place that events end up in, a warehouse or the rollups.

Five verbs. `open` makes ready; `positions` tells where to go on reading; `write` takes records into
memory and touches no disk; `flush` makes all of them durable together with their offsets, in one
transaction, and returns the offsets that are now safe to commit to Kafka; `close` lets go.

A `flush` that raises SinkUnavailable has changed nothing and kept its records: call it again.
Records that the sink already holds (read again after a crash, or handled by another instance
meanwhile) are dropped inside the transaction, by their offsets: so each event counts once,
whoever delivers it and how often.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tracker.events import Event
from tracker.topics import Topic, TopicPartition

Offsets = dict[TopicPartition, int]
"""Next offset to read, per partition."""


class Arrived(NamedTuple):
    """An event, and where in the log it stands."""

    where: TopicPartition
    offset: int
    event: Event


class SinkUnavailable(Exception):
    """The sink cannot take the records now: disk full, locked, away. It may heal; try again.

    `reason` is one of a small fixed set of words: it labels a metric.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SinkUnusable(Exception):
    """The sink is damaged: somebody has to put a whole one in its place. The message says how."""


class SinkRewound(Exception):
    """The sink stands before the records it was given: it was replaced by an older copy.

    Writing them would leave a hole; the worker starts over from the sink's own offsets.
    """


class Exporter(Protocol):
    """One sink. Used by one thread."""

    @property
    def name(self) -> str:
        """Labels the metrics: "sqlite", "rollups"."""

    @property
    def place(self) -> str:
        """Where it is, for who has to mend it: a path, an address."""

    @property
    def topics(self) -> Sequence[Topic]:
        """What it takes records of: EVENTS, METRICS."""

    def open(self) -> None:
        """Make ready: create or migrate tables. Raises SinkUnavailable, SinkUnusable,
        SchemaTooNew, and then holds nothing open."""

    def positions(self, owned: Sequence[TopicPartition]) -> Offsets:
        """Where to go on reading `owned`; a partition never seen starts at 0.

        Everything held is forgotten, it will be read again. From here on only records of `owned`
        are taken. Raises SinkUnavailable, SinkUnusable.
        """

    def restart(self, where: TopicPartition, offset: int) -> None:
        """The log of `where` was replaced by a shorter one: go on from `offset` instead."""

    def write(self, records: Sequence[Arrived], next_offsets: Mapping[TopicPartition, int]) -> None:
        """Hold `records`; `next_offsets` also passes over what could not be decoded."""

    def flush(self) -> Offsets:
        """All that is held becomes durable, once.

        Raises SinkUnavailable, SinkUnusable, SinkRewound.
        """

    def close(self) -> None:
        """Give up what is held (it will be read again) and release the sink."""
