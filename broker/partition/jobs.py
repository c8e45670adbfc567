"""Appends on their way through the disk worker, and whose they are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from broker.storage.log import AppendInfo, AppendRequest, Log

Results = Sequence[AppendInfo | Exception]
"""One for each of some jobs."""


class Job(AppendRequest, ABC):
    """One append on its way, to be answered on the loop."""

    __slots__ = ("answered_when_written", "owner")

    owner: "Owner"
    answered_when_written: bool
    """False: when it is committed."""

    @abstractmethod
    def begin_waiting(self) -> None:
        """It is handed to a thread, so that its answer may take a while."""

    @abstractmethod
    def finish(self, result: AppendInfo | Exception) -> None:
        """Answer it, unless that was done before."""


Done = tuple[Job, AppendInfo]


class Owner(Protocol):
    """Whose log it is; all verbs are called on the loop, with jobs of this owner."""

    log: Log

    def failed(self, job: Job, error: Exception) -> None:
        """An append was refused, or its write or sync failed."""

    def written(self, group: Sequence[Done]) -> None:
        """Appends are in the page cache: those that are answered when written may be."""

    def committed(self, group: Sequence[Done]) -> None:
        """Appends are on disk (or in the page cache, where that counts): all may be answered."""

    def stored(self, group: Sequence[Done]) -> None:
        """As `committed`, of appends that are answered already."""


Written = list[tuple[Owner, list[Done]]]
"""Logs that were written to, each with its appends."""
