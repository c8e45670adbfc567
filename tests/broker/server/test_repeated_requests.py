"""Produce requests like one before are not decoded, and answered as if they were."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages import delete_topics, fetch, metadata, produce
from broker.protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from broker.records.batch import build_batch
from broker.records.record import Record
from broker.security.acls import Operation, Permission, Resource
from broker.server.known_requests import KNOWN_MAX, TRIES_MAX, KnownRequests
from broker.server.repeated_request import RepeatedRequest
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient, request_frame
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.security_calls import add_acls, broker_and_client, entry, set_quota
from tests.support.topic_calls import (
    batch_of,
    fetch_request,
    make_topic,
    read,
    values_in,
    write,
)

VERSIONS = range(3, 14)


@pytest.fixture
def repeats(monkeypatch: pytest.MonkeyPatch) -> list[list[memoryview]]:
    """The records of all requests that began without being decoded."""
    begun: list[list[memoryview]] = []
    begin = RepeatedRequest.begin

    def noted(request: RepeatedRequest, now_ms: int) -> bool:
        did = begin(request, now_ms)
        if did:
            begun.append(request._found[2])
        return did

    monkeypatch.setattr(RepeatedRequest, "begin", noted)
    return begun


def request_for(
    topic: Any, batch: bytes, *, acks: int = -1, partition: int = 0
) -> produce.ProduceRequest:
    """`topic`: its name and id."""
    data = produce.PartitionProduceData(partition, memoryview(batch))
    name, topic_id = topic
    topics = [produce.TopicProduceData(name, topic_id, [data])]
    return produce.ProduceRequest(acks=acks, timeout_ms=5000, topic_data=topics)


@pytest.mark.parametrize("version", VERSIONS)
async def test_repeats_are_answered_in_every_version_as_the_first_is(
    version: int, client: RawClient, repeats: list[list[memoryview]]
) -> None:
    topic = ("pages", (await make_topic(client, "pages")).topic_id)
    answers = [
        await client.ask(
            request_for(topic, batch_of(b"x" * n), acks=acks), version, produce.ProduceResponse
        )
        for n in (1, 50, 5000)
        for acks in (-1, 1)
    ]

    told = [response.responses[0].partition_responses[0] for response in answers]
    assert [one.base_offset for one in told] == list(range(6))
    first = told[0]
    for response, one in zip(answers, told, strict=True):
        one.base_offset = 0
        assert one == first
        assert response.responses[0].name == ("pages" if version < 13 else "")
    assert len(repeats) == (4 if version >= 7 else 0)


async def test_a_refusal_of_a_repeat_says_what_the_first_would_say(
    client: RawClient, repeats: list[list[memoryview]], broker: RunningBroker
) -> None:
    await make_topic(client, "pages")
    broken = bytearray(batch_of(b"a"))
    broken[-1] ^= 0xFF

    first = await write(client, "pages", bytes(broken))
    good = await write(client, "pages", batch_of(b"a"))
    again = await write(client, "pages", bytes(broken))

    assert again == first
    assert (again.error_code, good.error_code) == (ErrorCode.CORRUPT_MESSAGE, ErrorCode.NONE)
    assert len(repeats) == 2
    counted = broker.services.metrics.logs.topic("pages")
    assert (counted.produce_requests, counted.failed_produce_requests) == (3, 2)
    assert (counted.messages_in, counted.bytes_rejected) == (1, 2 * len(broken))


async def test_a_topic_deleted_or_made_anew_is_not_taken_for_the_old_one(
    client: RawClient, repeats: list[list[memoryview]]
) -> None:
    await make_topic(client, "pages")
    for _ in range(3):
        await write(client, "pages", batch_of(b"old"))
    deletion = delete_topics.DeleteTopicsRequest(topic_names=["pages"], timeout_ms=5000)
    await client.ask(deletion, 5, delete_topics.DeleteTopicsResponse)

    gone = await write(client, "pages", batch_of(b"lost"))
    await make_topic(client, "pages")
    anew = [await write(client, "pages", batch_of(b"new")) for _ in range(2)]

    assert gone.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert [one.base_offset for one in anew] == [0, 1]
    assert await read(client, "pages") == [b"new", b"new"]
    assert len(repeats) == 3


async def test_a_quota_that_is_set_is_kept_by_the_next_request(client: RawClient) -> None:
    await make_topic(client, "pages")
    topic = ("pages", bytes(16))
    large = batch_of(b"x" * 20_000)
    free = [
        (await client.ask(request_for(topic, large), 9, produce.ProduceResponse)).throttle_time_ms
        for _ in range(2)
    ]

    await set_quota(client, {"client-id": "raw"}, producer_byte_rate=2000.0)
    bound = await client.ask(request_for(topic, large), 9, produce.ProduceResponse)

    assert free == [0, 0]
    assert bound.throttle_time_ms > 0


async def test_a_right_that_is_taken_away_counts_for_the_next_request(
    tmp_path: Path, repeats: list[list[memoryview]]
) -> None:
    secured = {"authorizer_enabled": True, "super_users": "User:admin"}
    secured["allow_everyone_if_no_acl_found"] = True
    async with broker_and_client(tmp_path / "secured", **secured) as (_, client):
        await make_topic(client, "pages")
        allowed = [await write(client, "pages", batch_of(b"x")) for _ in range(3)]
        denial = entry(Operation.WRITE, Resource.TOPIC, "pages", permission=Permission.DENY)
        await add_acls(client, denial)

        denied = await write(client, "pages", batch_of(b"x"))

    assert [one.error_code for one in allowed] == [ErrorCode.NONE] * 3
    assert denied.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert len(repeats) == 2


async def test_a_transactional_batch_is_looked_at_every_time(
    client: RawClient, repeats: list[list[memoryview]]
) -> None:
    await make_topic(client, "pages")
    await write(client, "pages", batch_of(b"plain"))
    transactional = build_batch(
        [Record(0, -1, None, b"t")],
        producer_id=5,
        producer_epoch=0,
        base_sequence=0,
        transactional=True,
    )

    answer = await write(client, "pages", transactional)

    assert answer.error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert repeats == []


async def test_repeats_and_other_requests_are_answered_in_their_order(
    client: RawClient, repeats: list[list[memoryview]]
) -> None:
    await make_topic(client, "pages", partitions=2)
    topic = ("pages", bytes(16))
    expected: list[tuple[int, Any, int]] = []
    for number in range(200):
        if number % 7 == 3:
            sent = client.send(metadata.MetadataRequest(topics=[]), 9)
            expected.append((sent, metadata.MetadataResponse, 9))
        else:
            batch = batch_of(b"%d" % number)
            sent = client.send(request_for(topic, batch, partition=number % 2), 9)
            expected.append((sent, produce.ProduceResponse, 9))

    answers = [await client.receive(kind, version, sent) for sent, kind, version in expected]

    offsets: dict[int, list[int]] = {0: [], 1: []}
    for answer in answers:
        if isinstance(answer, produce.ProduceResponse):
            one = answer.responses[0].partition_responses[0]
            offsets[one.index].append(one.base_offset)
    for found in offsets.values():
        assert found == list(range(len(found)))
    assert repeats


async def test_a_producer_of_more_partitions_than_are_known_is_served_all_the_same(
    client: RawClient, repeats: list[list[memoryview]]
) -> None:
    count = KNOWN_MAX + 10
    await make_topic(client, "pages", partitions=count)
    for _ in range(2):
        codes = {
            (await write(client, "pages", batch_of(b"x"), partition)).error_code
            for partition in range(count)
        }
        assert codes == {ErrorCode.NONE}

    assert len(repeats) == KNOWN_MAX


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[KnownRequests]:
    """One for each request that was laid out to be known."""
    tries: list[KnownRequests] = []
    tried = KnownRequests.tried

    def noted(known: KnownRequests) -> None:
        tries.append(known)
        tried(known)

    monkeypatch.setattr(KnownRequests, "tried", noted)
    return tries


async def test_requests_that_cannot_repeat_are_not_laid_out_again_and_again(
    client: RawClient, laid_out: list[KnownRequests], repeats: list[list[memoryview]]
) -> None:
    lengths = 6  # of names: more than are tried
    for length in range(1, lengths + 1):
        await make_topic(client, "p" * length)
    for _ in range(TRIES_MAX):
        for length in range(1, lengths + 1):
            await write(client, "p" * length, batch_of(b"x"))

    assert len(laid_out) == TRIES_MAX
    assert len(repeats) == 4 * (TRIES_MAX - 1)


async def test_a_transactional_producer_is_not_laid_out_at_all(
    client: RawClient, laid_out: list[KnownRequests]
) -> None:
    await make_topic(client, "pages")
    request = request_for(("pages", bytes(16)), batch_of(b"x"))
    request.transactional_id = "orders"

    for _ in range(2):
        await client.ask(request, 9, produce.ProduceResponse)

    assert laid_out == []


async def test_a_client_that_goes_away_leaves_nothing_of_its_repeats(
    broker: RunningBroker, repeats: list[list[memoryview]]
) -> None:
    async with await RawClient.connect(broker.host, broker.port) as client:
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"first"))
        for _ in range(50):
            client.send(request_for(("pages", bytes(16)), batch_of(b"x")), 9)
        await asyncio.sleep(0)
        client.abort()
    async with await RawClient.connect(broker.host, broker.port) as client:
        answer = await write(client, "pages", batch_of(b"last"))

    assert answer.error_code == ErrorCode.NONE
    assert 1 <= answer.base_offset <= 51


@pytest.mark.may_block  # the file of users is read when the broker starts
async def test_who_has_logged_in_repeats_until_the_session_ends(
    tmp_path: Path, repeats: list[list[memoryview]]
) -> None:
    users, clock = tmp_path / "users", ManualClock()
    users.write_text("alice:secret\n")
    users.chmod(0o600)
    secured: dict[str, Any] = {
        "listeners": ("SASL_PLAINTEXT://127.0.0.1:0",),
        "sasl_enabled_mechanisms": ("PLAIN",),
        "sasl_plain_users_file": str(users),
        "connections_max_reauth_ms": 60_000,
    }
    token = SaslAuthenticateRequest(b"\0alice\0secret")
    async with (
        running_broker(tmp_path, clock, **secured) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        for passed_ms in (0, 50_000):
            clock.advance(passed_ms)
            await client.ask(SaslHandshakeRequest("PLAIN"), 1, SaslHandshakeResponse)
            await client.ask(token, 2, SaslAuthenticateResponse)
            if not passed_ms:
                await make_topic(client, "pages")
            for _ in range(3):
                await write(client, "pages", batch_of(b"x"))
        assert len(repeats) == 5

        clock.advance(60_000)
        client.send(request_for(("pages", bytes(16)), batch_of(b"late")), 9)

        assert await asyncio.wait_for(client.read_to_end(), 10) == b""
        assert len(repeats) == 5
        assert broker.services.partitions.get("pages", 0).log_end_offset == 6


@pytest.mark.parametrize("flush", ["os", "sync"])
async def test_who_asks_right_behind_a_write_finds_it(tmp_path: Path, flush: str) -> None:
    async with (
        running_broker(tmp_path, log_flush=flush) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        topic = ("pages", (await make_topic(client, "pages")).topic_id)
        for number in range(3):  # the third is known, and is written by the loop
            write_frame = request_frame(request_for(topic, batch_of(b"%d" % number)), 9, 1)
            read_frame = request_frame(fetch_request("pages", offset=number), 12, 2)

            client.send_bytes(write_frame + read_frame)
            await client.receive(produce.ProduceResponse, 9, 1)
            found = await client.receive(fetch.FetchResponse, 12, 2)

            assert values_in(found.responses[0].partitions[0].records) == [b"%d" % number]
