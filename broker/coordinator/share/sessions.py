"""Share sessions: which partitions a member fetches, so that it need not say so each time.

A session begins with epoch 0, each request raises the epoch by one, -1 ends it (KIP-932), and so
does the end of the connection that it came by.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.errors import ErrorCode, KafkaError

FIRST, LAST = 0, -1
EPOCH_MAX = 2**31 - 1
UNUSED_MS = 120_000  # a live member fetches every few seconds
TopicIdPartition = tuple[bytes, int]


@dataclass(slots=True)
class ShareSession:
    """The partitions of one member's session, in the order in which they are served."""

    group_id: str
    member_id: str
    epoch: int = 1
    """What the next request has to say."""
    used_at: float = 0
    connection_id: int = 0
    partitions: dict[TopicIdPartition, None] = field(default_factory=dict)

    def in_turn(self, epoch: int) -> list[TopicIdPartition]:
        """The partitions, each request beginning with the next one, so that none is left out."""
        ordered = list(self.partitions)
        turn = epoch % len(ordered) if ordered and epoch > FIRST else 0
        return ordered[turn:] + ordered[:turn]


class ShareSessions:
    """All share sessions of this broker, `sessions_max` at most."""

    def __init__(self, sessions_max: int) -> None:
        self._sessions_max = sessions_max
        self._sessions: dict[tuple[str, str], ShareSession] = {}

    def begin(
        self,
        who: tuple[str, str],
        epoch: int,
        wanted: Iterable[TopicIdPartition],
        forgotten: Iterable[TopicIdPartition] = (),
        *,
        now: float,
        connection_id: int = 0,
    ) -> ShareSession:
        """The session of (group, member) as this request leaves it.

        Raises SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_LIMIT_REACHED.
        """
        session = self._made(who, now) if epoch == FIRST else self._known(who, epoch)
        session.used_at, session.connection_id = now, connection_id
        self._sessions[who] = self._sessions.pop(who)  # the longest unused stays first
        session.partitions.update(dict.fromkeys(wanted))
        for where in forgotten:
            session.partitions.pop(where, None)
        if epoch == LAST:
            del self._sessions[who]
        return session

    def _made(self, who: tuple[str, str], now: float) -> ShareSession:
        oldest = next(iter(self._sessions.values()), None)
        if (
            oldest is not None
            and len(self._sessions) >= self._sessions_max
            and now - oldest.used_at >= UNUSED_MS
        ):
            del self._sessions[oldest.group_id, oldest.member_id]  # its member died
        if who not in self._sessions and len(self._sessions) >= self._sessions_max:
            raise KafkaError(
                ErrorCode.SHARE_SESSION_LIMIT_REACHED,
                f"there are {self._sessions_max} share sessions",
            )
        session = self._sessions[who] = ShareSession(*who)
        return session

    def _known(self, who: tuple[str, str], epoch: int) -> ShareSession:
        session = self._sessions.get(who)
        if session is None:
            raise KafkaError(ErrorCode.SHARE_SESSION_NOT_FOUND, "The share session was not found.")
        if epoch == LAST:
            return session
        if epoch != session.epoch:
            raise KafkaError(
                ErrorCode.INVALID_SHARE_SESSION_EPOCH,
                f"The share session epoch is {session.epoch}, not {epoch}.",
            )
        session.epoch = 1 if epoch == EPOCH_MAX else epoch + 1
        return session

    def of_connection(self, connection_id: int) -> list[ShareSession]:
        """End the sessions that came by a connection which is closed; what they were."""
        ended = [one for one in self._sessions.values() if one.connection_id == connection_id]
        for session in ended:
            del self._sessions[session.group_id, session.member_id]
        return ended

    def __len__(self) -> int:
        return len(self._sessions)
