"""Watches one cluster in the background: a full look every few seconds, a pulse every second.

Nobody else asks the cluster, so pages and scrapes cost it nothing. A look that fails keeps the last
snapshot and says since when it is old. The pulse notices within three seconds that the cluster is
away, and the next answer heals everything; nothing has to be started again.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from dashboard.cluster import keeping, lag
from dashboard.cluster.collect import (
    NO_SECOND,
    ClusterAdmin,
    Collector,
    FirstRecords,
    Observation,
    Second,
)
from dashboard.cluster.history import History, Point
from dashboard.cluster.history_store import HistoryStore
from dashboard.cluster.judge import Judge, Look
from dashboard.cluster.model import Connection, Snapshot
from tracker.clock import Clock
from tracker.kafka.admin import LATEST, ClusterUnavailable
from tracker.topics import TopicPartition

log = logging.getLogger(__name__)

T = TypeVar("T")

PULSE_S: Final = 1.0
PULSE_TIMEOUT_S: Final = 1.5  # with the second between pulses: away is seen in under 3 s
PULSE_PARTITIONS_MAX: Final = 300  # above that the pulse only asks whether somebody is there
INTERNAL_PARTITIONS: Final = 200  # about as many as Kafka keeps for itself
PULSE_WINDOW: Final = 5  # seconds that the live rate is a mean over
READ_TIMEOUT_S: Final = 2.0
FLUSH_S: Final = 60.0
KEPT_NAME: Final = "lag"
UNSAVED_POINTS_MAX: Final = 50_000  # of history, while the disk takes none: a few megabytes
STALE_POLLS: Final = 3
HOLD_POLLS: Final = 2.5  # how long a value of history stands for itself
READ_PASSES: Final = 5  # groups at different offsets of one partition need one each


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """How one cluster is watched."""

    name: str
    interval_s: float
    timeout_s: float
    lag_target_s: float


class TellsAppendTimes(Protocol):
    """When records were appended; answered by dashboard.cluster.append_times.AppendTimes."""

    async def told(self, wanted: Mapping[lag.Place, int]) -> dict[lag.Place, lag.Appended]: ...


@dataclass(frozen=True, slots=True)
class Door:
    """How one cluster is asked. The reader is used by one thread at a time."""

    admin: ClusterAdmin
    reader: FirstRecords
    second: Second = NO_SECOND
    append_times: TellsAppendTimes | None = None  # the bundled broker's


class Poller:
    """One cluster, watched. `snapshot` is None until the first look succeeded."""

    def __init__(
        self, settings: PollerSettings, door: Door, clock: Clock, store: HistoryStore | None = None
    ) -> None:
        self.settings = settings
        self.snapshot: Snapshot | None = None
        self.connection = Connection(up=False, since_ms=clock.now_ms(), error="not asked yet")
        self.history = History(hold_ms=round(HOLD_POLLS * settings.interval_s * 1000))
        self.live_rate: float | None = None  # records a second into all topics but internal ones
        self.version = 0  # grows with everything that a page may want to show
        self.last_duration_s = 0.0
        self._door = door
        self._clock = clock
        self._store = store
        self._collector = Collector(door.admin, settings.timeout_s, door.second)
        self._judge = Judge(settings.name, settings.lag_target_s)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"poll-{settings.name}")
        self._changed = asyncio.Condition()
        self._pulses: deque[tuple[int, int]] = deque(maxlen=PULSE_WINDOW + 1)
        self._look_again = asyncio.Event()
        self._looking = False
        self._aways = 0  # how often it was found to be away
        self._unsaved: list[Point] = []
        self._kept: bytes | None = None  # what lag and verdicts remember, until it is stored
        self._kept_at_ms = -FLUSH_S * 1000

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._in_thread(self._restore)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._looks(), name="looks")
                tasks.create_task(self._beat(), name="pulse")
                tasks.create_task(self._flushes(), name="history")
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)
            if self._door.second.inventory is not None:
                self._door.second.inventory.close()
            self.flush()

    def _restore(self) -> None:
        """Go on from what the store kept."""
        if self._store is None:
            return
        try:
            points, kept = self._store.load(self._clock.now_ms()), self._store.kept(KEPT_NAME)
        except sqlite3.Error as error:  # damaged inside, which opening it did not show
            log.warning("history is not gone on with, it begins now: %s", error)
            return
        self.history.restore(points)
        if kept is not None:
            self._judge.restore(keeping.decoded(kept))

    def is_stale(self) -> bool:
        """True when what is shown may no longer be so."""
        if self.snapshot is None or not self.connection.up:
            return True
        age_ms = self._clock.now_ms() - self.snapshot.taken_at_ms
        return age_ms > STALE_POLLS * self.settings.interval_s * 1000

    def is_usable(self) -> bool:
        """False when the snapshot is older than three looks: metrics drop its series then."""
        if self.snapshot is None:
            return False
        age_ms = self._clock.now_ms() - self.snapshot.taken_at_ms
        return age_ms <= STALE_POLLS * (self.settings.interval_s + self.settings.timeout_s) * 1000

    async def wait_for(self, seen: int, timeout_s: float) -> int:
        """The version when it is no longer `seen`, or after `timeout_s`."""
        async with self._changed:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: self.version != seen)
            except TimeoutError:
                pass
        return self.version

    def look_soon(self) -> None:
        """Look now instead of at the next turn, also at settings: something was changed by us."""
        self._collector.forget_settings()
        self._look_again.set()

    async def _looks(self) -> None:
        while True:
            await self.look()
            try:
                async with asyncio.timeout(self.settings.interval_s):
                    await self._look_again.wait()
            except TimeoutError:
                pass
            self._look_again.clear()

    async def look(self) -> None:
        """One full look; failing is no error here, it is what there is to show."""
        began = self._clock.monotonic_ms()
        self._looking, aways = True, self._aways
        try:
            seen, waiting = await self._in_thread(self._observe)
            if self._door.append_times is not None:
                clock = self._judge.clock
                clock.tell(await self._door.append_times.told(clock.to_time(waiting)))
            self.snapshot = await self._in_thread(lambda: self._judged(seen, waiting, began))
        except ClusterUnavailable as away:
            await self._away(str(away))
            return
        except Exception:  # the one wide net: a bug costs a look, not every page
            log.exception("look failed cluster=%s", self.settings.name)
            await self._away("a fault in the dashboard, see its log")
            return
        finally:
            self._looking = False
        self.last_duration_s = (self._clock.monotonic_ms() - began) / 1000
        self._remember(self.snapshot)
        if self._aways == aways:
            await self._here(self.snapshot.taken_at_ms)
        else:  # it went away in the middle: what came before that does not make it be there
            await self._publish()

    def _observe(self) -> tuple[Observation, dict[lag.Place, int]]:
        """Ask, in a thread: ten thousand partitions must not hold up a page. Also who waits."""
        seen = self._collector.observe()
        self._judge.see(seen, self._clock.now_ms())
        waiting = lag.places(seen.commits.values(), seen.starts, seen.ends)
        self._read_waiting(seen, waiting)
        return seen, waiting

    def _judged(
        self, seen: Observation, waiting: dict[lag.Place, int], began_ms: float
    ) -> Snapshot:
        """The verdicts, in a thread as well."""
        self._draw_lines(waiting)
        now_ms = self._clock.now_ms()
        sequence = self.snapshot.sequence + 1 if self.snapshot is not None else 1
        spent_s = (self._clock.monotonic_ms() - began_ms) / 1000
        snapshot = self._judge.snapshot(seen, Look(sequence, now_ms, spent_s))
        if self._store is not None and began_ms - self._kept_at_ms >= FLUSH_S * 1000:
            self._kept_at_ms = began_ms
            self._kept = keeping.encoded(self._judge.keep(snapshot))
        return snapshot

    def _draw_lines(self, waiting: dict[lag.Place, int]) -> None:
        """Where nothing else tells how old a record is, the log's span gives an idea."""
        wanted = self._judge.clock.to_draw(waiting)
        if not wanted:
            return
        partitions = list(dict.fromkeys(place[0] for place in wanted))
        try:
            spans = self._door.admin.spans(partitions, READ_TIMEOUT_S)
        except ClusterUnavailable as error:  # brokers before 3.0: it stays unknown
            log.debug("spans of logs not told reason=%s", error)
            return
        self._judge.clock.draw(wanted, spans)

    def _read_waiting(self, seen: Observation, waiting: dict[lag.Place, int]) -> None:
        """The judge's clock learns how old waiting records are."""
        clock = self._judge.clock
        deadline_ms = self._clock.monotonic_ms() + READ_TIMEOUT_S * 1000
        for _ in range(READ_PASSES):
            wanted = clock.to_read(waiting)
            left_s = (deadline_ms - self._clock.monotonic_ms()) / 1000
            if not wanted or left_s <= 0:
                break
            try:
                found = self._door.reader.first(wanted, left_s)
            except ClusterUnavailable as error:  # no right to read: lag stays interpolated
                log.debug("first waiting records not read reason=%s", error)
                break
            clock.learn(wanted, found, seen.ends)

    async def _beat(self) -> None:
        while True:
            began = self._clock.monotonic_ms()
            await self.pulse()
            spent_s = (self._clock.monotonic_ms() - began) / 1000
            await asyncio.sleep(max(0.0, PULSE_S - spent_s))

    async def pulse(self) -> None:
        """Is the cluster there, and how many records came in since the last second?"""
        places = self._pulse_places()
        try:
            if not places:
                await self._in_thread(lambda: self._door.admin.ping(PULSE_TIMEOUT_S))
                self._look_if_back()
                return
            ends = await self._in_thread(
                lambda: self._door.admin.offsets(places, LATEST, PULSE_TIMEOUT_S)
            )
        except ClusterUnavailable as away:
            self._pulses.clear()
            self.live_rate = None
            await self._away(str(away))
            return
        now_ms = self._clock.now_ms()
        if len(ends) == len(places):
            self._count(now_ms, sum(ends.values()))
        self._look_if_back()
        await self._here(now_ms)

    def _look_if_back(self) -> None:
        if not self.connection.up and not self._looking:
            self._look_again.set()

    def _pulse_places(self) -> list[TopicPartition]:
        if self.snapshot is None or not self.connection.up:
            return []
        if self.snapshot.partitions > PULSE_PARTITIONS_MAX + INTERNAL_PARTITIONS:
            return []
        places = [
            TopicPartition(topic.name, partition.index)
            for topic in self.snapshot.topics.values()
            if not topic.internal
            for partition in topic.partitions
            if not partition.offline
        ]
        return places if len(places) <= PULSE_PARTITIONS_MAX else []

    def _count(self, now_ms: int, total: int) -> None:
        if self._pulses and total < self._pulses[-1][1]:
            self._pulses.clear()  # a topic was deleted or made anew
        self._pulses.append((now_ms, total))
        before = self._pulses[-2] if len(self._pulses) > 1 else None
        if before is not None and now_ms > before[0]:
            rate = (total - before[1]) * 1000 / (now_ms - before[0])
            self.history.add("cluster.in", now_ms, rate)
        oldest = self._pulses[0]
        if now_ms > oldest[0]:
            self.live_rate = (total - oldest[1]) * 1000 / (now_ms - oldest[0])

    def _remember(self, snapshot: Snapshot) -> None:
        now_ms, add = snapshot.taken_at_ms, self.history.add
        worst = snapshot.worst_group
        add("cluster.lag_seconds", now_ms, worst.lag_seconds if worst is not None else 0.0)
        named = [topic for topic in snapshot.topics.values() if not topic.internal]
        rates = [topic.rate for topic in named if topic.rate is not None]
        if rates and not self._pulse_places():  # too many for the pulse: it comes from the looks
            self.live_rate = sum(rates)
            add("cluster.in", now_ms, self.live_rate)
        alive: list[str] = []
        for group in snapshot.groups.values():
            alive += [f"group.lag:{group.group_id}", f"group.seconds:{group.group_id}"]
            add(alive[-2], now_ms, float(group.lag))
            add(alive[-1], now_ms, group.lag_seconds)
            alive.append(f"group.out:{group.group_id}")
            add(alive[-1], now_ms, group.consume_rate)
        for share in snapshot.share_groups:
            alive.append(f"group.lag:{share.group_id}")
            add(alive[-1], now_ms, None if share.lag is None else float(share.lag))
        for topic in named:
            alive.append(f"topic.in:{topic.name}")
            add(alive[-1], now_ms, topic.rate)
        self.history.forget_all_but(alive)

    async def _away(self, reason: str) -> None:
        self._aways += 1
        if self.connection.up or self.connection.error != reason:
            since = self._clock.now_ms() if self.connection.up else self.connection.since_ms
            if self.connection.up:
                log.warning("cluster is away cluster=%s reason=%s", self.settings.name, reason)
            self.connection = replace(self.connection, up=False, since_ms=since, error=reason)
        await self._publish()

    async def _here(self, now_ms: int) -> None:
        if self.connection.up:
            self.connection = replace(self.connection, last_success_ms=now_ms)
        else:
            log.info("cluster answers cluster=%s", self.settings.name)
            self.connection = Connection(True, now_ms, last_success_ms=now_ms)
        await self._publish()

    async def _publish(self) -> None:
        async with self._changed:
            self.version += 1
            self._changed.notify_all()

    async def _flushes(self) -> None:
        while self._store is not None:
            await asyncio.sleep(FLUSH_S)
            await self._in_thread(self.flush)

    def flush(self) -> None:
        """Write finished points of history to their store; a full disk gets them later."""
        if self._store is None:
            return
        points = self._unsaved + self.history.take_finished()
        try:
            self._store.save(points, self._clock.now_ms())
            if self._kept is not None:
                self._store.keep(KEPT_NAME, self._kept, self._clock.now_ms())
                self._kept = None
        except sqlite3.Error as error:
            self._unsaved = points[-UNSAVED_POINTS_MAX:]
            log.warning("history is not saved, next try in %.0f s: %s", FLUSH_S, error)
        else:
            self._unsaved = []

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)
