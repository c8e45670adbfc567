"""Copies of records that were begun through the dashboard: a few at a time, each in a thread.

They outlive the page that began them, and can be stopped. The list is kept in a file, so that after
a restart it says which copy was cut off; the same copy asked for again goes on where it was.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dashboard.copies.model import DONE, FAILED, RUNNING, STOPPED, Copy, State
from dashboard.copies.shelf import Shelf
from tracker.clock import Clock
from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import Record
from tracker.kafka.changes import Refused
from tracker.kafka.client import KafkaFailure
from tracker.kafka.copy import Stored
from tracker.kafka.reader import RecordReader
from tracker.topic_copy import Plan, Side, carry_out, left_of, plan
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

AT_ONCE: Final = 2  # each takes a thread, and a client at both ends
READ_S: Final = 8.0  # until one record has come
STOP_S: Final = 3.0  # a copy that is stopped lets go within this, or is left to the process's end
UNREADABLE: Final = "nobody knows why: see the dashboard's log"

Ended = Callable[[str], None]
"""Hears how a copy ended, in its thread."""


class CopyDesk:
    """Copies between the clusters of the settings."""

    def __init__(self, clusters: Mapping[str, KafkaConfig], data_dir: Path, clock: Clock) -> None:
        self._clusters = clusters
        self._notes = data_dir / "copies"
        self._shelf = Shelf(data_dir / "dashboard" / "copies.json")
        self._clock = clock
        self._lock = threading.Lock()
        self._stops: dict[int, threading.Event] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._is_closed = False

    @property
    def copies(self) -> list[Copy]:
        """The newest first."""
        with self._lock:
            return self._shelf.copies

    def plan(self, source: tuple[str, str], target: tuple[str, str], anew: bool) -> Plan:
        """What a copy would do; cluster and topic of each end. Asks both clusters.

        Raises Refused where it cannot be done, and ClusterUnavailable.
        """
        sides = []
        for cluster, topic in (source, target):
            kafka = self._clusters.get(cluster)
            if kafka is None:
                raise Refused(f"there is no cluster {cluster} in the settings")
            sides.append(Side(cluster, kafka, topic))
        try:
            return plan(sides[0], sides[1], self._notes, anew)
        except KafkaFailure as error:
            raise _told(error) from error

    def record(self, cluster: str, place: TopicPartition, offset: int) -> Record:
        """The one at this offset, unmasked. Raises Refused and ClusterUnavailable."""
        if cluster not in self._clusters:
            raise Refused(f"there is no cluster {cluster} in the settings")
        reader = RecordReader(self._clusters[cluster])
        try:
            found = reader.first({place: offset}, READ_S).get(place)
        finally:
            reader.close()
        if found is not None and found.offset == offset:
            return found
        raise Refused(f"there is no record in {place.topic}-{place.partition} at offset {offset}")

    def begin(self, planned: Plan, who: str, ended: Ended) -> Copy:
        """In the name of `who`. Raises Refused where too many run, or one into the same topic."""
        source, target = planned.source, planned.target
        with self._lock:
            running = [one for one in self._shelf.copies if one.state == RUNNING]
            if any((one.cluster, one.topic) == (target.cluster, target.topic) for one in running):
                raise Refused(f"something is being copied into {target.topic} already")
            if len(running) >= AT_ONCE or self._is_closed:
                raise Refused(f"{len(running)} copies are running; wait for one, or stop it")
            copy = Copy(
                number=1 + max((one.number for one in self._shelf.copies), default=0),
                from_cluster=source.cluster,
                from_topic=source.topic,
                cluster=target.cluster,
                topic=target.topic,
                who=who,
                began_ms=self._clock.now_ms(),
                offsets=planned.offsets,
                left=planned.offsets,
                held=planned.extent.held,
            )
            self._shelf.add(copy)
            stop = self._stops[copy.number] = threading.Event()
            thread = threading.Thread(
                target=self._run,
                args=(planned, copy, stop, ended),
                name=f"copy-{copy.number}",
                daemon=True,  # a target that does not answer must not hold up the end
            )
            self._threads[copy.number] = thread
        thread.start()
        return copy

    def stop(self, cluster: str, topic: str) -> Copy:
        """The copy into this topic; it goes on when it is asked for again. Raises Refused."""
        with self._lock:
            for one in self._shelf.copies:
                if (one.cluster, one.topic, one.state) == (cluster, topic, RUNNING):
                    self._stops[one.number].set()
                    return one
        raise Refused(f"nothing is being copied into {topic}")

    def close(self) -> None:
        """Ends all of them."""
        with self._lock:
            self._is_closed = True
            threads = list(self._threads.values())
            for stop in self._stops.values():
                stop.set()
        for thread in threads:
            thread.join(STOP_S)

    def _run(self, planned: Plan, copy: Copy, stop: threading.Event, ended: Ended) -> None:
        """A thread's whole life; says how it ended, whatever happens."""

        def stored(at: Mapping[TopicPartition, int], batch: Stored) -> None:
            copy.records += batch.records
            copy.size += batch.size
            copy.left = left_of(at, planned.extent.ends)

        state: State = FAILED
        trouble = UNREADABLE
        try:
            state = DONE if carry_out(planned, stored, stop.is_set) else STOPPED
            trouble = ""
        except (KafkaFailure, ClusterUnavailable) as error:
            trouble = str(error)
        except Exception:
            log.exception("a copy broke topic=%s", copy.topic)
        with self._lock:
            copy.trouble, copy.ended_ms = trouble, self._clock.now_ms()
            copy.state = state
            self._stops.pop(copy.number, None)
            self._threads.pop(copy.number, None)
            self._shelf.keep()
        ended(copy.end)


def _told(error: KafkaFailure) -> Refused | ClusterUnavailable:
    return ClusterUnavailable(str(error)) if error.retriable else Refused(str(error))
