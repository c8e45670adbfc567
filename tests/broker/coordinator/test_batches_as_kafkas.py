"""What batches of internal topics look like: as those that Apache Kafka 4.2 writes."""

from broker.coordinator.group.offset_records import OffsetCommitKey, OffsetCommitValue
from broker.coordinator.group.records import decode_record
from broker.errors import ErrorCode
from broker.metadata.records import OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC
from broker.partition.wishes import ReadEnd
from broker.protocol.messages import offset_commit
from broker.records.batch import iterate
from broker.records.header import NO_SEQUENCE
from broker.records.record import decode_records
from tests.support.group_calls import commit, coordinated
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.share_calls import given_to_a
from tests.support.topic_calls import make_topic
from tests.support.transaction_calls import Transactor


def stored(broker: RunningBroker, topic: str) -> bytes:
    """All batches of an internal topic."""
    count = len(broker.services.cluster.image.topics[topic].partitions)
    logs = (broker.services.partitions.get(topic, index) for index in range(count))
    parts = (
        log.read(0, 1 << 20, ReadEnd.LOG_END, minimum_one=True)
        for log in logs
        if log.log_end_offset > 0
    )
    return b"".join(part.read() for part in parts)


def sequences(broker: RunningBroker, topic: str) -> set[int]:
    return {header.base_sequence for _, header in iterate(stored(broker, topic))}


async def test_batches_of_groups_and_share_groups_have_sequence_0_and_others_none(
    client: RawClient, broker: RunningBroker
) -> None:
    await coordinated(client)
    await given_to_a(client, 1)
    await make_topic(client, "pages")
    await commit(client, 7)
    await Transactor(broker.services, "shop", 2).begin_life()

    found = {
        topic: sequences(broker, topic)
        for topic in (OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC)
    }

    assert found == {
        OFFSETS_TOPIC: {0},
        SHARE_STATE_TOPIC: {0},
        TRANSACTIONS_TOPIC: {NO_SEQUENCE},
    }


async def test_an_offset_has_the_id_of_its_topic_when_the_client_named_it_so(
    client: RawClient, broker: RunningBroker
) -> None:
    await coordinated(client)
    topic_id = (await make_topic(client, "pages")).topic_id
    partition = offset_commit.OffsetCommitRequestPartition(0, 9)
    topic = offset_commit.OffsetCommitRequestTopic(topic_id=topic_id, partitions=[partition])
    request = offset_commit.OffsetCommitRequest("g", topics=[topic])

    await commit(client, 7)
    by_id = await client.ask(request, 10, offset_commit.OffsetCommitResponse)

    assert by_id.topics[0].partitions[0].error_code == ErrorCode.NONE
    data = stored(broker, OFFSETS_TOPIC)
    records = [
        decode_record(record.key, record.value)
        for position, header in iterate(data)
        for record in decode_records(header, memoryview(data)[position:])
    ]
    committed = [
        record.value
        for record in records
        if record is not None and isinstance(record.key, OffsetCommitKey)
    ]
    values = [value for value in committed if isinstance(value, OffsetCommitValue)]
    assert [(value.offset, value.topic_id) for value in values] == [(7, bytes(16)), (9, topic_id)]
