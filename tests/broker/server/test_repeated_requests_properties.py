"""Requests that are not decoded leave the same answers, logs and counts as those that are."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.protocol.messages import produce
from broker.server.repeated_request import RepeatedRequest
from tests.support.batches import batch
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import make_topic

PARTITIONS = 3
PLACES = (  # topic and partition of each batch
    ((0, 0),),
    ((0, 0), (0, 1), (0, 2)),
    ((0, 2), (1, 0)),
    ((0, 1), (0, 1)),  # one partition twice
    ((0, 0), (1, 7)),  # there is no such partition
)
PRODUCER = (7, 0)


def of(*values: bytes, codec: int = 0) -> bytes:
    return bytes(batch(*values, codec=codec))


def damaged(records: bytes) -> bytes:
    return records[:-1] + bytes([records[-1] ^ 1])


def idempotent(sequence: int, *, transactional: bool = False) -> bytes:
    made = batch(b"once", producer=PRODUCER, sequence=sequence, transactional=transactional)
    return bytes(made)


BATCHES = st.one_of(
    st.binary(max_size=300).map(of),
    st.lists(st.binary(max_size=30), min_size=2, max_size=5).map(lambda values: of(*values)),
    st.integers(0, 4).map(lambda codec: of(bytes(500), codec=codec)),
    st.integers(0, 2).map(idempotent),
    st.sampled_from(
        [
            b"",
            b"no batch",
            damaged(of(b"damaged")),
            idempotent(0, transactional=True),  # of no transaction
            of(bytes(100_000)),  # for the writer thread
        ]
    ),
)
ASKED = st.sampled_from(PLACES).flatmap(
    lambda places: st.tuples(
        st.just(places),
        st.lists(BATCHES, min_size=len(places), max_size=len(places)),
        st.sampled_from([-1, 1]),
        st.sampled_from([8, 9]),
    )
)
Asked = tuple[tuple[tuple[int, int], ...], list[bytes], int, int]


def request_for(topics: tuple[str, str], asked: Asked) -> produce.ProduceRequest:
    places, batches, acks, _ = asked
    found: dict[str, list[produce.PartitionProduceData]] = {}
    for (topic, partition), records in zip(places, batches, strict=True):
        data = produce.PartitionProduceData(partition, memoryview(records))
        found.setdefault(topics[topic], []).append(data)
    return produce.ProduceRequest(
        acks=acks,
        timeout_ms=5000,
        topic_data=[produce.TopicProduceData(name, bytes(16), one) for name, one in found.items()],
    )


async def answered(
    client: RawClient, topics: tuple[str, str], asked: Asked
) -> produce.ProduceResponse:
    """With the topics' numbers in place of their names."""
    response = await client.ask(request_for(topics, asked), asked[3], produce.ProduceResponse)
    for one in response.responses:
        one.name = str(topics.index(one.name))
        for part in one.partition_responses:
            part.error_message = (part.error_message or "").replace(topics[int(one.name)], "")
    return response


def left_by(broker: RunningBroker, topics: tuple[str, str]) -> list[object]:
    """What the logs of some topics hold, and what is counted of them."""
    found: list[object] = []
    for topic in topics:
        counted = broker.services.metrics.logs.topic(topic)
        found.append([getattr(counted, name) for name in type(counted).__slots__])
        for index in range(PARTITIONS):
            log = broker.services.partitions.get(topic, index).log
            found.append(log.active_segment.file.read(0, log.size_bytes))
            entries = log.producer_state.entries.items()
            found.append([(one, entry._replace(last_timestamp=0)) for one, entry in entries])
    return found


@dataclass(slots=True)
class Both:
    """A broker that is asked the same in two ways."""

    runner: asyncio.Runner
    broker: RunningBroker
    asked: int = 0

    def ask(self, asked: list[Asked]) -> tuple[list[object], list[object]]:
        """The answers and what they left, of requests that repeat, and of the same ones anew."""
        self.asked += 1
        return self.runner.run(self._ask(asked))

    async def _ask(self, asked: list[Asked]) -> tuple[list[object], list[object]]:
        broker = self.broker
        kept, anew = (
            (f"{way}-a-{self.asked}", f"{way}-b-{self.asked}") for way in ("kept", "anew")
        )
        async with await RawClient.connect(broker.host, broker.port) as kept_client:
            for topic in (*kept, *anew):
                await make_topic(kept_client, topic, partitions=PARTITIONS)
            repeated: list[object] = []
            alone: list[object] = []
            for one in asked:
                repeated.append(await answered(kept_client, kept, one))
                async with await RawClient.connect(broker.host, broker.port) as client:
                    alone.append(await answered(client, anew, one))
        for worker in broker.services.partitions.workers.values():
            await worker.run(lambda: None)  # with acks=1 it is answered before it is counted
        return [*repeated, *left_by(broker, kept)], [*alone, *left_by(broker, anew)]


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    serving = running_broker(Path("/data"), files=MemoryFiles())
    with asyncio.Runner() as runner:
        yield Both(runner, runner.run(serving.__aenter__()))
        runner.run(serving.__aexit__(None, None, None))


@settings(max_examples=15)
@given(asked=st.lists(ASKED, min_size=4, max_size=12))
def test_what_is_not_decoded_is_stored_and_answered_as_if_it_were(
    both: Both, asked: list[Asked]
) -> None:
    repeated, alone = both.ask(asked)

    assert repeated == alone


def test_requests_to_several_partitions_and_topics_are_among_them(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    begin = RepeatedRequest.begin

    def noted(request: RepeatedRequest, now_ms: int) -> bool:
        begun.append(len(request._found[2]))
        return begin(request, now_ms)

    monkeypatch.setattr(RepeatedRequest, "begin", noted)

    repeated, alone = both.ask(
        [(places, [of(b"x")] * len(places), -1, 9) for places in PLACES for _ in range(2)]
    )

    assert repeated == alone
    assert begun == [1, 3, 2]  # what names a partition twice is looked at each time
