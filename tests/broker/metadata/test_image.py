from dataclasses import replace

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples

from broker.config import BrokerConfig
from broker.errors import KafkaError
from broker.metadata import controller
from broker.metadata.config_changes import ConfigChange, alter_configs
from broker.metadata.image import ClusterImage, ResourceType
from broker.metadata.records import (
    MetadataRecord,
    RegisterBrokerRecord,
    decode_record,
    encode_record,
)

CONFIG = BrokerConfig()
EMPTY = ClusterImage().apply([RegisterBrokerRecord(broker_id=1, broker_epoch=4)])

steps = tuples(
    sampled_from(["create", "delete", "grow", "config", "ids"]),
    sampled_from(["a", "b", "c"]),
    integers(1, 5),
)


def decide(image: ClusterImage, step: tuple[str, str, int], number: int) -> list[MetadataRecord]:
    """Records of one step, none if it is refused."""
    verb, name, count = step
    try:
        if verb == "create":
            spec = controller.TopicSpec(name, count)
            return controller.create_topic(image, spec, number.to_bytes(16, "big"), CONFIG)
        if verb == "delete":
            return controller.delete_topic(image, controller.find_topic(image, name))
        if verb == "grow":
            return controller.create_partitions(image, name, count, None, CONFIG)
        if verb == "config":
            change = ConfigChange("retention.ms", 0, str(count))
            return alter_configs(image, (int(ResourceType.TOPIC), name), [change], CONFIG)
        return controller.allocate_producer_ids(image, 1)[0]
    except KafkaError:
        return []


@given(lists(steps, max_size=30))
def test_a_snapshot_makes_the_same_image_as_the_history(
    history: list[tuple[str, str, int]],
) -> None:
    image = EMPTY
    for number, step in enumerate(history, start=2):
        image = image.apply(decide(image, step, number))

    stored = [encode_record(record) for record in image.as_records()]
    rebuilt = ClusterImage().apply(decode_record(value) for value in stored)

    assert rebuilt.topics == image.topics
    assert rebuilt.names_by_id == image.names_by_id
    assert rebuilt.next_producer_id == image.next_producer_id
    assert {k: v for k, v in rebuilt.configs.items() if v} == {
        k: v for k, v in image.configs.items() if v
    }


@given(lists(steps, max_size=30))
def test_images_do_not_change_once_made(history: list[tuple[str, str, int]]) -> None:
    image = EMPTY
    seen = []
    for number, step in enumerate(history, start=2):
        seen.append((image, dict(image.topics), image.partition_count))
        image = image.apply(decide(image, step, number))

    for before, topics, partition_count in seen:
        assert (dict(before.topics), before.partition_count) == (topics, partition_count)


def test_partitions_keep_their_order_and_have_no_gap() -> None:
    spec = controller.TopicSpec("a", 12)
    image = EMPTY.apply(controller.create_topic(EMPTY, spec, b"i" * 16, CONFIG))

    indexes = [partition.index for partition in image.topics["a"].partitions]

    assert indexes == list(range(12))


@given(lists(steps, max_size=20))
def test_records_applied_together_make_the_image_that_they_make_one_by_one(
    history: list[tuple[str, str, int]],
) -> None:
    image, records = EMPTY, []
    for number, step in enumerate(history, start=2):
        decided = decide(image, step, number)
        records += decided
        image = image.apply(decided)

    one_by_one = EMPTY
    for record in records:
        one_by_one = one_by_one.apply([record])
    together = EMPTY.apply(records)

    assert replace(together, version=0) == replace(one_by_one, version=0)
