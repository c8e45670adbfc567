import pytest

from broker.coordinator.group.streams.records import (
    CopartitionGroup,
    StreamsGroupTopologyValue,
    Subtopology,
    TopicInfo,
)
from broker.coordinator.group.streams.topology import ConfiguredTopology, StatusCode, configure
from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage, PartitionImage, TopicImage


def topology(*subtopologies: Subtopology) -> StreamsGroupTopologyValue:
    return StreamsGroupTopologyValue(0, list(subtopologies))


def joined(count: int, *sources: str, fixed: int = 0) -> list[Subtopology]:
    """Subtopology 1 joins `sources` with `count` repartition topics that 0 writes from wide."""
    names = [f"rep-{number}" for number in range(count)]
    return [
        Subtopology("0", ["wide"], repartition_sink_topics=names),
        Subtopology(
            "1",
            list(sources),
            repartition_source_topics=[TopicInfo(name, fixed) for name in names],
            copartition_groups=[
                CopartitionGroup(list(range(len(sources))), [], list(range(count)))
            ],
        ),
    ]


@pytest.fixture
def image() -> ClusterImage:
    """A topic `narrow` with 2 partitions and `wide` with 4."""
    topics = {
        name: TopicImage(
            name, name.encode(), tuple(PartitionImage(n, (1,), (1,), 1, 0, 0) for n in range(count))
        )
        for name, count in {"narrow": 2, "wide": 4}.items()
    }
    return ClusterImage(topics=topics)


def sizes(configured: ConfiguredTopology) -> dict[str, int]:
    return {topic.name: topic.partitions for topic in configured.missing}


def test_a_repartition_topic_is_as_large_as_the_largest_source_behind_it(
    image: ClusterImage,
) -> None:
    chain = topology(
        Subtopology("0", ["narrow", "wide"], repartition_sink_topics=["rep"]),
        Subtopology(
            "1",
            repartition_source_topics=[TopicInfo("rep")],
            repartition_sink_topics=["again"],
            state_changelog_topics=[TopicInfo("log")],
        ),
        Subtopology("2", repartition_source_topics=[TopicInfo("again")]),
    )

    configured = configure(chain, image)

    assert sizes(configured) == {"again": 4, "log": 4, "rep": 4}
    assert [sub.task_count for sub in configured.subtopologies.values()] == [4, 4, 4]


def test_a_repartition_topic_that_is_joined_follows_the_other_side(image: ClusterImage) -> None:
    configured = configure(topology(*joined(1, "narrow")), image)

    assert sizes(configured) == {"rep-0": 2}


def test_a_fixed_size_counts_for_those_that_are_joined_with_it(image: ClusterImage) -> None:
    parts = joined(2)
    parts[1].repartition_source_topics[1].partitions = 7

    configured = configure(topology(*parts), image)

    assert sizes(configured) == {"rep-0": 7, "rep-1": 7}


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        (joined(0, "narrow", "wide"), "Following topics do not have the same number"),
        (joined(1, "narrow", fixed=3), "Number of partitions [3] of repartition topic [rep-0]"),
    ],
)
def test_topics_that_cannot_be_joined_are_told(
    image: ClusterImage, parts: list[Subtopology], detail: str
) -> None:
    problem = configure(topology(*parts), image).problem

    assert problem is not None and problem.code is StatusCode.INCORRECTLY_PARTITIONED_TOPICS
    assert problem.detail.startswith(detail)


@pytest.mark.parametrize(
    "parts",
    [
        [Subtopology("0")],
        [Subtopology("0", ["wide"], repartition_source_topics=[TopicInfo("rep")])],
        [
            Subtopology(
                "0",
                repartition_source_topics=[TopicInfo("rep")],
                repartition_sink_topics=["rep"],
            )
        ],
    ],
)
def test_a_topology_without_an_answer_is_refused(
    image: ClusterImage, parts: list[Subtopology]
) -> None:
    with pytest.raises(KafkaError) as refusal:
        configure(topology(*parts), image)

    assert refusal.value.code is ErrorCode.STREAMS_INVALID_TOPOLOGY


def test_many_missing_topics_are_counted_not_listed(image: ClusterImage) -> None:
    wanted = topology(Subtopology("0", ["a", "b", "c", "d", "e"]))

    problem = configure(wanted, image).problem

    assert problem is not None
    assert problem.detail == "Source topics a, b, c and 2 additional topics are missing."
