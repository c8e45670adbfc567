from pathlib import Path

from broker.errors import ErrorCode
from broker.metadata.config_definition import ConfigType
from broker.metadata.config_table import TOPIC_CONFIGS
from tests.support.config_calls import described, set_broker_config
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.topic_calls import batch_of, make_topic, write

TOPIC, BROKER, GROUP = 2, 4, 32
DATA = Path(__file__).parent.parent / "metadata"
FIXED_HERE = {
    "listener.security.protocol.map",
    "listeners",
    "metric.reporters",
    "principal.builder.class",
    "sasl.enabled.mechanisms",
    "sasl.jaas.config",
    "transaction.partition.verification.enable",
}
"""What Kafka changes while it runs, and this broker does not; beside all of TLS."""


async def test_every_setting_of_a_topic_is_told_with_its_meaning(client: RawClient) -> None:
    await make_topic(client, "pages", retention_ms="1000")

    result = await described(client, TOPIC, "pages")

    assert [config.name for config in result.configs] == list(TOPIC_CONFIGS)
    assert all(config.documentation and config.value is not None for config in result.configs)


async def test_a_hidden_setting_is_told_of_the_topic_that_has_it_and_rolls_its_log(
    client: RawClient, broker: RunningBroker
) -> None:
    """As in Apache Kafka 4.2, whose own tests make small segments so."""
    await make_topic(client, "pages", internal_segment_bytes="200")
    for _ in range(3):
        await write(client, "pages", batch_of(b"v" * 100))

    (config,) = (await described(client, TOPIC, "pages", ["internal.segment.bytes"])).configs
    segments = broker.services.partitions.get("pages", 0).log.segments

    assert (config.value, config.config_source) == ("200", 1)
    assert [segment.base_offset for segment in segments] == [0, 1, 2]


async def test_a_value_of_its_own_stands_before_the_brokers(client: RawClient) -> None:
    await make_topic(client, "pages", retention_ms="1000")

    (config,) = (await described(client, TOPIC, "pages", ["retention.ms"])).configs

    assert (config.value, config.config_source, config.config_type) == ("1000", 1, 5)
    assert [(one.name, one.value, one.source) for one in config.synonyms] == [
        ("retention.ms", "1000", 1),
    ]


async def test_a_default_counted_in_hours_stands_behind_one_in_milliseconds(
    client: RawClient,
) -> None:
    await make_topic(client, "pages")
    await set_broker_config(client, "1", "log.retention.ms", "1000")
    await set_broker_config(client, "", "log.retention.ms", "2000")

    (config,) = (await described(client, TOPIC, "pages", ["retention.ms"])).configs

    assert (config.value, config.config_source) == ("1000", 2)
    assert [(one.name, one.value, one.source) for one in config.synonyms] == [
        ("log.retention.ms", "1000", 2),
        ("log.retention.ms", "2000", 3),
        ("log.retention.hours", "168", 5),
    ]


async def test_settings_of_the_broker_carry_kafkas_names(client: RawClient) -> None:
    result = await described(client, BROKER, "1")

    told = {config.name: config for config in result.configs}
    assert told["message.max.bytes"].value == "1048588"
    assert told["delete.topic.enable"].value == "true"
    assert (told["node.id"].value, told["node.id"].config_source) == ("1", 4)
    assert told["log.retention.ms"].value is None
    assert told["log.retention.hours"].value == "168"
    assert told["process.roles"].value == "broker,controller"
    assert told["delegation.token.secret.key"].is_sensitive
    assert all(config.documentation for config in result.configs)


async def test_every_setting_of_kafka_is_told_with_its_type(client: RawClient) -> None:
    lines = (DATA / "kafka_4_2_settings.txt").read_text().splitlines()[1:]

    told = {config.name: config for config in (await described(client, BROKER, "1")).configs}

    kafkas = {name: (kind, change) for name, kind, change in map(str.split, lines)}
    assert kafkas.keys() - told.keys() == set()
    assert {name for name in told.keys() - kafkas.keys() if told[name].config_source == 5} == set()
    assert {
        name
        for name, (kind, _) in kafkas.items()
        if ConfigType(told[name].config_type).name != kind
    } == {"log.cleanup.policy"}
    changeable = {name for name, (_, change) in kafkas.items() if change == "changes"}
    assert {name for name in kafkas if not told[name].read_only} - changeable == set()
    assert {
        name.partition(".")[0]
        for name in changeable
        if told[name].read_only and name not in FIXED_HERE
    } == {"ssl"}


async def test_a_setting_that_kafka_has_not_is_told_when_it_was_given(tmp_path: Path) -> None:
    names = ["log.flush", "super.users"]
    async with (
        running_broker(tmp_path, log_flush="os") as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        result = await described(client, BROKER, "1", names)

    assert [(one.name, one.value, one.config_source) for one in result.configs] == [
        ("log.flush", "os", 4)
    ]


async def test_the_broker_tells_where_it_listens_and_writes(
    client: RawClient, broker: RunningBroker
) -> None:
    result = await described(client, BROKER, "1", ["advertised.listeners", "log.dirs"])

    values = {config.name: config.value for config in result.configs}
    assert values == {
        "advertised.listeners": f"PLAINTEXT://{broker.host}:{broker.port}",
        "log.dirs": ",".join(broker.services.partitions.workers),
    }


async def test_a_setting_that_nobody_knows_is_kept_and_hidden(client: RawClient) -> None:
    await set_broker_config(client, "", "plugin.password", "hush")

    (shared,) = [
        one for one in (await described(client, BROKER, "")).configs if one.name[:6] == "plugin"
    ]
    (own,) = (await described(client, BROKER, "1", ["plugin.password"])).configs

    assert (shared.value, shared.is_sensitive, shared.read_only) == (None, True, True)
    assert (own.value, own.config_source) == (None, 3)


async def test_with_eligible_replicas_the_cluster_has_a_minimum_of_its_own(
    client: RawClient,
) -> None:
    (config,) = (await described(client, BROKER, "")).configs

    assert (config.name, config.value, config.config_source) == ("min.insync.replicas", "1", 3)


async def test_what_is_not_there_is_refused(client: RawClient) -> None:
    assert (await described(client, TOPIC, "none")).error_code == (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )
    assert (await described(client, BROKER, "7")).error_code == ErrorCode.INVALID_REQUEST
    assert (await described(client, 99, "x")).error_code == ErrorCode.INVALID_REQUEST


async def test_settings_of_a_group_come_from_the_broker_s(client: RawClient) -> None:
    result = await described(client, GROUP, "group")

    (session,) = [one for one in result.configs if one.name == "consumer.session.timeout.ms"]
    assert (session.value, session.config_source) == ("45000", 5)
