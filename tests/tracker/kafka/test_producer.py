"""The producer on a real broker: who waits, for whom, and what is told when nobody answers."""

import asyncio
import threading
from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from broker.errors import ErrorCode
from tests.support.gated_files import GatedFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import broker_process, running_broker
from tests.support.running_ingest import records_of
from tests.support.topic_calls import batch_of, write
from tracker.config import KafkaConfig
from tracker.kafka.producer import COMPANY, NewRecord, NotStored, Producer
from tracker.kafka.reports import THREAD
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic

NOBODY = KafkaConfig(bootstrap_servers="127.0.0.1:1")
NEVER_MS = 3_600_000


async def test_records_that_come_alone_go_at_once(kafka: KafkaConfig, topic: Topic) -> None:
    producer = Producer(kafka, client_id="test", linger_ms=NEVER_MS)

    await producer.send(topic, [NewRecord(b"alone")])
    await producer.send(topic, [NewRecord(b"alone as well")])

    assert producer.in_flight == 0
    await producer.close()


async def test_where_several_went_together_the_next_waits_for_company(
    kafka: KafkaConfig, topic: Topic
) -> None:
    producer = Producer(kafka, client_id="test", linger_ms=NEVER_MS)

    await asyncio.gather(*(producer.submit(topic, [NewRecord(b"x")]) for _ in range(COMPANY)))
    waits = producer.submit(topic, [NewRecord(b"too soon")])
    await producer.close(timeout_s=0)

    with pytest.raises(NotStored, match="before it was sent"):
        await waits
    assert producer.in_flight == 0


async def test_what_comes_in_one_turn_of_the_loop_goes_together(
    kafka: KafkaConfig, topic: Topic
) -> None:
    producer = Producer(kafka, client_id="test", linger_ms=NEVER_MS)

    await asyncio.gather(*(producer.submit(topic, [NewRecord(b"x")]) for _ in range(20)))

    assert producer.in_flight == 0
    await producer.close()


async def test_a_producer_that_is_closed_before_its_turn_sends_nothing(
    kafka: KafkaConfig, topic: Topic
) -> None:
    producer = Producer(kafka, client_id="test")
    waits = producer.submit(topic, [NewRecord(b"x")])

    await producer.close(timeout_s=0)
    await asyncio.sleep(0)  # the turn that would have handed it over

    with pytest.raises(NotStored):
        await waits
    assert producer.in_flight == 0


async def test_a_client_that_waits_for_answers_is_given_nothing_to_spin_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With six records under way librdkafka's thread would take a processor for itself."""
    monkeypatch.setattr("tracker.kafka.producer.HOLD_S", NEVER_MS / 1000)
    producer = Producer(NOBODY, client_id="test", linger_ms=0)

    waiting = [producer.submit(Topic("t", 1), [NewRecord(b"x")] * 6)]
    await asyncio.sleep(0)
    waiting += [producer.submit(Topic("t", 1), [NewRecord(b"y")]) for _ in range(3)]
    await asyncio.sleep(0)  # the turn in which they would go
    meanwhile = producer.handed_over, producer.in_flight
    await producer.close(timeout_s=0)

    assert meanwhile == (6, 9)
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_has_no_answer_for_long_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker.kafka.producer.HOLD_S", 0.0)
    producer = Producer(NOBODY, client_id="test", linger_ms=0)

    waiting = [producer.submit(Topic("t", 1), [NewRecord(b"x")])]
    await asyncio.sleep(0)
    waiting.append(producer.submit(Topic("t", 1), [NewRecord(b"y")]))
    await asyncio.sleep(0)
    meanwhile = producer.handed_over, producer.in_flight
    await producer.close(timeout_s=0)

    assert meanwhile == (2, 2)
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_more_than_the_bound_is_refused_at_once() -> None:
    producer = Producer(NOBODY, client_id="test", max_in_flight=3, acknowledge_timeout_ms=200)
    waiting = producer.submit(Topic("t", 1), [NewRecord(b"x")] * 3)

    with pytest.raises(NotStored, match="bound"):
        producer.submit(Topic("t", 1), [NewRecord(b"x")])

    with pytest.raises(NotStored):
        await waiting
    assert producer.in_flight == 0
    await producer.close()


async def test_a_broker_that_is_away_is_not_stored_within_the_timeout() -> None:
    producer = Producer(NOBODY, client_id="test", acknowledge_timeout_ms=300)

    async with asyncio.timeout(50):
        with pytest.raises(NotStored):
            await producer.send(Topic("t", 1), [NewRecord(b"x")])

    await producer.close()


async def test_closing_fails_what_is_still_in_flight() -> None:
    producer = Producer(NOBODY, client_id="test", acknowledge_timeout_ms=60_000)
    waiting = producer.submit(Topic("t", 1), [NewRecord(b"x")])

    await producer.close(timeout_s=0.05)

    with pytest.raises(NotStored):
        await waiting


@pytest.mark.system
async def test_what_is_not_on_the_disk_is_not_acknowledged(tmp_path: Path) -> None:
    """Others, with acks=1, are answered meanwhile."""
    topic, files = Topic("unsafe", 1), GatedFiles()
    async with running_broker(tmp_path, files=files) as broker:
        config = KafkaConfig(bootstrap_servers=f"{broker.host}:{broker.port}")
        await asyncio.to_thread(ensure_topics, config, [topic])
        producer = Producer(config, client_id="test")
        await producer.send(topic, [NewRecord(b"before")])
        with files.closed(str(tmp_path)):
            waiting = producer.submit(topic, [NewRecord(b"record")])
            log = broker.services.partitions.get(topic.name, 0).log
            while log.end_offset < 2:
                await asyncio.sleep(0.001)
            async with await RawClient.connect(broker.host, broker.port) as other:
                answer = await write(other, topic.name, batch_of(b"other"), acks=1)
            acknowledged = waiting.done()
        await waiting
        await producer.close()

    assert (answer.error_code, acknowledged) == (ErrorCode.NONE, False)


async def test_a_producer_outlives_a_broker_that_was_killed(tmp_path: Path) -> None:
    topic = Topic("survivor", 1)
    with broker_process(tmp_path / "data") as broker:
        config = KafkaConfig(bootstrap_servers=broker.bootstrap)
        await asyncio.to_thread(ensure_topics, config, [topic])
        producer = Producer(config, client_id="test", acknowledge_timeout_ms=50_000)
        await producer.send(topic, [NewRecord(b"before")])
        await asyncio.to_thread(broker.kill)
        waiting = producer.submit(topic, [NewRecord(b"during")])
        await asyncio.to_thread(broker.start)

        await waiting
        await producer.send(topic, [NewRecord(b"after")])
        await producer.close()

        records = await asyncio.to_thread(records_of, broker.bootstrap, topic)
    assert [record.value for record in records] == [b"before", b"during", b"after"]


async def test_after_a_fatal_error_a_new_client_sends(kafka: KafkaConfig, topic: Topic) -> None:
    others = {*threading.enumerate()}
    producer = Producer(kafka, client_id="test", linger_ms=0)
    await producer.send(topic, [NewRecord(b"before")])
    producer.note(KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "lost", fatal=True))

    await producer.send(topic, [NewRecord(b"after")])
    await producer.close()

    stored = await asyncio.to_thread(records_of, kafka.bootstrap_servers, topic)
    assert {record.value for record in stored} == {b"before", b"after"}  # of two partitions
    assert not [one for one in {*threading.enumerate()} - others if one.name == THREAD]


async def test_what_the_client_refuses_fails_alone() -> None:
    """A record above its bound of one megabyte; one by one where headers are, else together."""
    with_header: list[tuple[str, str | bytes | None]] = [("h", b"x")]
    for headers in (None, with_header):
        producer = Producer(NOBODY, client_id="test", acknowledge_timeout_ms=60_000)
        large = producer.submit(Topic("t", 1), [NewRecord(bytes(2_000_000), None, headers)])
        small = producer.submit(Topic("t", 1), [NewRecord(b"x")])

        with pytest.raises(NotStored, match="too large"):
            await large

        assert (small.done(), producer.in_flight) == (False, 1)
        await producer.close(timeout_s=0)
        with pytest.raises(NotStored):
            await small
