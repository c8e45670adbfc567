import pytest

from broker.errors import ErrorCode
from broker.protocol.messages import produce
from broker.protocol.messages.produce import ProduceRequest
from broker.records.batch import build_batch
from broker.records.record import Record
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import batch_of, make_topic, read, write
from tests.support.transactional import start_producer


@pytest.mark.parametrize("acks", [1, -1])
async def test_offsets_count_records_without_a_gap(client: RawClient, acks: int) -> None:
    await make_topic(client, "pages")

    first = await write(client, "pages", batch_of(b"a", b"b"), acks=acks)
    second = await write(client, "pages", batch_of(b"c"), acks=acks)

    assert (first.error_code, first.base_offset) == (ErrorCode.NONE, 0)
    assert (second.error_code, second.base_offset) == (ErrorCode.NONE, 2)
    assert first.log_append_time_ms == -1


async def test_an_unknown_topic_is_refused_and_not_created(client: RawClient) -> None:
    answer = await write(client, "nowhere", batch_of(b"a"))
    again = await write(client, "nowhere", batch_of(b"a"))

    assert answer.error_code == again.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert answer.base_offset == -1


async def test_a_broken_batch_is_refused_and_the_others_go_on(client: RawClient) -> None:
    await make_topic(client, "pages", partitions=2)
    broken = bytearray(batch_of(b"a"))
    broken[-1] ^= 0xFF
    request = produce.ProduceRequest(
        acks=-1,
        timeout_ms=5000,
        topic_data=[
            produce.TopicProduceData(
                name="pages",
                partition_data=[
                    produce.PartitionProduceData(0, memoryview(bytes(broken))),
                    produce.PartitionProduceData(1, memoryview(batch_of(b"b"))),
                ],
            )
        ],
    )

    response = await client.ask(request, 9, produce.ProduceResponse)

    answers = response.responses[0].partition_responses
    assert [answer.error_code for answer in answers] == [ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE]


async def test_topics_have_series_from_their_first_record_on(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "quiet")
    await make_topic(client, "pages", partitions=2)

    await write(client, "pages", batch_of(b"a", b"b"), partition=0)
    await write(client, "pages", batch_of(b"c"), partition=1)

    messages_in = next(broker.services.metrics.logs.collect())
    told = {sample.labels["topic"]: sample.value for sample in messages_in.samples}
    assert "quiet" not in told
    assert told["pages"] == 3


async def test_a_refused_batch_names_the_records_at_fault(client: RawClient) -> None:
    await make_topic(client, "latest", cleanup_policy="compact")

    answer = await write(client, "latest", batch_of(b"a", b"b"))

    assert answer.error_code == ErrorCode.INVALID_RECORD
    assert [error.batch_index for error in answer.record_errors] == [0, 1]
    assert answer.error_message is not None and "2 record errors" in answer.error_message


@pytest.mark.parametrize("acks", [2, -2])
async def test_acks_other_than_0_1_all_are_refused(client: RawClient, acks: int) -> None:
    await make_topic(client, "pages")

    answer = await write(client, "pages", batch_of(b"a"), acks=acks)

    assert answer.error_code == ErrorCode.INVALID_REQUIRED_ACKS


async def test_acks_0_has_no_answer_and_the_next_request_has(client: RawClient) -> None:
    await make_topic(client, "pages")
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"silent")))
    topic = produce.TopicProduceData(name="pages", partition_data=[data])
    client.send(produce.ProduceRequest(acks=0, timeout_ms=1000, topic_data=[topic]), 9)

    answer = await write(client, "pages", batch_of(b"loud"))

    assert answer.base_offset == 1
    assert await read(client, "pages") == [b"silent", b"loud"]


async def test_a_topic_is_written_to_by_its_id_from_v13_on(client: RawClient) -> None:
    topic_id = (await make_topic(client, "pages")).topic_id
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"a")))
    topics = [
        produce.TopicProduceData(topic_id=topic_id, partition_data=[data]),
        produce.TopicProduceData(topic_id=b"?" * 16, partition_data=[data]),
    ]
    request = produce.ProduceRequest(acks=-1, timeout_ms=1000, topic_data=topics)

    response = await client.ask(request, 13, produce.ProduceResponse)

    codes = [topic.partition_responses[0].error_code for topic in response.responses]
    assert codes == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_ID]


async def test_what_was_written_is_counted_by_topic(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a", b"b"))
    await write(client, "pages", b"nonsense")

    counted = broker.services.metrics.logs.topic("pages")

    assert (counted.messages_in, counted.bytes_in) == (2, len(batch_of(b"a", b"b")))
    assert (counted.produce_requests, counted.failed_produce_requests) == (2, 1)
    assert counted.bytes_rejected == len(b"nonsense")


async def test_the_answers_of_a_request_to_many_partitions_stand_in_their_places(
    client: RawClient,
) -> None:
    await make_topic(client, "pages", partitions=3)
    await make_topic(client, "clicks")
    wanted = {"clicks": (0, 7), "pages": (2, 5, 0, 1), "nowhere": (0,)}
    request = produce.ProduceRequest(
        acks=-1,
        timeout_ms=5000,
        topic_data=[
            produce.TopicProduceData(
                name=topic,
                partition_data=[
                    produce.PartitionProduceData(
                        index, memoryview(batch_of(*[b"%d" % index] * (index + 1)))
                    )
                    for index in indexes
                ],
            )
            for topic, indexes in wanted.items()
        ],
    )

    answers = [await client.ask(request, 9, produce.ProduceResponse) for _ in range(2)]

    for number, response in enumerate(answers):
        assert [one.name for one in response.responses] == list(wanted)
        for topic in response.responses:
            for one, index in zip(topic.partition_responses, wanted[topic.name], strict=True):
                known = index < {"clicks": 1, "pages": 3}.get(topic.name, 0)
                code = ErrorCode.NONE if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                offset = number * (index + 1) if known else -1
                assert (one.index, one.error_code, one.base_offset) == (index, code, offset)


async def test_an_own_disk_is_waited_for_whatever_time_is_given(client: RawClient) -> None:
    await make_topic(client, "pages")
    data = produce.PartitionProduceData(0, memoryview(batch_of(b"a")))
    topic = produce.TopicProduceData(name="pages", partition_data=[data])
    request = produce.ProduceRequest(acks=-1, timeout_ms=0, topic_data=[topic])

    response = await client.ask(request, 9, produce.ProduceResponse)

    assert response.responses[0].partition_responses[0].error_code == ErrorCode.NONE


async def test_records_refused_by_the_log_are_told_where_it_starts(client: RawClient) -> None:
    await make_topic(client, "pages", message_timestamp_after_max_ms="1")
    await make_topic(client, "small", max_message_bytes="20")

    late = await write(client, "pages", batch_of(b"a", timestamp_ms=1 << 50))
    large = await write(client, "small", batch_of(b"a"))

    assert (late.error_code, late.log_start_offset) == (ErrorCode.INVALID_TIMESTAMP, 0)
    assert (large.error_code, large.log_start_offset) == (ErrorCode.MESSAGE_TOO_LARGE, -1)


@pytest.mark.parametrize("topic", ["__consumer_offsets", "__transaction_state"])
async def test_only_coordinators_write_to_their_topics(client: RawClient, topic: str) -> None:
    """Apache Kafka's ProducerFailureHandlingTest; its admin client may, to repair them."""
    await make_topic(client, topic)

    answers = [await write(client, topic, batch_of(b"a")) for _ in range(3)]

    assert {answer.error_code for answer in answers} == {ErrorCode.INVALID_TOPIC_EXCEPTION}
    assert answers[0].base_offset == answers[0].log_start_offset == -1


def to_pages(acks: int, *batches: bytes, transactional_id: str | None = None) -> ProduceRequest:
    """A request with a batch for each partition of the topic, from the first one on."""
    data = [
        produce.PartitionProduceData(index, memoryview(records))
        for index, records in enumerate(batches)
    ]
    topic = produce.TopicProduceData(name="pages", partition_data=data)
    return produce.ProduceRequest(transactional_id, acks, 5000, [topic])


async def refusals(
    client: RawClient, request: ProduceRequest, version: int = 9
) -> list[tuple[int, str | None]]:
    """Codes and words for the partitions of the only topic."""
    response = await client.ask(request, version, produce.ProduceResponse)
    answers = response.responses[0].partition_responses
    return [(answer.error_code, answer.error_message) for answer in answers]


async def test_acks_that_do_not_exist_are_refused_where_nothing_else_is_wrong(
    client: RawClient,
) -> None:
    await make_topic(client, "pages", partitions=2)
    batch = batch_of(b"a")

    assert await refusals(client, to_pages(2, batch, batch + batch, batch)) == [
        (ErrorCode.INVALID_REQUIRED_ACKS, None),
        (ErrorCode.INVALID_RECORD, None),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
    ]


async def test_one_batch_of_a_transaction_without_its_id_costs_the_whole_request(
    client: RawClient,
) -> None:
    await make_topic(client, "pages", partitions=2)
    transactional = bytes(
        build_batch(
            [Record(0, 1, None, b"a")],
            producer_id=7,
            producer_epoch=0,
            base_sequence=0,
            transactional=True,
        )
    )

    refused = await refusals(client, to_pages(-1, batch_of(b"b"), transactional, batch_of(b"c")))

    assert refused == [(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, None)] * 3
    assert await read(client, "pages") == []


@pytest.mark.parametrize("other", [(8, 0), (7, 1)])
async def test_batches_of_two_transactions_cost_the_whole_request(
    client: RawClient, other: tuple[int, int]
) -> None:
    """As in Kafka 4.2, which finds two producers, or two lives of one."""
    await make_topic(client, "pages", partitions=3)
    batches = [
        build_batch(
            [Record(0, 1, None, b"a")],
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=0,
            transactional=True,
        )
        for producer_id, epoch in ((7, 0), other)
    ]

    refused = await refusals(
        client, to_pages(-1, *batches, batch_of(b"c"), transactional_id="shop")
    )

    words = "Transactional records contained more than one producer ID"
    assert refused == [(ErrorCode.INVALID_PRODUCER_ID_MAPPING, words)] * 3


@pytest.mark.parametrize(
    ("version", "code", "words"),
    [
        (9, ErrorCode.INVALID_TXN_STATE, "Partition was not added to the transaction"),
        (11, ErrorCode.TRANSACTION_ABORTABLE, None),
    ],
)
async def test_a_partition_that_is_not_in_the_transaction_is_told_in_kafkas_words(
    client: RawClient, version: int, code: ErrorCode, words: str | None
) -> None:
    await make_topic(client, "pages")
    producer = await start_producer(client, "shop")
    transactional = build_batch(
        [Record(0, 1, None, b"a")],
        producer_id=producer.id,
        producer_epoch=producer.epoch,
        base_sequence=0,
        transactional=True,
    )

    request = to_pages(-1, transactional, transactional_id="shop")

    assert await refusals(client, request, version) == [(code, words)]


@pytest.mark.parametrize(
    ("position", "byte", "words"),
    [
        (16, 3, "Invalid magic found in record: 3"),
        (16, 0xFF, "Invalid magic found in record: -1"),
        (11, 5, "Record size 5 is less than the minimum record overhead (14)"),
    ],
)
async def test_bytes_that_no_batch_begins_with_cost_the_whole_request(
    client: RawClient, position: int, byte: int, words: str
) -> None:
    await make_topic(client, "pages", partitions=2)
    broken = bytearray(batch_of(b"a"))
    broken[position] = byte

    refused = await refusals(client, to_pages(1, batch_of(b"b"), bytes(broken)))

    assert refused == [(ErrorCode.CORRUPT_MESSAGE, words)] * 2
    assert await read(client, "pages") == []


async def test_of_two_batches_for_one_partition_the_last_is_stored_and_answered(
    client: RawClient,
) -> None:
    """As in Apache Kafka 4.2, also when it keeps on coming."""
    await make_topic(client, "pages", partitions=2)
    parts = [(0, b"first"), (1, b"other"), (0, b"last")]
    request = ProduceRequest(
        acks=-1,
        timeout_ms=5000,
        topic_data=[
            produce.TopicProduceData(
                "pages", partition_data=[produce.PartitionProduceData(p, batch_of(v))]
            )
            for p, v in parts
        ],
    )

    told = [await client.ask(request, 9, produce.ProduceResponse) for _ in range(3)]
    stored = await read(client, "pages")

    answers = [(one.index, one.base_offset) for one in told[0].responses[0].partition_responses]
    assert answers == [(0, 0), (1, 0)]
    assert stored == [b"last"] * 3
