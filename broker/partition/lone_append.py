"""One append on its way through the disk worker, with a deadline of its own.

Those of one request that go to many partitions have one together: `partition/appends`.
"""

from collections.abc import Callable
from typing import Protocol

from broker.errors import ErrorCode, KafkaError
from broker.partition.jobs import Job, Owner
from broker.partition.waiting import Waiting
from broker.partition.wishes import ACKS_ALL, AppendWish
from broker.storage.log import AppendInfo, Origin

Answered = Callable[[AppendInfo | Exception], None]
NO_RECORDS = memoryview(b"")
NOT_ANSWERED = RuntimeError("an append is looked at before it is answered")


def timed_out() -> KafkaError:
    """What is told of an append that is not committed in time."""
    return KafkaError(ErrorCode.REQUEST_TIMED_OUT, "not committed within timeout.ms")


def _nobody(_told: AppendInfo | Exception) -> None:
    """Whom there is to tell when that was done."""


class Leader(Owner, Protocol):
    """The partition that is appended to."""

    leader_epoch: int
    waiting: Waiting


class LoneAppend(Job):
    """An append that is told its own answer."""

    __slots__ = ("_answered", "_is_waiting", "_timeout_ms", "_waiting", "done", "told")

    def __init__(
        self,
        leader: Leader,
        records: memoryview,
        now_ms: int,
        wish: AppendWish,
        answered: Answered,
    ) -> None:
        self.records = records
        self.leader_epoch = leader.leader_epoch
        self.now_ms = now_ms
        self.origin = Origin.CLIENT
        self.owner = leader
        self._waiting = leader.waiting
        self.answered_when_written = wish.acks != ACKS_ALL
        self.done = False
        self.told: AppendInfo | Exception = NOT_ANSWERED
        self._answered = answered
        self._timeout_ms = wish.timeout_ms
        self._is_waiting = False

    def begin_waiting(self) -> None:
        if not self.answered_when_written:
            self._is_waiting = True
            self._waiting.add(self, self._timeout_ms)

    def finish(self, result: AppendInfo | Exception) -> None:
        self.records = NO_RECORDS  # written: its deadline holds this object for a while yet
        self._tell(result)

    def expire(self) -> None:
        self._tell(timed_out())

    def _tell(self, result: AppendInfo | Exception) -> None:
        if self.done:
            return
        self.done = True
        self.told = result
        if self._is_waiting:
            self._waiting.served()
        answered, self._answered = self._answered, _nobody
        answered(result)
