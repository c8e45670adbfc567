"""Power cuts at every step of a log's life: what was flushed survives, nothing is torn."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, none, one_of

from broker.errors import KafkaError
from broker.records.control import ControlType
from broker.storage.log import Log, LogConfig
from broker.storage.producer_recovery import apply_batch
from broker.storage.producer_state import BatchMetadata, ProducerState
from tests.support.batches import NOW_MS, append, append_marker, batch, read_values
from tests.support.memory_files import MemoryFiles, PowerCut

DIRECTORY = "/logs/events-0"
CONFIG = LogConfig(segment_bytes=900, index_interval_bytes=150)
ROUNDS = 24
IDEMPOTENT = (7, 0)
TRANSACTIONAL = (9, 0)


@dataclass
class Script:
    """What a run did before the power went: in the order of the log, and how far it was flushed."""

    values: list[bytes] = field(default_factory=list)
    flushed_values: int = 0
    recovery_point: int = 0
    epoch: int = 0

    def run(self, files: MemoryFiles) -> None:
        log = open_log(files, 0)
        sequence = 0
        for number in range(ROUNDS):
            self.epoch = number // 5
            names = [b"%d-%d" % (number, part) for part in range(1 + number % 3)]
            if number % 5 == 3:
                self.append(log, names, transactional=True, producer=TRANSACTIONAL, sequence=-1)
                append_marker(log, TRANSACTIONAL, ControlType(number % 2))
            else:
                self.append(log, names, producer=IDEMPOTENT, sequence=sequence)
                sequence += len(names)
            if number % 2:
                log.flush()
                self.flushed_values = len(self.values)
            if number % 7 == 6:
                self.recovery_point = log.checkpoint()
                self.flushed_values = len(self.values)
        log.close()
        self.flushed_values = len(self.values)

    def append(
        self, log: Log, names: list[bytes], *, sequence: int, **batch_fields: object
    ) -> None:
        if sequence < 0:
            sequence = (
                log.producer_state.entries[9].last_sequence + 1
                if (9 in log.producer_state.entries)
                else 0
            )
        self.values += names  # before: a cut in the middle of the write may leave the whole batch
        append(log, batch(*names, sequence=sequence, **batch_fields), epoch=self.epoch)  # type: ignore[arg-type]


def open_log(files: MemoryFiles, recovery_point: int) -> Log:
    return Log.open(
        files, DIRECTORY, ("events", 0), CONFIG, recovery_point=recovery_point, now_ms=NOW_MS
    )


def steps_of_the_whole_script() -> int:
    files = MemoryFiles()
    Script().run(files)
    return files.steps


def survivor_of(
    step: int, unsynced_bytes_lost: int | None, *, names_lost: bool
) -> tuple[Script, MemoryFiles]:
    files, script = MemoryFiles(), Script()
    files.crash_after = step
    with pytest.raises(PowerCut):
        script.run(files)
    return script, files.after_crash(unsynced_bytes_lost=unsynced_bytes_lost, names_lost=names_lost)


def check_survivor(script: Script, files: MemoryFiles) -> None:
    log = open_log(files, script.recovery_point)
    values = read_values(log)

    assert values == script.values[: len(values)]  # a prefix: nothing torn, nothing reordered
    assert len(values) >= script.flushed_values  # nothing promised was lost
    assert read_values(log, max_bytes=1) == values  # the indexes lead to every batch
    check_producers(log)
    check_indexes(log)
    check_epochs(log)
    append(log, batch(b"after the crash"))
    assert read_values(log)[-1] == b"after the crash"


def check_producers(log: Log) -> None:
    """The producer state is what the batches say, and a retry of the last one is recognised."""
    said = ProducerState()
    for segment in log.segments:
        for position, header in segment.headers(0):
            apply_batch(said, header, segment.read_batch(position, header), NOW_MS)
    assert log.producer_state.entries == said.entries
    entry = said.entries.get(IDEMPOTENT[0])
    if entry is not None:
        last: BatchMetadata = entry.window[-1]
        retried = append(
            log,
            batch(
                *[b"x"] * (last.offset_delta + 1), producer=IDEMPOTENT, sequence=last.first_sequence
            ),
        )
        assert retried.duplicate
        assert retried.first_offset == last.first_offset
        with pytest.raises(KafkaError):
            append(log, batch(b"gap", producer=IDEMPOTENT, sequence=last.last_sequence + 2))


def check_epochs(log: Log) -> None:
    """The leader epochs are those that the batches name."""
    said: list[tuple[int, int]] = []
    for segment in log.segments:
        for _, header in segment.headers(0):
            epoch = header.partition_leader_epoch
            if not said or epoch > said[-1][0]:
                said.append((epoch, header.base_offset))
    assert list(log.leader_epochs.entries) == said


def check_indexes(log: Log) -> None:
    """Every entry points at a batch that is there; aborted transactions have their entries."""
    said = ProducerState()
    for segment in log.segments:
        starts = {position: header for position, header in segment.headers(0)}
        entries = segment.offset_index.file
        for slot in range(entries.count):
            relative, position = entries.entry(slot)
            assert starts[position].last_offset == segment.base_offset + relative
        aborted = [
            found
            for position, header in starts.items()
            if (found := apply_batch(said, header, segment.read_batch(position, header), NOW_MS))
        ]
        assert list(segment.transaction_index.entries) == aborted
        assert segment.max_timestamp == max(
            (header.max_timestamp for header in starts.values()), default=-1
        )


@pytest.mark.crash
@pytest.mark.parametrize("names_lost", [True, False])
@pytest.mark.parametrize("unsynced_bytes_lost", [None, 0, 1, 40, 100])
def test_after_a_power_cut_at_any_step_the_log_is_a_prefix_holding_all_flushed(
    unsynced_bytes_lost: int | None, names_lost: bool
) -> None:
    for step in range(1, steps_of_the_whole_script()):
        script, files = survivor_of(step, unsynced_bytes_lost, names_lost=names_lost)

        check_survivor(script, files)


@pytest.mark.crash
@given(step=integers(1, 10_000), lost=one_of(none(), integers(0, 2_000)))
@settings(max_examples=100, deadline=None)
def test_two_power_cuts_lose_no_more_than_one(step: int, lost: int | None) -> None:
    script, files = survivor_of(1 + step % (steps_of_the_whole_script() - 1), lost, names_lost=True)
    open_log(files, script.recovery_point)

    check_survivor(script, files.after_crash())


@pytest.mark.crash
def test_a_killed_process_loses_nothing_that_it_wrote() -> None:
    """kill -9 leaves the page cache alone."""
    files, script = MemoryFiles(), Script()
    files.crash_after = steps_of_the_whole_script() - 10
    with pytest.raises(PowerCut):
        script.run(files)
    files.crash_after = None

    log = open_log(files, script.recovery_point)

    assert read_values(log) == script.values
