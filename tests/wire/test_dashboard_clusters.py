"""The dashboard over a real Apache Kafka beside our own broker: every page, lag, bytes, log-in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from dashboard.cluster.model import Estimate, Group, GroupState, Snapshot
from tests.support.real_kafka import PASSWORD, STRANGER, USER, RealKafka, real_kafka
from tests.support.running_broker import running_broker
from tests.support.watching import Watching, watching
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.changes import Changes, Refused
from tracker.kafka.security import (
    Acl,
    Mechanism,
    NoAuthorizer,
    NotForUs,
    Quota,
    ScramSecret,
    ScramUser,
    SecurityAdmin,
)
from tracker.topics import TopicPartition

pytestmark = [pytest.mark.wire, pytest.mark.may_block]

SECONDS = 60.0
STAYS_OPEN = {"transaction.timeout.ms": 600_000}
PAGES = (
    "/",
    "/topics?internal=1",
    "/topics/stamped",
    "/topics/stamped?tab=partitions",
    "/topics/stamped?tab=consumers",
    "/topics/stamped?tab=messages",
    "/topics/stamped?tab=config",
    "/topics/__consumer_offsets?tab=messages",
    "/groups",
    "/groups/new-protocol",
    "/cluster",
    "/brokers/1",
    "/security",
    "/security?tab=users",
    "/security?tab=quotas",
    "/audit",
    "/alerts",
    "/settings",
)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    with real_kafka(tmp_path_factory.mktemp("apache") / "kafka") as running:
        fill(running.plain)
        yield running


def make(bootstrap: str, topic: str, **configs: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    named = {key.replace("_", "."): value for key, value in configs.items()}
    for future in admin.create_topics([NewTopic(topic, 1, 1, config=named)]).values():
        future.result(SECONDS)


def write(bootstrap: str, topic: str, values: int, **options: Any) -> confluent_kafka.Producer:
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, **options})
    if "transactional.id" in options:
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
    for number in range(values):
        producer.produce(topic, b"%d" % number, key=b"%d" % (number % 3), partition=0)
    assert producer.flush(SECONDS) == 0
    return producer


def read(bootstrap: str, group: str, topic: str, values: int, **options: Any) -> Any:
    """A member of `group` that has read and committed so many; the caller closes it."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **options,
        }
    )
    consumer.subscribe([topic])
    for _ in range(values):
        message = consumer.poll(SECONDS)
        assert message is not None and message.error() is None
        consumer.commit(message=message, asynchronous=False)
    return consumer


def fill(bootstrap: str) -> None:
    """Topics, groups and transactions of every kind; what is told of them stands in the tests."""
    make(bootstrap, "stamped", message_timestamp_type="LogAppendTime")
    make(bootstrap, "transacted")
    make(bootstrap, "held")
    write(bootstrap, "stamped", 20)
    write(bootstrap, "transacted", 3, **{"transactional.id": "done"}).commit_transaction(SECONDS)
    read(bootstrap, "caught-up", "transacted", 3).close()
    read(bootstrap, "classic-protocol", "stamped", 5).close()
    write(bootstrap, "held", 2)
    read(bootstrap, "waits", "held", 2).close()


@pytest.fixture
async def watch(kafka: RealKafka, tmp_path: Path) -> AsyncIterator[Watching]:
    """Our own broker first, then the Apache Kafka through its listener with log-in."""
    async with running_broker(tmp_path / "broker") as broker:
        clusters = {
            "local": KafkaConfig(bootstrap_servers=broker.bootstrap),
            "apache": KafkaConfig(
                bootstrap_servers=kafka.sasl,
                security_protocol="SASL_PLAINTEXT",
                sasl_username=USER,
                sasl_password=PASSWORD,
            ),
            "stranger": KafkaConfig(
                bootstrap_servers=kafka.sasl,
                security_protocol="SASL_PLAINTEXT",
                sasl_username=USER,
                sasl_password="wrong",
            ),
        }
        async with watching(clusters, tmp_path / "dashboard") as made:
            yield made


async def snapshot_of(watch: Watching) -> Snapshot:
    async with asyncio.timeout(SECONDS):
        poller = await watch.seen("apache")
    assert poller.snapshot is not None
    return poller.snapshot


def only_part(group: Group) -> tuple[int | None, Estimate, GroupState]:
    (part,) = group.partitions
    return part.lag, part.estimate, part.state


async def test_lag_transactions_and_bytes_of_an_apache_kafka(
    watch: Watching, kafka: RealKafka
) -> None:
    open_one = await asyncio.to_thread(
        write, kafka.plain, "held", 4, **{"transactional.id": "open", **STAYS_OPEN}
    )
    member = await asyncio.to_thread(
        read, kafka.plain, "new-protocol", "stamped", 8, **{"group.protocol": "consumer"}
    )

    async with asyncio.timeout(SECONDS):
        poller = await watch.seen("apache")
        while not has_settled(poller.snapshot):
            await poller.wait_for(poller.version, 1.0)
    assert poller.snapshot is not None
    groups, topics = poller.snapshot.groups, poller.snapshot.topics

    assert only_part(groups["classic-protocol"]) == (15, Estimate.EXACT, GroupState.STOPPED)
    assert only_part(groups["new-protocol"]) == (12, Estimate.EXACT, GroupState.OK)
    assert (groups["new-protocol"].protocol, len(groups["new-protocol"].members)) == ("consumer", 1)
    assert only_part(groups["caught-up"])[0] == 0  # a marker takes the offset after its records
    assert groups["waits"].partitions[0].held_by_transaction == 4
    assert (topics["transacted"].size or 0) > 20
    assert len(topics["stamped"].topic_id) == 22
    assert poller.snapshot.log_dirs[0].free_bytes > 0
    for page in PAGES:
        separator = "&" if "?" in page else "?"
        await watch.page(f"{page}{separator}cluster=apache")
    open_one.abort_transaction(SECONDS)
    member.close()


def has_settled(snapshot: Snapshot | None) -> bool:
    """The member's commits, the open transaction and the bytes are in it, told of by now."""
    group = snapshot.groups.get("new-protocol") if snapshot is not None else None
    if snapshot is None or group is None or not group.members:
        return False
    told = all(topic.size is not None for topic in snapshot.topics.values())
    held = snapshot.groups["waits"].partitions[0].held_by_transaction
    return told and only_part(group)[::2] == (12, GroupState.OK) and held > 0


async def test_a_topic_made_anew_is_another_topic(watch: Watching, kafka: RealKafka) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.plain})
    await asyncio.to_thread(make, kafka.plain, "renewed")
    ids = await asyncio.to_thread(Admin(plain(kafka)).topic_ids, ["renewed"], SECONDS)

    await asyncio.to_thread(admin.delete_topics(["renewed"])["renewed"].result, SECONDS)
    await asyncio.to_thread(make, kafka.plain, "renewed")
    async with asyncio.timeout(SECONDS):
        poller = await watch.seen("apache")
        while poller.snapshot is None or id_of(poller.snapshot) in ("", ids["renewed"]):
            await poller.wait_for(poller.version, 1.0)

    assert poller.snapshot.topics["renewed"].records == 0


def id_of(snapshot: Snapshot) -> str:
    found = snapshot.topics.get("renewed")
    return found.topic_id if found is not None else ""


async def test_asking_for_a_topic_never_makes_it(kafka: RealKafka) -> None:
    """This Kafka makes topics for clients that ask for them by name and do not say not to."""
    admin = Admin(plain(kafka))
    gone = TopicPartition("never-made", 0)

    for question in (
        lambda: admin.topic_ids([gone.topic], 3.0),
        lambda: admin.offsets([gone], "latest", 3.0),
        lambda: admin.topic_configs([gone.topic], 3.0),
    ):
        with pytest.raises(ClusterUnavailable):
            await asyncio.to_thread(question)

    metadata = await asyncio.to_thread(admin.metadata, SECONDS)
    assert gone.topic not in metadata.topics


async def test_a_wrong_password_is_told_on_its_own_cluster_only(watch: Watching) -> None:
    await snapshot_of(watch)
    stranger = watch.state.pollers["stranger"]
    async with asyncio.timeout(SECONDS):
        while "not asked yet" in stranger.connection.error:
            await stranger.wait_for(stranger.version, 1.0)

    assert not stranger.connection.up
    assert 'footfall_collector_up{kafka_cluster="apache"} 1' in await watch.page("/metrics")
    assert 'footfall_collector_up{kafka_cluster="stranger"} 0' in await watch.page("/metrics")


def plain(kafka: RealKafka) -> KafkaConfig:
    return KafkaConfig(bootstrap_servers=kafka.plain)


ANN = Acl("User:ann", "TOPIC", "stamp", "PREFIXED", "READ", "ALLOW", "10.0.0.1")


def told(question: Callable[[], object], wanted: object) -> None:
    """A broker of Apache Kafka learns of a change a moment after its controller answered."""
    deadline = time.monotonic() + SECONDS
    while (found := question()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == wanted


def rights_change_and_are_told(admin: SecurityAdmin) -> str:
    """The same against any cluster; what it says to a quota that cannot be."""
    bob = Acl("User:bob", "USER", "bob", "LITERAL", "CREATE_TOKENS", "DENY")
    admin.create_acls([ANN, bob])
    told(admin.acls, (ANN, bob))
    assert (admin.delete_acls([ANN]), admin.delete_acls([ANN])) == (1, 0)

    admin.put_scram_user(ScramSecret("ann", Mechanism.SCRAM_SHA_256, 4_096, "first"))
    admin.put_scram_user(ScramSecret("ann", Mechanism.SCRAM_SHA_512, 8_192, "second"))
    both = (("SCRAM-SHA-256", 4_096), ("SCRAM-SHA-512", 8_192))
    told(admin.scram_users, (ScramUser("ann", both),))
    admin.delete_scram_user("ann", Mechanism.SCRAM_SHA_256)
    told(admin.scram_users, (ScramUser("ann", both[1:]),))
    with pytest.raises(Refused, match="it is not there"):
        admin.delete_scram_user("ann", Mechanism.SCRAM_SHA_256)

    admin.set_quota({"user": "ann", "client-id": None}, {"producer_byte_rate": 1_000.0})
    admin.set_quota({"ip": "10.0.0.1"}, {"connection_creation_rate": 5.0})
    of_ann = Quota((("client-id", None), ("user", "ann")), {"producer_byte_rate": 1_000.0})
    of_address = Quota((("ip", "10.0.0.1"),), {"connection_creation_rate": 5.0})
    told(admin.quotas, (of_ann, of_address))
    admin.set_quota({"ip": "10.0.0.1"}, {"connection_creation_rate": None})
    told(admin.quotas, (of_ann,))
    with pytest.raises(Refused) as refusal:
        admin.set_quota({"user": "ann"}, {"connection_creation_rate": 5.0})
    return str(refusal.value)


async def test_rights_of_an_apache_kafka_are_told_and_changed(kafka: RealKafka) -> None:
    with contextlib.closing(SecurityAdmin(plain(kafka))) as admin:
        said = await asyncio.to_thread(rights_change_and_are_told, admin)

    assert "connection_creation_rate" in said


async def test_rights_of_our_own_broker_are_told_and_changed(tmp_path: Path) -> None:
    async with running_broker(
        tmp_path / "broker", authorizer_enabled=True, super_users="User:ANONYMOUS"
    ) as broker:
        ours = KafkaConfig(bootstrap_servers=broker.bootstrap)
        with contextlib.closing(SecurityAdmin(ours)) as admin:
            said = await asyncio.to_thread(rights_change_and_are_told, admin)
        seen = await asyncio.to_thread(offsets_and_settings_change, ours)

    assert "connection_creation_rate" in said
    assert seen == ALL_SEEN


ALL_SEEN = ["DYNAMIC_BROKER_CONFIG", "DYNAMIC_DEFAULT_BROKER_CONFIG", "as before"]


def offsets_and_settings_change(connection: KafkaConfig) -> list[str]:
    """The same against any cluster; where a setting of its broker came from, one by one."""
    seen = []
    admin, changes = Admin(connection), Changes(connection)
    place = TopicPartition("forgotten", 0)
    make(connection.bootstrap_servers, place.topic)
    changes.commit_offsets("forgetful", {place: 0})
    changes.delete_offsets("forgetful", [place])
    assert admin.committed(["forgetful"], SECONDS) == {"forgetful": {}}
    with pytest.raises(Refused):
        changes.delete_offsets("never-seen", [place])

    (broker,) = admin.metadata(SECONDS).brokers
    asked = {"log.retention.ms": "7200000"}
    changes.set_broker_configs(str(broker.id), asked, validate_only=True)
    before = admin.broker_configs([broker.id], SECONDS)[str(broker.id)]["log.retention.ms"]
    changes.set_broker_configs(str(broker.id), asked, validate_only=False)

    def source() -> tuple[str, str]:
        found = admin.broker_configs([broker.id], SECONDS)[str(broker.id)]["log.retention.ms"]
        return found.value, found.source

    assert before.value != "7200000"
    told(source, ("7200000", "DYNAMIC_BROKER_CONFIG"))
    seen.append(source()[1])
    changes.set_broker_configs(str(broker.id), {"log.retention.ms": None}, validate_only=False)
    with pytest.raises(Refused):
        changes.set_broker_configs(str(broker.id), {"log.retention.ms": "x"}, validate_only=True)
    assert admin.racks(SECONDS) == {}

    with pytest.raises(Refused):
        changes.set_broker_configs("", {"log.retention.ms": "x"}, validate_only=False)
    changes.set_broker_configs("", {"log.retention.ms": "1"}, validate_only=True)
    changes.set_broker_configs("", asked, validate_only=False)
    told(source, ("7200000", "DYNAMIC_DEFAULT_BROKER_CONFIG"))
    seen.append(source()[1])
    changes.set_broker_configs("", {"log.retention.ms": None}, validate_only=False)
    told(source, (before.value, before.source))
    return [*seen, "as before"]


async def test_offsets_and_brokers_of_an_apache_kafka_are_changed(kafka: RealKafka) -> None:
    seen = await asyncio.to_thread(offsets_and_settings_change, plain(kafka))

    assert seen == ALL_SEEN


async def test_who_may_not_see_rights_is_told_so(kafka: RealKafka, tmp_path: Path) -> None:
    stranger = KafkaConfig(
        bootstrap_servers=kafka.sasl,
        security_protocol="SASL_PLAINTEXT",
        sasl_username=STRANGER,
        sasl_password=PASSWORD,
    )
    async with running_broker(tmp_path / "broker") as open_to_all:
        ours = KafkaConfig(bootstrap_servers=open_to_all.bootstrap)
        with (
            contextlib.closing(SecurityAdmin(ours)) as admin,
            pytest.raises(NoAuthorizer, match="no authorizer"),
        ):
            await asyncio.to_thread(admin.acls)
    with contextlib.closing(SecurityAdmin(stranger)) as admin:
        for question in (admin.acls, admin.scram_users, admin.quotas):
            with pytest.raises(NotForUs, match="does not allow it"):
                await asyncio.to_thread(question)
