import asyncio

import pytest

from broker.errors import ErrorCode
from tests.support.config_calls import (
    APPEND,
    BROKER,
    DELETE,
    GROUP,
    SET,
    SUBTRACT,
    TOPIC,
    altered,
    described,
)
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.topic_calls import batch_of, make_topic, write


async def test_a_new_limit_counts_for_the_next_write(client: RawClient) -> None:
    await make_topic(client, "pages")

    answer = await altered(client, TOPIC, "pages", ("max.message.bytes", SET, "100"))

    assert answer.error_code == ErrorCode.NONE
    assert (await write(client, "pages", batch_of(b"x" * 200))).error_code == (
        ErrorCode.MESSAGE_TOO_LARGE
    )


async def test_a_deleted_value_gives_way_to_the_default(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages", retention_ms="5")

    await altered(client, TOPIC, "pages", ("retention.ms", DELETE, None))

    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 604_800_000


async def test_lists_are_added_to_and_taken_from(client: RawClient, broker: RunningBroker) -> None:
    await make_topic(client, "pages")
    log = broker.services.partitions.get("pages", 0).log

    await altered(client, TOPIC, "pages", ("cleanup.policy", APPEND, "compact"))
    both = log.config.cleanup_policy
    await altered(client, TOPIC, "pages", ("cleanup.policy", SUBTRACT, "delete"))

    assert both == {"compact", "delete"}
    assert log.config.cleanup_policy == {"compact"}


async def test_a_default_of_all_brokers_reaches_the_topics_without_a_value(
    client: RawClient, broker: RunningBroker
) -> None:
    await make_topic(client, "pages")

    answer = await altered(client, BROKER, "", ("log.retention.ms", SET, "77"))

    assert answer.error_code == ErrorCode.NONE
    assert broker.services.partitions.get("pages", 0).log.config.retention_ms == 77


async def somebody_waits(broker: RunningBroker) -> None:
    """Until the listener has seen a client for whom there is no room."""
    while not broker.services.metrics.accept_blocked_s["PLAINTEXT"]():
        await asyncio.sleep(0.005)


async def test_limits_of_connections_count_from_now_on(
    client: RawClient, broker: RunningBroker
) -> None:
    await altered(client, BROKER, "1", ("max.connections", SET, "1"))

    second = await RawClient.connect(broker.host, broker.port)
    await somebody_waits(broker)
    await altered(client, BROKER, "1", ("max.connections", SET, "2"))
    await make_topic(second, "pages")

    assert "pages" in broker.services.cluster.image.topics  # the second client was served
    second.close()


async def test_a_single_listener_has_limits_of_its_own(
    client: RawClient, broker: RunningBroker
) -> None:
    for listener, bound in (("elsewhere", "1"), ("PLAINTEXT", "2")):
        name = f"listener.name.{listener}.max.connections"
        answer = await altered(client, BROKER, "", (name, SET, bound))
        assert answer.error_code == ErrorCode.NONE
    second = await RawClient.connect(broker.host, broker.port)
    await make_topic(second, "pages")  # it is served
    third = await RawClient.connect(broker.host, broker.port)

    await somebody_waits(broker)
    (told,) = (
        await described(client, BROKER, "1", ["listener.name.PLAINTEXT.max.connections"])
    ).configs

    second.close()
    await make_topic(third, "events")  # now there is room

    assert [(one.name, one.value) for one in told.synonyms] == [
        ("listener.name.PLAINTEXT.max.connections", "2"),
        ("max.connections", "10000"),
    ]
    third.close()


async def test_single_addresses_have_a_bound_of_their_own(
    client: RawClient, broker: RunningBroker
) -> None:
    await altered(client, BROKER, "", ("max.connections.per.ip", SET, "1"))
    overrides = ("max.connections.per.ip.overrides", SET, "10.0.0.1:7,localhost:2")
    await altered(client, BROKER, "", overrides)

    second = await RawClient.connect(broker.host, broker.port)
    await make_topic(second, "pages")  # it is served
    third = await RawClient.connect(broker.host, broker.port)

    assert await third.read_to_end() == b""
    second.close()
    third.close()


async def test_overrides_stay_while_only_they_let_anybody_in(client: RawClient) -> None:
    overrides, of_all = "max.connections.per.ip.overrides", "max.connections.per.ip"
    await altered(client, BROKER, "", (overrides, SET, "localhost:9"))
    await altered(client, BROKER, "1", (overrides, SET, "localhost:8"), (of_all, SET, "0"))

    one_of_two = await altered(client, BROKER, "1", (overrides, DELETE, None))
    deleted = await altered(client, BROKER, "", (overrides, DELETE, None))
    emptied = await altered(client, BROKER, "", (overrides, SET, ""))
    await altered(client, BROKER, "1", (of_all, DELETE, None))
    after = await altered(client, BROKER, "", (overrides, DELETE, None))

    assert one_of_two.error_code == ErrorCode.NONE
    assert deleted.error_code == emptied.error_code == REFUSED
    assert "to zero only if max." in str(deleted.error_message)
    assert after.error_code == ErrorCode.NONE


async def test_connections_beyond_the_rate_of_the_broker_wait_for_their_turn(
    client: RawClient, broker: RunningBroker
) -> None:
    await altered(client, BROKER, "", ("max.connection.creation.rate", SET, "2"))
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    opened = [await RawClient.connect(broker.host, broker.port) for _ in range(21)]
    await make_topic(opened[-2], "first")
    quick_s = loop.time() - began_s
    await make_topic(opened[-1], "last")

    assert quick_s < 5  # it would be 10, had each of them waited half a second
    assert loop.time() - began_s >= 0.5
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "name", ["num.io.threads", "num.network.threads", "background.threads", "num.replica.fetchers"]
)
async def test_sizes_of_thread_pools_double_or_halve_and_do_nothing(
    client: RawClient, name: str
) -> None:
    (told,) = (await described(client, BROKER, "1", [name])).configs
    now = int(told.value or 0)

    doubled = await altered(client, BROKER, "", (name, SET, str(2 * now)))
    beyond = await altered(client, BROKER, "", (name, SET, str(4 * now + 1)))
    below = await altered(client, BROKER, "", (name, SET, "0"))

    (after,) = (await described(client, BROKER, "1", [name])).configs
    assert doubled.error_code == ErrorCode.NONE
    assert (after.value, after.config_source, after.read_only) == (str(2 * now), 3, False)
    assert f"not be greater than double the current value {2 * now}" in str(beyond.error_message)
    assert "Value must be at least 1" in str(below.error_message)


async def test_as_many_logs_are_compacted_at_once_as_is_asked_for(client: RawClient) -> None:
    doubled = await altered(client, BROKER, "", ("log.cleaner.threads", SET, "2"))
    beyond = await altered(client, BROKER, "", ("log.cleaner.threads", SET, "5"))

    assert doubled.error_code == ErrorCode.NONE
    assert "more than double the current value 2" in str(beyond.error_message)


async def test_each_cleaner_thread_needs_more_than_a_mebibyte_of_buffer(client: RawClient) -> None:
    """The harness of Kafka's own tests gives 2 MiB, and two threads are refused there."""
    buffer, threads = "log.cleaner.dedupe.buffer.size", "log.cleaner.threads"
    just_one = await altered(client, BROKER, "1", (buffer, SET, str(2 << 20)))

    both = await altered(client, BROKER, "1", (threads, SET, "2"))
    wider = await altered(client, BROKER, "1", (buffer, SET, "2097154"), (threads, SET, "2"))
    narrower = await altered(client, BROKER, "1", (buffer, SET, str(2 << 20)))

    assert [just_one.error_code, wider.error_code] == [ErrorCode.NONE, ErrorCode.NONE]
    assert both.error_code == narrower.error_code == ErrorCode.INVALID_REQUEST
    assert "must be at least 1MB per cleaner thread" in str(both.error_message)


async def test_settings_of_kerberos_can_be_changed_and_do_nothing(client: RawClient) -> None:
    """librdkafka's own test of AlterConfigs takes one of them as its broker setting."""
    name = "sasl.kerberos.min.time.before.relogin"

    changed = await altered(client, BROKER, "1", (name, SET, "58000"))
    refused = await altered(client, BROKER, "1", (name, SET, "soon"))

    assert changed.error_code == ErrorCode.NONE
    assert "Not a number of type LONG" in str(refused.error_message)


REFUSED = ErrorCode.INVALID_REQUEST
INVALID = ErrorCode.INVALID_CONFIG


@pytest.mark.parametrize(
    ("kind", "resource", "changes", "code", "words"),
    [
        (
            TOPIC,
            "none",
            [("retention.ms", SET, "1")],
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "The topic 'none' does not exist.",
        ),
        (TOPIC, "", [("retention.ms", SET, "1")], REFUSED, "Default topic resources are not"),
        (TOPIC, "a b", [("retention.ms", SET, "1")], ErrorCode.INVALID_TOPIC_EXCEPTION, "'a b'"),
        (TOPIC, "pages", [("no.such", SET, "1")], INVALID, "Unknown topic config name: no.such"),
        (TOPIC, "pages", [("retention.ms", SET, "-2")], INVALID, "Value must be at least -1"),
        (TOPIC, "pages", [("retention.ms", SET, "1_0")], INVALID, "Not a number of type LONG"),
        (TOPIC, "pages", [("retention.ms", SET, None)], REFUSED, "Null value not supported for :"),
        (TOPIC, "pages", [("retention.ms", APPEND, "1")], INVALID, "because its type is not LIST"),
        (TOPIC, "pages", [("retention.ms", 9, "1")], ErrorCode.UNKNOWN_SERVER_ERROR, "None"),
        (TOPIC, "pages", [("retention.ms", SET, "1")] * 2, REFUSED, "duplicate config keys"),
        (TOPIC, "pages", [("max.message.bytes", SET, "99999999999")], INVALID, "of type INT"),
        (TOPIC, "pages", [("cleanup.policy", SET, "forget")], INVALID, "must be one of: compact"),
        (TOPIC, "pages", [("preallocate", SET, "maybe")], INVALID, "to be either true or false"),
        (TOPIC, "pages", [("segment.bytes", SET, "1000")], INVALID, "must be at least 1048576"),
        (TOPIC, "pages", [("compression.gzip.level", SET, "0")], INVALID, "9 or equal to -1"),
        (TOPIC, "pages", [("remote.storage.enable", SET, "true")], INVALID, "is disabled in the"),
        (
            TOPIC,
            "pages",
            [("leader.replication.throttled.replicas", SET, "x")],
            INVALID,
            "must be the literal '*'",
        ),
        (
            TOPIC,
            "pages",
            [("min.compaction.lag.ms", SET, "9"), ("max.compaction.lag.ms", SET, "5")],
            INVALID,
            "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)",
        ),
        (BROKER, "1", [("node.id", SET, "2")], REFUSED, "dynamically: Set(node.id)"),
        (BROKER, "1", [("ssl.keystore.location", SET, "x")], REFUSED, "only per-listener"),
        (BROKER, "", [("listeners", SET, "x")], REFUSED, "must be specified: Set(listeners)"),
        (BROKER, "", [("sasl.kerberos.kinit.cmd", SET, "x")], REFUSED, "default cluster level"),
        (BROKER, "", [("listener.name.a.ssl.keystore.location", SET, "x")], REFUSED, "broker id"),
        (BROKER, "", [("listener.name.a.max.connections", SET, "-1")], REFUSED, "be at least 0"),
        (BROKER, "", [("listener.name.a.max.connections", SET, "0")], REFUSED, "connections 0 for"),
        (
            BROKER,
            "",
            [("listener.name.a.max.connection.creation.rate", SET, "00")],
            REFUSED,
            "Invalid max.connection.creation.rate 0",
        ),
        (BROKER, "", [("max.connection.creation.rate", SET, "00")], REFUSED, "creation.rate 0 for"),
        (BROKER, "", [("log.retention.ms", SET, "0")], REFUSED, "must be unlimited (-1) or,"),
        (BROKER, "1", [("max.connections", SET, "0")], REFUSED, "Invalid max.connections 0"),
        (BROKER, "1", [("max.connections.per.ip", SET, "0")], REFUSED, "to zero only if max."),
        (BROKER, "1", [("max.connections.per.ip.overrides", SET, "::")], REFUSED, "input string"),
        (BROKER, "1", [("max.connections.per.ip.overrides", SET, "x")], REFUSED, "Error parsing"),
        (BROKER, "", [("remote.log.reader.threads", SET, "4")], REFUSED, "at least half the"),
        (BROKER, "1", [("message.max.bytes", SET, "-3")], REFUSED, "message.max.bytes: Value must"),
        (BROKER, "1", [("min.insync.replicas", SET, "2")], INVALID, "Broker-level min.insync"),
        (BROKER, "", [("min.insync.replicas", DELETE, None)], INVALID, "cannot be removed while"),
        (BROKER, "", [("log.retention.ms", APPEND, "1")], INVALID, "append is not allowed for"),
        (BROKER, "9", [("log.retention.ms", SET, "2")], REFUSED, "expected 1, but received 9"),
        (BROKER, "x", [("log.retention.ms", SET, "2")], REFUSED, "Node id must be an integer"),
        (GROUP, "", [("share.isolation.level", SET, "x")], REFUSED, "Default group resources are"),
        (7, "x", [("retention.ms", SET, "2")], REFUSED, "Unknown resource type 7"),
    ],
)
async def test_what_cannot_be_set_is_refused_in_kafkas_words(
    client: RawClient,
    kind: int,
    resource: str,
    changes: list[tuple[str, int, str | None]],
    code: ErrorCode,
    words: str,
) -> None:
    await make_topic(client, "pages")

    answer = await altered(client, kind, resource, *changes)

    assert answer.error_code == code
    assert words in str(answer.error_message)
