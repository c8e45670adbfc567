"""What many ask is answered once for an image of the cluster, and never from an older one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.handlers import metadata as handler
from broker.handlers.handler import RequestContext
from broker.metadata.image import TopicImage
from broker.protocol.messages import delete_topics
from broker.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseTopic,
)
from broker.server.answer_cache import ANSWERS_MAX, BYTES_MAX, AnswerCache
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import make_topic

ALL = MetadataRequest(topics=None)
PAGES = MetadataRequest(topics=[MetadataRequestTopic(name="pages")])


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    async with (
        running_broker(tmp_path / "data") as broker,
        await RawClient.connect(broker.host, broker.port) as connected,
    ):
        yield connected


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the topics that answers were built of."""
    names: list[str] = []
    describe = handler._described

    def noted(topic: TopicImage, context: RequestContext) -> MetadataResponseTopic:
        names.append(topic.name)
        return describe(topic, context)

    monkeypatch.setattr(handler, "_described", noted)
    return names


@pytest.mark.parametrize("version", range(14))
async def test_the_second_who_asks_gets_the_same_answer_and_it_is_not_built_again(
    version: int, client: RawClient, described: list[str]
) -> None:
    await make_topic(client, "pages", partitions=3)

    answers = [await client.ask(PAGES, version, MetadataResponse) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert described == ["pages"]


async def test_a_change_of_the_cluster_is_in_the_next_answer(client: RawClient) -> None:
    await make_topic(client, "pages")
    before = [topic.name for topic in (await client.ask(ALL, 12, MetadataResponse)).topics]

    await make_topic(client, "clicks")
    more = [topic.name for topic in (await client.ask(ALL, 12, MetadataResponse)).topics]
    deletion = delete_topics.DeleteTopicsRequest(topic_names=["pages"], timeout_ms=5000)
    await client.ask(deletion, 5, delete_topics.DeleteTopicsResponse)
    less = [topic.name for topic in (await client.ask(ALL, 12, MetadataResponse)).topics]

    assert "clicks" not in before
    assert {"pages", "clicks"} <= set(more)
    assert "pages" not in less


async def test_questions_that_differ_have_answers_of_their_own(client: RawClient) -> None:
    await make_topic(client, "pages")
    with_rights = MetadataRequest(topics=PAGES.topics, include_topic_authorized_operations=True)
    for _ in range(2):
        plain = await client.ask(PAGES, 12, MetadataResponse)
        rights = await client.ask(with_rights, 12, MetadataResponse)
        none = await client.ask(MetadataRequest(topics=[]), 12, MetadataResponse)

        assert plain.topics[0].topic_authorized_operations < 0
        assert rights.topics[0].topic_authorized_operations > 0
        assert none.topics == []


async def test_a_topic_that_is_not_there_is_asked_for_anew_each_time(client: RawClient) -> None:
    first = await client.ask(PAGES, 12, MetadataResponse)  # makes it, and says so the next time
    second = await client.ask(PAGES, 12, MetadataResponse)

    assert first.topics[0].error_code != ErrorCode.NONE
    assert second.topics[0].error_code == ErrorCode.NONE


def test_only_so_many_answers_and_bytes_are_kept() -> None:
    cache, image = AnswerCache(), object()
    for number in range(ANSWERS_MAX + 1):
        cache.keep(number, image, [bytes(20)])
    large, other = AnswerCache(), object()
    large.keep("large", other, [bytes(BYTES_MAX + 1)])

    assert cache.find(0, image, 7) == bytearray(4) + b"\0\0\0\7" + bytes(12)
    assert cache.find(ANSWERS_MAX, image, 7) is None
    assert large.find("large", other, 7) is None


def test_an_answer_of_another_image_is_not_known() -> None:
    cache, old, new = AnswerCache(), object(), object()
    cache.keep("key", old, [bytes(20)])

    assert cache.find("key", new, 7) is None
    cache.keep("other", new, [bytes(20)])
    assert cache.find("key", old, 7) is cache.find("key", new, 7) is None
