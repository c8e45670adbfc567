"""Appends of a group, log by log: written by a thread or by the loop, and what is told of them."""

from collections.abc import Iterable, Sequence

from broker.errors import StorageError
from broker.partition.jobs import Done, Job, Owner, Results, Written
from broker.storage.appender import append_many
from broker.storage.log import Log
from broker.storage.quick import Staged, take_in, write_quickly

WrittenQuickly = tuple[Owner, list[Job], Staged]
"""What the loop has written to one log, which does not know of it yet."""


def by_owner(jobs: Sequence[Job]) -> Iterable[tuple[Owner, list[Job]]]:
    """Jobs of each log, in their order."""
    found: dict[int, tuple[Owner, list[Job]]] = {}
    for job in jobs:
        owner = job.owner
        if (known := found.get(id(owner))) is not None:
            known[1].append(job)
        else:
            found[id(owner)] = owner, [job]
    return found.values()


def write(log: Log, jobs: Sequence[Job]) -> Results:
    """Append the batches of one log with as few writes as possible."""
    try:
        return append_many(log, jobs)
    except Exception as error:  # noqa: BLE001 - a bug ends its requests, not the thread
        return [error] * len(jobs)


def write_in_loop(owner: Owner, jobs: Sequence[Job]) -> Staged | None:
    """`write` by the loop; None when it is nothing for the loop, nothing when it failed."""
    try:
        return write_quickly(owner.log, jobs)
    except Exception as error:  # noqa: BLE001 - the other logs and turns go on
        for job in jobs:
            owner.failed(job, error)
        return [], [], []


def taken_in(written: Sequence[WrittenQuickly]) -> Written:
    """What is in the files is part of the logs now."""
    done: Written = []
    for owner, jobs, staged in written:
        try:
            take_in(owner.log, staged, jobs[0].now_ms)
        except Exception as error:  # noqa: BLE001 - a log that does not know its file ends here
            failure = StorageError(f"{owner.log.directory}: not taken in: {error!r}")
            for job in jobs:
                owner.failed(job, failure)
            continue
        done.append((owner, list(zip(jobs, staged[0], strict=True))))
    return done


def appended(jobs: Sequence[Job], results: Results) -> list[Done]:
    """The appends that were not refused."""
    return [
        (job, result)
        for job, result in zip(jobs, results, strict=True)
        if not isinstance(result, Exception)
    ]


def report(owner: Owner, jobs: Sequence[Job], results: Results) -> None:
    """Tell what is known once a group is written."""
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, Exception):
            owner.failed(job, result)
    owner.written(appended(jobs, results))
