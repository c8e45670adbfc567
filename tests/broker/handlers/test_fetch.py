import asyncio

import pytest

from broker.durations import Part
from broker.errors import ErrorCode
from broker.protocol.messages import fetch
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import (
    batch_of,
    fetch_request,
    make_topic,
    read,
    values_in,
    write,
)


async def fetched(client: RawClient, request: fetch.FetchRequest) -> fetch.PartitionData:
    response = await client.ask(request, 12, fetch.FetchResponse)
    return response.responses[0].partitions[0]


async def test_whole_batches_come_from_the_one_that_holds_the_offset(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a", b"b"))
    await write(client, "pages", batch_of(b"c"))

    data = await fetched(client, fetch_request("pages", offset=1))

    assert values_in(data.records) == [b"a", b"b", b"c"]
    assert (data.high_watermark, data.last_stable_offset, data.log_start_offset) == (3, 3, 0)


async def test_the_end_is_empty_and_beyond_it_is_out_of_range(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a"))

    end = await fetched(client, fetch_request("pages", offset=1))
    beyond = await fetched(client, fetch_request("pages", offset=2, max_wait_ms=5000))

    assert (end.error_code, bytes(end.records)) == (ErrorCode.NONE, b"")
    assert (beyond.error_code, beyond.high_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    assert bytes(beyond.records) == b""


async def test_a_waiting_fetch_is_answered_by_a_write(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    asked = client.send(fetch_request("pages", max_wait_ms=30_000), 12)
    async with await RawClient.connect(broker.host, broker.port) as writer:
        await write(writer, "pages", batch_of(b"late"))

    response = await client.receive(fetch.FetchResponse, 12, asked)

    assert values_in(response.responses[0].partitions[0].records) == [b"late"]


async def test_waiting_for_records_is_no_work_of_the_fetch(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    await fetched(client, fetch_request("pages"))  # at once

    await fetched(client, fetch_request("pages", max_wait_ms=60))

    of_consumers = broker.services.metrics.request("FetchConsumer")
    longest = {part: dict(of_consumers.quantiles(part))[0.999] for part in Part}
    assert of_consumers.total.count == 2
    assert longest[Part.REMOTE] > 0.05
    assert longest[Part.LOCAL] < longest[Part.REMOTE]
    assert dict(of_consumers.quantiles(Part.REMOTE))[0.5] == 0.0  # the one that had not to wait


async def test_who_reads_as_a_replica_is_counted_as_a_follower(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    request = fetch_request("pages")
    request.replica_id = 7

    await fetched(client, request)

    counts = [
        broker.services.metrics.request(name).total.count
        for name in ("FetchConsumer", "FetchFollower")
    ]
    assert counts == [0, 1]


async def test_a_fetch_that_nothing_answers_ends_empty_after_its_time(client: RawClient) -> None:
    await make_topic(client, "pages")

    async with asyncio.timeout(50):
        data = await fetched(client, fetch_request("pages", max_wait_ms=20))

    assert (data.error_code, bytes(data.records)) == (ErrorCode.NONE, b"")


async def test_min_bytes_is_waited_for(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages")
    size = len(batch_of(b"a"))
    asked = client.send(fetch_request("pages", max_wait_ms=30_000, min_bytes=2 * size), 12)
    async with await RawClient.connect(broker.host, broker.port) as writer:
        await write(writer, "pages", batch_of(b"a"))
        await write(writer, "pages", batch_of(b"b"))

    response = await client.receive(fetch.FetchResponse, 12, asked)

    assert values_in(response.responses[0].partitions[0].records) == [b"a", b"b"]


async def test_who_wants_no_bytes_at_least_reads_what_was_acknowledged(client: RawClient) -> None:
    """Also records with acks=1, which are answered before they are on the disk."""
    await make_topic(client, "pages")

    seen = []
    for offset in range(30):
        await write(client, "pages", batch_of(b"mine"), acks=1)
        asked = fetch_request("pages", offset=offset, max_wait_ms=30_000, min_bytes=0)
        seen.append(values_in((await fetched(client, asked)).records))

    assert seen == [[b"mine"]] * 30


async def test_who_wants_no_bytes_is_answered_at_once_at_the_end(client: RawClient) -> None:
    await make_topic(client, "pages")

    async with asyncio.timeout(20):
        data = await fetched(client, fetch_request("pages", max_wait_ms=30_000, min_bytes=0))

    assert (data.error_code, bytes(data.records)) == (ErrorCode.NONE, b"")


async def test_an_epoch_of_the_future_is_unknown(client: RawClient) -> None:
    await make_topic(client, "pages")
    request = fetch_request("pages", max_wait_ms=5000)
    request.topics[0].partitions[0].current_leader_epoch = 7

    data = await fetched(client, request)

    assert data.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    assert data.current_leader is None
    assert data.aborted_transactions is None


async def test_any_epoch_below_0_is_none(client: RawClient) -> None:
    await make_topic(client, "pages")
    request = fetch_request("pages")
    request.topics[0].partitions[0].current_leader_epoch = -2

    data = await fetched(client, request)

    assert data.error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("last_epoch", "code"), [(0, ErrorCode.NONE), (3, ErrorCode.OFFSET_OUT_OF_RANGE)]
)
async def test_the_epoch_of_the_last_record_read_must_be_known(
    client: RawClient, last_epoch: int, code: ErrorCode
) -> None:
    await make_topic(client, "pages")
    request = fetch_request("pages")
    request.topics[0].partitions[0].last_fetched_epoch = last_epoch

    data = await fetched(client, request)

    assert (data.error_code, data.diverging_epoch) == (code, None)


async def test_of_two_wishes_for_a_partition_the_last_counts(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a"))
    request = fetch_request("pages", offset=9)
    request.topics += fetch_request("pages", offset=0).topics

    response = await client.ask(request, 12, fetch.FetchResponse)

    (topic,) = response.responses
    assert [one.error_code for one in topic.partitions] == [ErrorCode.NONE]


async def test_a_session_may_begin_empty(client: RawClient) -> None:
    request = fetch.FetchRequest(max_wait_ms=0, min_bytes=1, session_epoch=0)

    response = await client.ask(request, 12, fetch.FetchResponse)

    assert response.session_id != 0


async def test_a_session_tells_only_what_changed(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a"))
    full = fetch_request("pages")
    full.session_epoch = 0
    first = await client.ask(full, 12, fetch.FetchResponse)
    quiet = fetch.FetchRequest(session_id=first.session_id, session_epoch=1)
    quiet.topics = fetch_request("pages", offset=1).topics

    nothing = await client.ask(quiet, 12, fetch.FetchResponse)
    await write(client, "pages", batch_of(b"b"))
    news = await client.ask(
        fetch.FetchRequest(session_id=first.session_id, session_epoch=2), 12, fetch.FetchResponse
    )

    assert first.session_id != 0
    assert (nothing.session_id, nothing.responses) == (first.session_id, [])
    assert values_in(news.responses[0].partitions[0].records) == [b"b"]


async def test_an_unknown_session_and_a_wrong_epoch_are_told_at_the_top(client: RawClient) -> None:
    await make_topic(client, "pages")
    full = fetch_request("pages")
    full.session_epoch = 0
    made = await client.ask(full, 12, fetch.FetchResponse)

    unknown = await client.ask(
        fetch.FetchRequest(session_id=made.session_id ^ 1, session_epoch=1), 12, fetch.FetchResponse
    )
    skipped = await client.ask(
        fetch.FetchRequest(session_id=made.session_id, session_epoch=5), 12, fetch.FetchResponse
    )

    assert unknown.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    assert skipped.error_code == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert unknown.session_id == skipped.session_id == 0


async def test_the_first_batch_comes_even_if_it_is_larger_than_allowed(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"x" * 5000))
    await write(client, "pages", batch_of(b"y" * 5000))
    request = fetch_request("pages")
    request.max_bytes = 10
    request.topics[0].partitions[0].partition_max_bytes = 10

    data = await fetched(client, request)

    assert values_in(data.records) == [b"x" * 5000]


async def test_topics_are_read_by_id_from_v13_on(client: RawClient) -> None:
    topic_id = (await make_topic(client, "pages")).topic_id
    await write(client, "pages", batch_of(b"a"))
    request = fetch_request("pages")
    request.topics = [
        fetch.FetchTopic(topic_id=wanted, partitions=request.topics[0].partitions)
        for wanted in (topic_id, b"?" * 16)
    ]

    response = await client.ask(request, 17, fetch.FetchResponse)

    codes = [topic.partitions[0].error_code for topic in response.responses]
    assert codes == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_ID]


async def test_old_encodings_carry_the_same_records(client: RawClient) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"a"))

    for version in (4, 7, 11, 12):
        response = await client.ask(fetch_request("pages"), version, fetch.FetchResponse)
        assert values_in(response.responses[0].partitions[0].records) == [b"a"]
    assert await read(client, "pages") == [b"a"]


async def test_partitions_are_answered_in_the_order_asked_for(client: RawClient) -> None:
    """As in Apache Kafka: what did not fit into an answer is asked for first in the next.

    Partitions that there are not come last.
    """
    order = [("nope", 0), ("pages", 1), ("pages", 9), ("clicks", 0), ("pages", 0), ("pages", 2)]
    for topic in ("pages", "clicks"):
        await make_topic(client, topic, 3)
    request = fetch.FetchRequest(
        min_bytes=0,
        topics=[
            fetch.FetchTopic(topic=topic, partitions=[fetch.FetchPartition(index)])
            for topic, index in order
        ],
    )

    response = await client.ask(request, 12, fetch.FetchResponse)

    answered = [
        (topic.topic, [one.partition_index for one in topic.partitions])
        for topic in response.responses
    ]
    assert answered == [
        ("pages", [1]),
        ("clicks", [0]),
        ("pages", [0, 2]),
        ("nope", [0]),
        ("pages", [9]),
    ]


@pytest.mark.parametrize(
    ("index", "max_bytes", "last_epoch", "answer"),
    [
        (1, 0, -1, (ErrorCode.NONE, [])),
        (1, 1, -1, (ErrorCode.NONE, None)),  # the batch does not fit
        (1, -1, -1, (ErrorCode.UNKNOWN_SERVER_ERROR, None)),
        (2, -1, -1, (ErrorCode.NONE, [])),  # there is nothing to read
        (1, 1000, 0, (ErrorCode.NONE, [])),
    ],
)
async def test_bounds_of_a_partition_that_nothing_fits_into_are_answered_as_by_kafka(
    client: RawClient, index: int, max_bytes: int, last_epoch: int, answer: object
) -> None:
    """By the second partition: the first batch of an answer is given whatever its size."""
    await make_topic(client, "pages", 3)
    for written in (0, 1):
        await write(client, "pages", batch_of(b"a"), partition=written)
    wanted = fetch.FetchPartition(
        index, last_fetched_epoch=last_epoch, partition_max_bytes=max_bytes
    )
    request = fetch_request("pages")
    request.isolation_level = 1
    request.topics[0].partitions.append(wanted)

    response = await client.ask(request, 12, fetch.FetchResponse)

    data = response.responses[0].partitions[1]
    assert (data.error_code, data.aborted_transactions) == answer


async def test_aborted_transactions_are_no_list_where_the_log_diverged(client: RawClient) -> None:
    await make_topic(client, "pages")
    request = fetch_request("pages", offset=5)
    request.isolation_level = 1
    request.topics[0].partitions[0].last_fetched_epoch = 0

    response = await client.ask(request, 12, fetch.FetchResponse)

    (data,) = response.responses[0].partitions
    assert data.diverging_epoch is not None
    assert data.aborted_transactions is None


async def test_an_isolation_level_that_there_is_not_is_an_error(client: RawClient) -> None:
    """As in Apache Kafka 4.2: for the request and for each partition."""
    await make_topic(client, "pages")
    request = fetch_request("pages")
    request.isolation_level = 2

    response = await client.ask(request, 12, fetch.FetchResponse)

    (data,) = response.responses[0].partitions
    assert response.error_code == data.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
