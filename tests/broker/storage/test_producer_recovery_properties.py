"""A restart knows of producers just what was known before it, whatever they did in between."""

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from broker.records.control import ControlType
from broker.storage.log import Log, LogConfig
from broker.storage.producer_snapshot import SUFFIX
from broker.storage.producer_state import ProducerEntry
from broker.storage.transaction_index import AbortedTransaction
from tests.support.batches import NOW_MS, append, append_marker, batch, open_log
from tests.support.memory_files import MemoryFiles

CONFIG = LogConfig(segment_bytes=1500, index_interval_bytes=200)
PRODUCER_IDS = (4, 9)

Known = tuple[dict[int, ProducerEntry], list[AbortedTransaction], int]


def known_of(log: Log) -> Known:
    """Producers, aborted transactions and the last stable offset, all of it at the log's end."""
    end = log.end_offset
    aborted = log.aborted_transactions(0, end)
    return dict(log.producer_state.entries), aborted, log.last_stable_offset(end)


class ProducersMachine(RuleBasedStateMachine):
    """The model: what was known at each offset where the log has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.files = MemoryFiles()
        self.log = open_log(self.files, CONFIG)
        self.recovery_point = 0
        self.known = {0: known_of(self.log)}
        self.written = 0  # gives each batch a time of its own

    # producers ----------------------------------------------------------------------------

    def epoch_of(self, producer_id: int) -> int:
        entry = self.log.producer_state.entries.get(producer_id)
        return 0 if entry is None else entry.producer_epoch

    def is_open(self, producer_id: int) -> bool:
        entry = self.log.producer_state.entries.get(producer_id)
        return entry is not None and entry.transaction_first_offset >= 0

    def write(self, producer_id: int, epoch: int, sequence: int, *, transactional: bool) -> None:
        self.written += 1
        values = [b"value"] * (1 + self.written % 2)
        data = batch(
            *values,
            timestamp_ms=NOW_MS - self.written,
            producer=(producer_id, epoch),
            sequence=sequence,
            transactional=transactional,
        )
        append(self.log, data)
        self.remember()

    def remember(self) -> None:
        self.known[self.log.end_offset] = known_of(self.log)

    @rule(producer_id=sampled_from(PRODUCER_IDS), count=integers(1, 7), transactional=booleans())
    def go_on(self, producer_id: int, count: int, transactional: bool) -> None:
        for _ in range(count):
            entry = self.log.producer_state.entries.get(producer_id)
            self.write(
                producer_id,
                self.epoch_of(producer_id),
                0 if entry is None else entry.last_sequence + 1,
                transactional=transactional or self.is_open(producer_id),
            )

    @rule(producer_id=sampled_from(PRODUCER_IDS), count=integers(1, 3))
    def begin_again_with_the_next_epoch(self, producer_id: int, count: int) -> None:
        epoch = self.epoch_of(producer_id) + 1
        transactional = self.is_open(producer_id)
        first = self.written
        for _ in range(count):
            entry = self.log.producer_state.entries.get(producer_id)
            is_first = self.written == first or entry is None
            sequence = 0 if is_first or entry is None else entry.last_sequence + 1
            self.write(producer_id, epoch, sequence, transactional=transactional)

    @rule(
        producer_id=sampled_from(PRODUCER_IDS),
        end=sampled_from([ControlType.COMMIT, ControlType.ABORT]),
        raised=sampled_from([0, 1]),
    )
    def end_the_transaction(self, producer_id: int, end: ControlType, raised: int) -> None:
        """With transactions of version 2 the marker has the next epoch (KIP-890)."""
        append_marker(self.log, (producer_id, self.epoch_of(producer_id) + raised), end)
        self.remember()

    # the log ------------------------------------------------------------------------------

    @rule()
    def take_a_snapshot(self) -> None:
        self.log.take_snapshot()

    @rule()
    def checkpoint(self) -> None:
        self.recovery_point = self.log.checkpoint()

    @rule(clean=booleans())
    def stop_and_start_again(self, clean: bool) -> None:
        self.log.close()
        self.open(clean=clean)

    @rule()
    def be_killed_and_start_again(self) -> None:
        self.open(clean=False)

    @rule(lost=integers(0, 700))
    def lose_power_and_start_again(self, lost: int) -> None:
        self.files = self.files.after_crash(unsynced_bytes_lost=lost)
        self.open(clean=False)

    @precondition(lambda self: any(path.endswith(SUFFIX) for path in self.files.paths()))
    @rule(number=integers(0, 9))
    def lose_a_snapshot_and_start_again(self, number: int) -> None:
        snapshots = [path for path in self.files.paths() if path.endswith(SUFFIX)]
        self.files.remove(snapshots[number % len(snapshots)])
        self.open(clean=False)

    def open(self, *, clean: bool) -> None:
        self.log = open_log(self.files, CONFIG, clean=clean, recovery_point=self.recovery_point)
        end = self.log.end_offset
        self.known = {offset: known for offset, known in self.known.items() if offset <= end}

    @invariant()
    def what_is_known_is_what_was_known_at_this_end(self) -> None:
        assert known_of(self.log) == self.known[self.log.end_offset]


ProducersMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None
)
TestProducersAreKnownAgain = ProducersMachine.TestCase
