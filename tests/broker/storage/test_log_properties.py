"""A log behaves like a list of records, whatever is done to it in whatever order."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import binary, integers, lists, sampled_from

from broker.errors import KafkaError
from broker.records.batch import iterate
from broker.storage.log import Log, LogConfig
from tests.support.batches import NOW_MS, append, batch, read_records
from tests.support.memory_files import MemoryFiles

CONFIG = LogConfig(segment_bytes=600, index_interval_bytes=100, retention_ms=50)


@dataclass(frozen=True)
class Kept:
    """One record of the model."""

    offset: int
    timestamp_ms: int
    value: bytes
    epoch: int


class LogMachine(RuleBasedStateMachine):
    """The model: a list of records, each at its offset, and where the log starts and ends."""

    def __init__(self) -> None:
        super().__init__()
        self.files = MemoryFiles()
        self.model: list[Kept] = []
        self.start = self.end = 0
        self.flushed = 0
        self.epoch = 0
        self.now_ms = NOW_MS
        self.recovery_point = 0
        self.log = self.open(clean=False)

    def open(self, *, clean: bool) -> Log:
        return Log.open(
            self.files,
            "/logs/events-0",
            ("events", 0),
            CONFIG,
            clean_shutdown=clean,
            recovery_point=self.recovery_point,
            log_start_offset=self.start,
            now_ms=self.now_ms,
        )

    @rule(values=lists(binary(max_size=120), min_size=1, max_size=4), codec=sampled_from([0, 3]))
    def append_a_batch(self, values: list[bytes], codec: int) -> None:
        self.now_ms += 1
        info = append(
            self.log, batch(*values, timestamp_ms=self.now_ms, codec=codec), epoch=self.epoch
        )
        assert info.first_offset == self.end
        for value in values:
            self.model.append(Kept(self.end, self.now_ms, value, self.epoch))
            self.end += 1

    @rule()
    def become_leader_again(self) -> None:
        self.epoch += 1

    @rule()
    def flush(self) -> None:
        self.flushed = self.log.flush()
        assert self.flushed == self.end

    @rule()
    def checkpoint(self) -> None:
        self.recovery_point = self.flushed = self.log.checkpoint()

    @rule()
    def stop_and_start_again(self) -> None:
        self.log.close()
        self.flushed = self.end
        self.log = self.open(clean=True)

    @rule()
    def be_killed_and_start_again(self) -> None:
        self.log = self.open(clean=False)
        self.flushed = self.end

    @rule(lost=integers(0, 500))
    def lose_power_and_start_again(self, lost: int) -> None:
        self.files = self.files.after_crash(unsynced_bytes_lost=lost)
        self.log = self.open(clean=False)
        assert self.flushed <= self.log.end_offset <= self.end
        self.end = self.flushed = self.log.end_offset
        self.model = [kept for kept in self.model if kept.offset < self.end]

    @precondition(lambda self: self.end > self.start)
    @rule(part=integers(0, 100))
    def delete_records(self, part: int) -> None:
        self.start += (self.end - self.start) * part // 100
        assert self.log.delete_records_before(self.start) == self.start
        self.log.flush()
        self.flushed = self.end

    @rule(age_ms=integers(0, 60))
    def apply_retention(self, age_ms: int) -> None:
        self.now_ms += age_ms
        self.log.delete_old_segments(self.now_ms, self.end)
        self.log.remove_retired(self.now_ms)
        self.log.flush()
        self.flushed = self.end
        assert self.log.start_offset >= self.start
        gone = [kept for kept in self.model if self.start <= kept.offset < self.log.start_offset]
        assert all(kept.timestamp_ms < self.now_ms - CONFIG.retention_ms for kept in gone)
        self.start = self.log.start_offset

    @invariant()
    def every_record_can_be_read(self) -> None:
        assert (self.log.start_offset, self.log.end_offset) == (self.start, self.end)
        expected = [
            (k.offset, k.timestamp_ms, k.value) for k in self.model if k.offset >= self.start
        ]
        for max_bytes in (1, 1 << 20):
            found = read_records(self.log, max_bytes=max_bytes)
            assert [(r.offset, r.timestamp_ms, r.value) for r in found] == expected

    @invariant()
    def reads_begin_with_the_batch_that_has_the_offset(self) -> None:
        for offset in range(self.start, self.end, 3):
            part = self.log.read(offset, 150, end_offset=self.end, minimum_one=True)
            headers = [header for _, header in iterate(part.read())]
            assert headers[0].base_offset <= offset <= headers[0].last_offset
            assert headers[-1].next_offset == part.end_offset()

    @invariant()
    def nothing_is_read_outside(self) -> None:
        assert len(self.log.read(self.end, 100, end_offset=self.end, minimum_one=True)) == 0
        for offset in (self.start - 1, self.end + 1):
            try:
                self.log.read(offset, 100, end_offset=self.end)
            except KafkaError:
                continue
            raise AssertionError(f"offset {offset} was read")

    @invariant()
    def times_and_epochs_are_found(self) -> None:
        kept = [k for k in self.model if k.offset >= self.start]
        for record in kept[::4]:
            first = next(k for k in kept if k.timestamp_ms >= record.timestamp_ms)
            found = self.log.offset_for_timestamp(record.timestamp_ms)
            assert found == (first.timestamp_ms, first.offset, first.epoch)
        latest = max(kept, key=lambda k: (k.timestamp_ms, -k.offset), default=None)
        found = self.log.max_timestamp_offset()
        assert found == (latest and (latest.timestamp_ms, latest.offset, latest.epoch))


LogMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLogIsAList = LogMachine.TestCase
