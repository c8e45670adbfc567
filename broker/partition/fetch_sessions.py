"""Fetch sessions (KIP-227): a consumer sends only what changed and is told only what changed.

A session remembers the partitions a client reads, with their offsets, and what was last told about
each. Losing one costs the client a full request, so the cache may drop any at any time: it holds a
bounded number and evicts the one idle longest.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.errors import ErrorCode, KafkaError

NO_SESSION = 0
INITIAL_EPOCH = 0
FINAL_EPOCH = -1
EPOCH_MAX = 2**31 - 1
EVICTION_IDLE_MS = 120_000  # min.incremental.fetch.session.eviction.ms

PartitionKey = tuple[str, bytes, int]
"""(topic name or "", topic id or zeros, partition): by name before Fetch v13, by id from it on."""


@dataclass(slots=True)
class Wish:
    """What a client wants of one partition, and what it was last told about it."""

    key: PartitionKey
    fetch_offset: int
    max_bytes: int
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1
    high_watermark_told: int = -1
    log_start_offset_told: int = -1


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """The part of a Fetch request that is about its session."""

    session_id: int
    epoch: int
    wishes: Sequence[Wish]
    forgotten: Iterable[PartitionKey]
    by_id: bool


class FetchSession:
    """One client's session."""

    __slots__ = ("by_id", "epoch", "id", "used_at_ms", "wishes")

    def __init__(self, session_id: int, wishes: Iterable[Wish], by_id: bool) -> None:
        self.id = session_id
        self.by_id = by_id
        self.epoch = 1
        self.wishes = {wish.key: wish for wish in wishes}
        self.used_at_ms = 0.0

    def update(self, request: SessionRequest) -> None:
        for wish in request.wishes:
            known = self.wishes.get(wish.key)
            if known is not None:
                wish.high_watermark_told = known.high_watermark_told
                wish.log_start_offset_told = known.log_start_offset_told
            self.wishes[wish.key] = wish
        for key in request.forgotten:
            self.wishes.pop(key, None)
        self.epoch = 1 if self.epoch == EPOCH_MAX else self.epoch + 1

    def served(self, wish: Wish) -> None:
        """Put a partition that got records behind the others: next time they come first."""
        if self.wishes.pop(wish.key, None) is not None:
            self.wishes[wish.key] = wish


@dataclass(frozen=True, slots=True)
class Round:
    """One Fetch: what to read, and what the answer may leave out."""

    session: FetchSession | None
    wishes: Sequence[Wish]
    incremental: bool

    @property
    def session_id(self) -> int:
        """The id the answer carries; 0: no session."""
        return NO_SESSION if self.session is None else self.session.id


class FetchSessions:
    """The cache of sessions."""

    def __init__(self, slots: int, seed: int | None = None) -> None:
        self._slots = slots
        self._random = random.Random(seed)  # ids only have to differ
        self._sessions: dict[int, FetchSession] = {}  # least recently used first

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, request: SessionRequest, monotonic_ms: float) -> Round:
        """Take up a request's session.

        FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR.
        """
        if request.epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(request.session_id, None)
            session = None
            if request.epoch == INITIAL_EPOCH:
                session = self._create(request, monotonic_ms)
            return Round(session, request.wishes, incremental=False)
        session = self._sessions.get(request.session_id)
        if session is None:
            raise KafkaError(
                ErrorCode.FETCH_SESSION_ID_NOT_FOUND, f"session {request.session_id} is not known"
            )
        if session.epoch != request.epoch:
            raise KafkaError(
                ErrorCode.INVALID_FETCH_SESSION_EPOCH,
                f"epoch {request.epoch} of session {session.id}, which is at {session.epoch}",
            )
        if session.by_id != request.by_id:
            raise KafkaError(
                ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
                f"session {session.id} names topics by {'id' if session.by_id else 'name'}",
            )
        session.update(request)
        self._touch(session, monotonic_ms)
        wishes = list(session.wishes.values())
        if not wishes:
            del self._sessions[session.id]
            return Round(None, wishes, incremental=False)
        return Round(session, wishes, incremental=True)

    def _create(self, request: SessionRequest, monotonic_ms: float) -> FetchSession | None:
        """A new session; None when all slots are taken by sessions in use: the client goes on."""
        if len(self._sessions) >= self._slots and not self._evict(monotonic_ms):
            return None
        session_id = self._random.randint(1, EPOCH_MAX)
        while session_id in self._sessions:
            session_id = self._random.randint(1, EPOCH_MAX)
        session = FetchSession(session_id, request.wishes, request.by_id)
        self._touch(session, monotonic_ms)
        return session

    def _evict(self, monotonic_ms: float) -> bool:
        oldest = next(iter(self._sessions.values()), None)
        if oldest is None or monotonic_ms - oldest.used_at_ms < EVICTION_IDLE_MS:
            return False
        del self._sessions[oldest.id]
        return True

    def _touch(self, session: FetchSession, monotonic_ms: float) -> None:
        session.used_at_ms = monotonic_ms
        self._sessions.pop(session.id, None)
        self._sessions[session.id] = session
