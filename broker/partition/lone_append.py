"""One append on its way through the disk worker, with a deadline of its own.

Those of one request that go to many partitions have one together: `partition/appends`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from broker.errors import ErrorCode, KafkaError
from broker.partition.jobs import Job
from broker.partition.wishes import ACKS_ALL, AppendWish
from broker.storage.log import AppendInfo, Origin

if TYPE_CHECKING:
    from broker.partition.partition import Partition

Answered = Callable[[AppendInfo | Exception], None]
NO_RECORDS = memoryview(b"")
NOT_ANSWERED = RuntimeError("an append is looked at before it is answered")


def timed_out() -> KafkaError:
    """What is told of an append that is not committed in time."""
    return KafkaError(ErrorCode.REQUEST_TIMED_OUT, "not committed within timeout.ms")


def _nobody(_told: AppendInfo | Exception) -> None:
    """Whom there is to tell when that was done."""


class LoneAppend(Job):
    """An append that is told its own answer."""

    __slots__ = ("_answered", "_is_waiting", "_timeout_ms", "done", "partition", "told")

    def __init__(
        self,
        partition: "Partition",
        records: memoryview,
        now_ms: int,
        wish: AppendWish,
        answered: Answered,
    ) -> None:
        self.records = records
        self.leader_epoch = partition.leader_epoch
        self.now_ms = now_ms
        self.origin = Origin.CLIENT
        self.partition = self.owner = partition
        self.answered_when_written = wish.acks != ACKS_ALL
        self.done = False
        self.told: AppendInfo | Exception = NOT_ANSWERED
        self._answered = answered
        self._timeout_ms = wish.timeout_ms
        self._is_waiting = False

    def begin_waiting(self) -> None:
        if not self.answered_when_written:
            self._is_waiting = True
            self.partition.waiting.add(self, self._timeout_ms)

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
            self.partition.waiting.served()
        answered, self._answered = self._answered, _nobody
        answered(result)
