"""`footfall topic copy` between two running brokers."""

import io
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from rich.console import Console

from footfall.commands.copy import copy
from tests.support.appliance import eventually
from tests.support.copies import slow_copies
from tests.support.kafka_address import kafka_address, new_site
from tracker.config import KafkaConfig
from tracker.kafka.admin import EARLIEST, LATEST, Admin
from tracker.kafka.answers import Record
from tracker.kafka.changes import Changes
from tracker.kafka.client import KafkaFailure
from tracker.kafka.copy import BATCH_RECORDS, Ends, TopicCopy
from tracker.kafka.reader import RecordReader
from tracker.kafka.topics import create_topic, delete_topic
from tracker.topic_copy import Side, plan
from tracker.topics import TopicPartition

BEGAN_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("here")) as bootstrap:
        yield KafkaConfig(bootstrap_servers=bootstrap)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaConfig]:
    with kafka_address(tmp_path_factory.mktemp("there")) as bootstrap:
        yield KafkaConfig(bootstrap_servers=bootstrap)


@pytest.fixture
def name(here: KafkaConfig) -> str:
    made = f"orders-{new_site()}"
    create_topic(here, made, 2, {"retention.ms": "-1", "max.message.bytes": "900000"})
    return made


def write(kafka: KafkaConfig, topic: str, numbers: range, transactional: str = "") -> Producer:
    more = {"transactional.id": transactional} if transactional else {}
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **more})
    if transactional:
        producer.init_transactions(20)
        producer.begin_transaction()
    for number in numbers:
        producer.produce(
            topic,
            key=f"k{number}",
            value=None if number % 5 == 0 else f"v{number}",
            headers=[("h", b"\xff"), ("none", None)],
            partition=number % 2,
            timestamp=BEGAN_MS + number,
        )
    producer.flush(20)
    return producer


def all_of(kafka: KafkaConfig, topic: str) -> list[Record]:
    places = [TopicPartition(topic, index) for index in range(2)]
    ends = Admin(kafka).offsets(places, LATEST, 10.0)
    found: list[Record] = []
    wanted, reader = sum(ends.values()), RecordReader(kafka)
    reader.start(Admin(kafka).offsets(places, EARLIEST, 10.0))
    ended: set[TopicPartition] = set()
    while len(ended) < len(places) and len(found) < wanted:
        reading = reader.read(500, 0.5)
        found += reading.records
        ended |= reading.ended
    reader.close()
    return found


class Copied:
    """Copies of one topic, and what was said."""

    def __init__(self, source: Side, target: Side, data_dir: Path) -> None:
        self._parts = (source, target, data_dir)

    def again(self, anew: bool = False) -> str:
        said = io.StringIO()
        copy(*self._parts, anew, Console(file=said, width=200))
        return said.getvalue()


def copied_and_gone(kafka: KafkaConfig, name: str, data_dir: Path) -> tuple[str, Copied]:
    """Four records that were copied to a topic of this name, which was deleted since."""
    write(kafka, name, range(4))
    target = f"{name}-copy"
    copied = Copied(Side("here", kafka, name), Side("here", kafka, target), data_dir)
    copied.again()
    delete_topic(kafka, target)
    return target, copied


def test_records_come_as_they_are_and_later_ones_with_the_next_run(
    here: KafkaConfig, there: KafkaConfig, name: str, tmp_path: Path
) -> None:
    write(here, name, range(30))
    write(here, name, range(900, 905), "gone").abort_transaction(20)
    copied = Copied(Side("here", here, name), Side("there", there, "copy"), tmp_path)

    first = copied.again()
    nothing = copied.again()
    held = write(here, name, range(30, 33), "held")
    waiting = copied.again()
    held.commit_transaction(20)
    rest = copied.again()

    told = [
        (one.partition, one.key, one.value, one.timestamp_ms, one.headers)
        for one in sorted(all_of(there, "copy"), key=lambda one: one.timestamp_ms)
    ]
    assert told == [
        (
            number % 2,
            f"k{number}".encode(),
            None if number % 5 == 0 else f"v{number}".encode(),
            BEGAN_MS + number,
            (("h", b"\xff"), ("none", None)),
        )
        for number in range(33)
    ]
    assert f"copied 30 records of {name} (here) to copy (there)" in first
    assert "copied 0 records" in nothing and "copied 0 records" in waiting
    assert "wait for open transactions; run the copy again later" in waiting
    assert "copied 3 records" in rest
    made = Admin(there).topic_configs(["copy"], 10.0)["copy"]
    assert (made["retention.ms"].value, made["max.message.bytes"].value) == ("-1", "900000")


def test_a_copy_that_is_gone_or_empty_is_made_whole_again(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    target, copied = copied_and_gone(here, name, tmp_path)

    anew = copied.again()
    twice = copied.again(anew=True)

    assert "copied 4 records" in anew and "copied 4 records" in twice
    assert len(all_of(here, target)) == 8


def done(data_dir: Path) -> int:
    """Offsets that the notes say are copied."""
    return sum(
        sum(json.loads(kept.read_text())["offsets"].values())
        for kept in (data_dir / "copies").glob("*.json")
    )


def interrupted(command: list[str], cwd: Path, number: signal.Signals) -> tuple[int, str]:
    """The command's end and words; the signal comes while it is behind its first batch."""
    before = done(cwd)
    hears = ["env", "--default-signal=INT"]  # also where the tests run in the background of a shell
    with subprocess.Popen(
        [*hears, *command], cwd=cwd, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            eventually(lambda: done(cwd) > before, 40, lambda: f"ended: {running.poll()}")
        finally:
            running.send_signal(number)
        said, _ = running.communicate(timeout=40)
    return running.returncode, said


@pytest.mark.timeout(180)  # two seconds, and beside a machine that is full half a minute
def test_a_copy_that_is_interrupted_loses_nothing_and_doubles_one_batch_at_most(
    here: KafkaConfig, there: KafkaConfig, name: str, tmp_path: Path
) -> None:
    number = 15 * BATCH_RECORDS  # far from their end, also where a machine is slow
    write(here, name, range(number))
    (tmp_path / "footfall.toml").write_text(
        f'[kafka]\nbootstrap_servers = "{here.bootstrap_servers}"\n'
        f'[clusters.there]\nbootstrap_servers = "{there.bootstrap_servers}"\n'
    )
    command = [sys.executable, "-m", "footfall", "topic", "copy", name, "--into", "there"]
    command += ["--data-dir", str(tmp_path)]

    with slow_copies(there):
        pressed = interrupted(command, tmp_path, signal.SIGINT)
        killed = interrupted(command, tmp_path, signal.SIGKILL)
        on_the_way = done(tmp_path)
    Copied(Side("local", here, name), Side("there", there, name), tmp_path).again()

    times = Counter(record.key for record in all_of(there, name))
    assert pressed == (1, "stopped; run the same command again to continue\n")
    assert killed[0] == -signal.SIGKILL
    assert on_the_way < number
    assert set(times) == {f"k{one}".encode() for one in range(number)}
    assert sum(times.values()) - number <= 2 * BATCH_RECORDS


def test_a_source_that_was_made_anew_is_not_taken_for_the_one_before(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    write(here, name, range(4))
    copied = Copied(Side("here", here, name), Side("here", here, f"{name}-copy"), tmp_path)
    copied.again()
    delete_topic(here, name)
    create_topic(here, name, 2, {})
    write(here, name, range(10))

    with pytest.raises(KafkaFailure, match="made anew since the last copy"):
        copied.again()
    assert "copied 10 records" in copied.again(anew=True)


def test_a_target_that_was_made_anew_has_all_records_with_what_it_holds_since(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    target, copied = copied_and_gone(here, name, tmp_path)
    create_topic(here, target, 2, {})
    write(here, target, range(10, 11))

    assert "copied 4 records" in copied.again()
    assert "copied 0 records" in copied.again()


def test_what_brokers_are_set_to_is_not_set_at_the_copy(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    broker, changes = str(Admin(here).metadata(10.0).brokers[0].id), Changes(here)
    changes.set_broker_configs(broker, {"log.segment.bytes": "2000000"}, False)
    try:
        Copied(Side("here", here, name), Side("here", here, f"{name}-copy"), tmp_path).again()
        seen = Admin(here).topic_configs([f"{name}-copy"], 10.0)[f"{name}-copy"]
    finally:
        changes.set_broker_configs(broker, {"log.segment.bytes": None}, False)

    assert seen["segment.bytes"].value == "2000000"
    assert seen["segment.bytes"].of_brokers and seen["retention.ms"].of_topic


def test_a_name_of_another_cluster_is_no_name_of_the_one_before(
    here: KafkaConfig, there: KafkaConfig, name: str, tmp_path: Path
) -> None:
    write(here, name, range(4))
    create_topic(there, name, 2, {})
    write(there, name, range(2))
    source = Side("here", here, name)
    Copied(source, Side("far", here, f"{name}-far"), tmp_path).again()

    moved = Copied(source, Side("far", there, name), tmp_path).again()
    with pytest.raises(KafkaFailure, match="onto itself"):
        Copied(source, Side("alias", here, name), tmp_path).again()

    assert "copied 4 records" in moved


def test_notes_that_cannot_be_written_are_told_before_anything_is_made_or_copied(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    write(here, name, range(4))
    (tmp_path / "copies").write_text("a file")
    target = f"{name}-copy"

    with pytest.raises(KafkaFailure, match=r"copies/.*json cannot be written"):
        Copied(Side("here", here, name), Side("here", here, target), tmp_path).again()

    assert target not in Admin(here).metadata(10.0).topics


def test_what_cannot_be_copied_is_refused(here: KafkaConfig, name: str, tmp_path: Path) -> None:
    narrow = f"{name}-narrow"
    create_topic(here, narrow, 1, {})
    source = Side("here", here, name)
    write(here, narrow, range(0, 4, 2))
    back = Copied(Side("here", here, narrow), source, tmp_path)
    back.again()
    (kept,) = (tmp_path / "copies").glob("*.json")
    kept.write_text(json.dumps({"ids": ["", ""], "offsets": {"0": 99}}))

    with pytest.raises(KafkaFailure, match="made anew"):
        back.again()
    kept.write_text("{")
    with pytest.raises(KafkaFailure, match="cannot be read: all of it can be copied"):
        back.again()
    with pytest.raises(KafkaFailure, match="onto itself"):
        Copied(source, source, tmp_path).again()
    with pytest.raises(KafkaFailure, match="1 partitions in cluster here, 2 are needed"):
        Copied(source, Side("here", here, narrow), tmp_path).again()
    with pytest.raises(KafkaFailure, match="does not exist in cluster here"):
        Copied(Side("here", here, "nowhere"), source, tmp_path).again()


def test_two_copies_of_the_same_do_not_run_at_once(
    here: KafkaConfig, name: str, tmp_path: Path
) -> None:
    write(here, name, range(4))
    sides = Side("here", here, name), Side("here", here, f"{name}-copy")
    planned = plan(*sides, tmp_path / "copies", False)

    with planned.notes.held(), pytest.raises(KafkaFailure, match="is being copied there already"):
        Copied(*sides, tmp_path).again()

    assert "copied 4 records" in Copied(*sides, tmp_path).again()


def test_records_that_go_away_meanwhile_end_the_copy_and_are_not_passed_over(
    here: KafkaConfig, name: str
) -> None:
    write(here, name, range(4))
    place = TopicPartition(name, 0)
    beyond = {place: 50}  # as after the log was cut

    with pytest.raises(KafkaFailure, match=f"{name}: .*out of range"):
        TopicCopy(Ends(here, name), Ends(here, name)).run(beyond, {place: 60}, lambda *_: None)


def test_a_cluster_that_is_not_in_the_settings_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text('[clusters.far]\nbootstrap_servers = "far:9092"\n')

    told = subprocess.run(
        [sys.executable, "-m", "footfall", "topic", "copy", "orders", "--into", "near"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=50,
        check=False,
    )

    assert told.returncode == 78
    assert "there is no cluster 'near' in the settings; known: local, far" in told.stderr
