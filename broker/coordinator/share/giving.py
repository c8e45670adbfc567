"""Records for a member: read from the logs of its session, locked, and cut to what it was given."""

from dataclasses import dataclass, field, replace

from broker.clock import Clock
from broker.coordinator.share.acquiring import Giving, Portion, begins_done
from broker.coordinator.share.changing import ShareChanges
from broker.coordinator.share.messages import Given, ShareFetchWish, Where
from broker.coordinator.share.reading import Found, read
from broker.coordinator.share.records import ShareKey, ShareSnapshot
from broker.coordinator.share.settings import ShareSettings
from broker.coordinator.share.share_partition import SharePartition
from broker.coordinator.share.store import ShareStore, share_key
from broker.errors import ErrorCode, KafkaError
from broker.metadata import group_configs
from broker.partition.partition import Partition


@dataclass(frozen=True, slots=True)
class Stock:
    """What was read of one partition for a member."""

    key: ShareKey
    partition: Partition
    offset: int
    found: Found
    is_first: bool
    """The group never read this partition before, or not since the broker started."""


@dataclass(slots=True)
class Round:
    """What was found by looking at partitions one after another."""

    looked: list[Where] = field(default_factory=list)
    stocks: list[Stock] = field(default_factory=list)
    refused: dict[Where, Given] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return sum(len(stock.found.data) for stock in self.stocks)


class ShareGiving:
    """ShareFetch: acquires records for a member and reads them."""

    def __init__(
        self, store: ShareStore, settings: ShareSettings, changes: ShareChanges, clock: Clock
    ) -> None:
        self._store = store
        self._settings = settings
        self._changes = changes
        self._clock = clock

    async def stock(self, wish: ShareFetchWish, wanted: list[Where]) -> Round:
        """Read what could be given of each partition.

        `max_bytes` is shared out evenly, as Kafka does, and each partition has one batch at least.
        A partition that is read for the first time ends the round: Kafka answers as soon as the
        first of them is loaded, and clients were built beside that.
        """
        round_ = Round()
        bytes_max = max(1, wish.max_bytes // max(1, len(wanted)))
        for where in wanted[: wish.max_bytes]:
            round_.looked.append(where)
            try:
                wish.check(where)
                one = await self._read(self._store.partition(where), wish.who[0], bytes_max)
            except KafkaError as refusal:
                round_.refused[where] = Given(where, error=refusal)
                continue
            if one is not None:
                round_.stocks.append(one)
                if one.is_first:
                    break
        return round_

    async def _read(self, partition: Partition, group_id: str, bytes_max: int) -> Stock | None:
        partition.check_usable()
        key = share_key(group_id, partition)
        one = await self._begin(key, partition)
        is_first, one.was_read = not one.was_read, True
        if one.start < partition.log_start_offset:  # retention took what nobody had answered for
            await self._changes.tidy(group_id, partition)
        offset = max(one.next_offset(), partition.log_start_offset)
        if offset >= partition.high_watermark:
            return None
        found = await read(partition, offset, bytes_max, self._settings.read_end(group_id))
        return Stock(key, partition, offset, found, is_first) if found.data else None

    async def give(self, wish: ShareFetchWish, stocks: list[Stock]) -> dict[Where, Given]:
        """Lock records for the member, partition by partition, until it has enough."""
        given: dict[Where, Given] = {}
        left = wish.portion.records_max
        for stock in stocks:
            if left <= 0:
                break
            one = await self._give_from(stock, wish.who[1], replace(wish.portion, records_max=left))
            if one is not None:
                given[one.where] = one
                left -= sum(run.last_offset - run.first_offset + 1 for run in one.acquired)
        return given

    async def _give_from(self, stock: Stock, member_id: str, portion: Portion) -> Given | None:
        group_id = stock.key.group_id
        one = await self._store.find(stock.key)
        if one is None or not one.is_known:
            return None
        limits = self._settings.limits(group_id)
        giving = Giving(one, member_id, portion, self._clock.monotonic_ms(), limits)
        acquired = giving.give(stock.found.readable(), stock.offset)
        await self._changes.schedule(stock.key)
        if begins_done(one):
            await self._changes.tidy(group_id, stock.partition)
        if not acquired:
            return None
        where = (stock.key.topic_id, stock.key.partition)
        return Given(where, records=stock.found.cut(acquired), acquired=acquired)

    # -- beginnings --------------------------------------------------------------------------

    async def _begin(self, key: ShareKey, partition: Partition) -> SharePartition:
        """The share partition; where it begins is decided when it is read for the first time."""
        one = await self._store.find(key)
        if one is None or not one.is_known:
            start = await self._first_offset(key.group_id, partition)
            now_ms = self._clock.now_ms()
            await self._store.change(
                key,
                lambda known: (
                    None if known.is_known else beginning(start, known.state_epoch, now_ms)
                ),
            )
            one = await self._store.find(key)
        if one is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{key} was reset")
        return one

    async def _first_offset(self, group_id: str, partition: Partition) -> int:
        reset = self._settings.offset_reset(group_id)
        if reset == group_configs.EARLIEST:
            return partition.log_start_offset
        duration_ms = group_configs.reset_duration_ms(reset)
        if duration_ms is not None:
            found = await partition.offset_for_timestamp(self._clock.now_ms() - duration_ms)
            if found is None:  # as in Kafka the group begins when there is a record so young
                message = "offset for timestamp not found"
                raise KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE, message)
            return found.offset
        return partition.end_for(self._settings.read_end(group_id))


def beginning(start: int, state_epoch: int, now_ms: int) -> ShareSnapshot:
    """A state in which nothing was given yet."""
    return ShareSnapshot(
        state_epoch=state_epoch,
        start_offset=start,
        create_timestamp=now_ms,
        write_timestamp=now_ms,
    )
