"""Apache Kafka's own DumpLogSegments reads our files. KAFKA_LIBS names the folder of its jars."""

import re
import subprocess
from pathlib import Path

from broker.records.compression import Codec
from broker.records.control import ControlType
from broker.storage import compaction
from broker.storage.compaction import Bounds
from broker.storage.files import OsFiles
from broker.storage.log import Log, LogConfig
from tests.support.batches import NOW_MS, append, append_marker, batch, keyed_batch
from tests.support.tools import java_kafka

JAVA_SECONDS = 50


def dump(directory: Path, *, suffixes: tuple[str, ...]) -> str:
    names = sorted(str(path) for path in directory.iterdir() if path.suffix in suffixes)
    command = [*java_kafka(), "kafka.tools.DumpLogSegments"]
    done = subprocess.run(
        [*command, "--deep-iteration", "--files", ",".join(names)],
        capture_output=True,
        text=True,
        timeout=JAVA_SECONDS,
        check=True,
    )
    return done.stdout + done.stderr


def test_kafka_dumps_a_log_with_everything_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "events-0"
    config = LogConfig(segment_bytes=4000, index_interval_bytes=300)
    log = Log.open(OsFiles(), str(directory), ("events", 0), config, now_ms=NOW_MS)
    for _ in range(60):
        append(log, batch(b"a segment of records without a time", timestamp_ms=-1))
    for number in range(40):
        values = (b"value %d" % number,) * (1 + number % 3)
        append(log, batch(*values, timestamp_ms=NOW_MS + number, codec=Codec(number % 5)))
    for number, control_type in enumerate([ControlType.ABORT, ControlType.COMMIT] * 3):
        append(log, batch(b"t", producer=(9, 0), sequence=number, transactional=True))
        append_marker(log, (9, 0), control_type)
    log.take_snapshot()
    log.close()

    dumped = dump(directory, suffixes=(".log", ".index", ".timeindex", ".txnindex", ".snapshot"))

    assert "Exception" not in dumped
    assert "mismatches" not in dumped
    assert "out of order" not in dumped
    assert "isvalid: false" not in dumped
    found = {int(offset) for offset in re.findall(r"\| offset: (\d+)", dumped)}
    assert found == set(range(log.end_offset))
    assert dumped.count("endTxnMarker: ABORT") == dumped.count("endTxnMarker: COMMIT") == 3
    assert len(re.findall(r"version: 0 producerId: 9 firstOffset: ", dumped)) == 3
    assert (
        "producerId: 9 producerEpoch: 0 coordinatorEpoch: 0"
        " currentTxnFirstOffset: OptionalLong.empty" in dumped
    )
    assert f"firstSequence: 5 lastSequence: 5 lastOffset: {log.end_offset - 2}" in dumped


def test_kafka_dumps_a_compacted_log(tmp_path: Path) -> None:
    directory = tmp_path / "table-0"
    config = LogConfig(segment_bytes=1500, index_interval_bytes=200)
    files = OsFiles()
    log = Log.open(files, str(directory), ("table", 0), config, now_ms=NOW_MS)
    for number in range(60):
        value = None if number % 7 == 0 else b"v%d" % number
        append(log, keyed_batch((b"k%d" % (number % 5), value), (b"x%d" % number, b"y")))
    log.roll(NOW_MS)
    cleaned = compaction.clean(files, log, Bounds(0, log.end_offset, NOW_MS))
    assert cleaned is not None
    assert compaction.install(files, log, cleaned, NOW_MS)
    log.close()
    log.remove_retired(NOW_MS + config.file_delete_delay_ms)

    dumped = dump(directory, suffixes=(".log", ".index", ".timeindex"))

    assert "Exception" not in dumped
    assert "mismatches" not in dumped
    assert "isvalid: false" not in dumped
    assert len(re.findall(r"\| offset: ", dumped)) == 5 + 60
