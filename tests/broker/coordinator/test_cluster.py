import asyncio
from pathlib import Path

import pytest

from broker.app import CannotStart
from broker.errors import ErrorCode, KafkaError
from broker.metadata import features
from broker.metadata.controller import TopicSpec
from broker.metadata.image import ClusterImage
from broker.metadata.records import OFFSETS_TOPIC, FeatureLevelRecord
from tests.support.running_broker import running_broker


async def test_a_client_that_hangs_up_does_not_cut_a_change_in_half(tmp_path: Path) -> None:
    """A handler cancelled while its topic was being opened left the topic without partitions."""
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow(image: ClusterImage) -> None:
        entered.set()
        await gate.wait()

    async with running_broker(tmp_path / "data") as broker:
        cluster = broker.services.cluster
        cluster.followed_by(slow)
        async with asyncio.TaskGroup() as tasks:
            client = tasks.create_task(cluster.ensure_internal_topic(OFFSETS_TOPIC))
            await entered.wait()
            client.cancel()
            await asyncio.wait([client])
            gate.set()

        topic = await cluster.ensure_internal_topic(OFFSETS_TOPIC)

        assert cluster.image.topics[OFFSETS_TOPIC] is topic
        for partition in topic.partitions:
            broker.services.partitions.get(OFFSETS_TOPIC, partition.index).check_usable()


async def test_changes_that_arrive_together_all_happen(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "data") as broker:
        cluster = broker.services.cluster

        made = await asyncio.gather(
            *(cluster.create_topics([TopicSpec(f"t{number}")]) for number in range(20)),
            cluster.ensure_internal_topic(OFFSETS_TOPIC),
            cluster.ensure_internal_topic(OFFSETS_TOPIC),
        )

        assert len(made) == 22
        assert cluster.image.topics.keys() == {f"t{n}" for n in range(20)} | {OFFSETS_TOPIC}


async def test_the_cluster_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "data") as broker:
        cluster = broker.services.cluster
        await cluster.create_topics([TopicSpec("a", 3, configs={"retention.ms": "5"})])
        await cluster.create_topics([TopicSpec("b")])
        await cluster.delete_topics(["b"])
        before = cluster.image

    async with running_broker(tmp_path / "data") as broker:
        after = broker.services.cluster.image

    assert (after.topics, after.configs, after.features) == (
        before.topics,
        before.configs,
        before.features,
    )
    assert after.brokers[1].epoch == before.brokers[1].epoch + 1


async def test_a_long_history_gives_way_to_a_snapshot_at_start(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "data") as broker:
        cluster = broker.services.cluster
        for number in range(20):
            await cluster.create_topics([TopicSpec(f"t{number}", 60)])
            await cluster.delete_topics([f"t{number}"])
        await cluster.create_topics([TopicSpec("kept")])
        topics = cluster.image.topics

    for _ in range(2):
        async with running_broker(tmp_path / "data") as broker:
            cluster = broker.services.cluster
            length = cluster.partition.log_end_offset - cluster.partition.log_start_offset

            assert cluster.image.topics == topics
            assert length < 20


async def test_a_refused_topic_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running_broker(tmp_path / "data") as broker:
        cluster = broker.services.cluster
        end = cluster.partition.log_end_offset

        (refused,) = await cluster.create_topics([TopicSpec("no", 0)])

        assert isinstance(refused, KafkaError)
        assert refused.code is ErrorCode.INVALID_PARTITIONS
        assert cluster.partition.log_end_offset == end
        with pytest.raises(KafkaError):
            broker.services.partitions.get("no", 0)


async def test_a_log_with_a_level_of_a_newer_broker_is_not_started_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Apache Kafka, whose start ends with a feature level that it does not know."""
    with monkeypatch.context() as tomorrow:
        tomorrow.setitem(features.SUPPORTED_FEATURES, "group.version", (0, 2))
        async with running_broker(tmp_path / "data") as broker:
            level = FeatureLevelRecord(name="group.version", feature_level=2)
            await broker.services.cluster.write_records(lambda _: ([level], None))

    with pytest.raises(CannotStart, match=r"group\.version is at level 2, this broker knows 1"):
        async with running_broker(tmp_path / "data"):
            pass
