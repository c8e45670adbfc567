"""Each file that the tracker keeps, damaged: made whole from the log, or refused with a way on.

Left out are bytes that change within a text or a number of a database: SQLite has no checksums.
"""

import asyncio
import shutil
import urllib.request
from pathlib import Path

import pytest

from tests.support.appliance import eventually
from tests.support.damage import DAMAGE, Damage, garbled, old
from tests.support.made_events import made_event
from tests.support.role_process import RoleProcess
from tests.support.sinks import KINDS
from tracker.config import KafkaConfig
from tracker.events import encode
from tracker.importer.progress import Progress, ProgressError, ProgressFile
from tracker.ingest.salts import DAY_MS, SALT_BYTES, Salts
from tracker.kafka.producer import NewRecord, Producer
from tracker.kafka.topics import ensure_topics
from tracker.sinks.exporter import Arrived, Exporter, SinkUnusable
from tracker.topics import EVENTS as EVENTS_TOPIC
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
EVENTS = 240  # so many that tables have inner pages
SECONDS = 40.0
NOON = 20_000 * DAY_MS + DAY_MS // 2


def fed(name: str, path: Path, end: int) -> Exporter:
    """A sink that has read the log up to `end`, from where it stood."""
    sink = KINDS[name].make(path)
    sink.open()
    try:
        at = sink.positions([WHERE])[WHERE]
        while at < end:
            after = min(at + 60, end)
            events = [made_event(offset, pathname=f"/{offset}") for offset in range(at, after)]
            records = [Arrived(WHERE, offset, one) for offset, one in enumerate(events, at)]
            sink.write(records, {WHERE: after})
            at = sink.flush()[WHERE]
    except BaseException:
        sink.close()
        raise
    return sink


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_sink_has_every_event_again_or_is_refused(
    name: str, is_killed: bool, tmp_path: Path
) -> None:
    live, found, older = tmp_path / "live", tmp_path / "found", tmp_path / "older"
    live.mkdir()
    fed(name, live / "sink.db", EVENTS // 3).close()
    shutil.copytree(live, older)
    sink = fed(name, live / "sink.db", EVENTS - 60)
    if not is_killed:
        sink.close()
    shutil.copytree(live, found)
    refused: set[str] = set()

    for file in sorted(found.iterdir()):
        for damage in DAMAGE:
            tried = tmp_path / f"{file.name}-{damage.__name__}"
            shutil.copytree(found, tried)
            damage(tried / file.name, older)
            try:
                fed(name, tried / "sink.db", EVENTS).close()
            except SinkUnusable:
                refused.add(f"{damage.__name__} {file.name}")
            else:
                assert KINDS[name].events_in(tried / "sink.db") == EVENTS, (file.name, damage)
    if is_killed:
        sink.close()

    assert "garbled sink.db" in refused
    assert not [case for case in refused if not case.endswith("sink.db")]
    assert not refused & {"missing sink.db", "empty sink.db", "old sink.db"}


def stored(kafka: KafkaConfig, *events: bytes) -> None:
    async def send() -> None:
        producer = Producer(kafka, client_id="test")
        await producer.send(EVENTS_TOPIC, [NewRecord(event) for event in events])
        await producer.close()

    ensure_topics(kafka, [EVENTS_TOPIC])
    asyncio.run(send())


@pytest.mark.system
def test_a_damaged_sink_is_told_counted_and_used_again_when_it_is_mended(
    kafka: KafkaConfig, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.db"
    fed("sqlite", path, EVENTS).close()
    garbled(path, tmp_path)
    config = tmp_path / "footfall.toml"
    config.write_text(
        f'[kafka]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n[export]\nmetrics_port = 0\n'
    )
    role = RoleProcess("export", config, tmp_path)
    metrics = role.start().split()[-1]

    def text() -> str:
        with urllib.request.urlopen(metrics, timeout=5) as answer:
            return str(answer.read().decode())

    def told(value: str) -> bool:
        return f'footfall_export_sink_damaged{{sink="sqlite"}} {value}\n' in text()

    eventually(lambda: told("1.0"), SECONDS, text)
    path.unlink()
    stored(kafka, encode(made_event()))
    eventually(lambda: told("0.0"), SECONDS, text)
    code = role.stop()

    said = role.log.read_text()
    assert code == 0
    assert KINDS["sqlite"].events_in(path) == 1
    assert said.count(f"{path} is damaged (file is not a database): put a copy of it back") == 1


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
def test_damaged_salts_are_made_anew_and_never_guessable(damage: Damage, tmp_path: Path) -> None:
    older = tmp_path / "older"
    Salts(older).prepare(NOON - DAY_MS)
    Salts(tmp_path).prepare(NOON)
    damage(tmp_path / "salts.json", older)

    salt = Salts(tmp_path).today(NOON)

    assert len(salt) == SALT_BYTES and len(set(salt)) > 8
    assert Salts(tmp_path).today(NOON) == salt


@pytest.mark.parametrize("salt", ["", "00", "00" * SALT_BYTES, "ab" * SALT_BYTES * 2])
def test_a_salt_that_is_none_is_not_used(salt: str, tmp_path: Path) -> None:
    (tmp_path / "salts.json").write_text(f'{{"{NOON // DAY_MS}": "{salt}"}}')

    made = Salts(tmp_path).today(NOON)

    assert len(made) == SALT_BYTES and made.hex() != salt


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
def test_a_damaged_record_of_an_import_is_refused_or_an_earlier_one(
    damage: Damage, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    begun = ProgressFile(older, "print", "cluster").load("access.log", "example.com")
    kept = [
        Progress("access.log", "example.com", at, at // 100, secret=begun.secret)
        for at in (300, 900)
    ]
    for folder, progress in zip((older, tmp_path), kept, strict=True):
        ProgressFile(folder, "print", "cluster").save(progress)
    (file,) = tmp_path.glob("*.json")
    damage(file, older)

    try:
        found = ProgressFile(tmp_path, "print", "cluster").load("access.log", "example.com")
    except ProgressError as refusal:
        assert str(file) in str(refusal) and "delete it" in str(refusal)
    else:
        assert found.position == (300 if damage is old else 0)
        assert (found.secret == begun.secret) == (damage is old)


@pytest.mark.parametrize("wrong", ['"secret": "0"', '"position": -1', '"lines": -5'])
def test_a_record_of_an_import_that_says_nonsense_is_refused(wrong: str, tmp_path: Path) -> None:
    ProgressFile(tmp_path, "print", "cluster").save(Progress("access.log", "example.com"))
    (file,) = tmp_path.glob("*.json")
    file.write_text(f'{{"file": "access.log", "site": "example.com", {wrong}}}')

    with pytest.raises(ProgressError, match="delete it"):
        ProgressFile(tmp_path, "print", "cluster").load("access.log", "example.com")
