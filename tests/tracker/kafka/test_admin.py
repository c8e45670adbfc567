"""The admin client in our own types, asked of a running broker."""

import asyncio
import gc
import socket
import subprocess
import sys
import weakref
from pathlib import Path

import confluent_kafka
import pytest

from tests.support.running_broker import RunningBroker, broker_process
from tracker.config import KafkaConfig
from tracker.kafka.admin import (
    EARLIEST,
    LATEST,
    LATEST_STABLE,
    SILENT_MAX,
    Admin,
    ClusterUnavailable,
)
from tracker.kafka.answers import Sizes
from tracker.kafka.changes import Changes
from tracker.kafka.reader import RecordReader
from tracker.kafka.topics import ensure_topics
from tracker.topics import Topic, TopicPartition

VISITS = Topic("visits", partitions=2, configs={"message.timestamp.type": "LogAppendTime"})
SECONDS = 60.0

pytestmark = pytest.mark.may_block


def fill(config: KafkaConfig, values: int = 20) -> None:
    """Twenty records into partition 0 of a topic of two."""
    ensure_topics(config, [VISITS])
    producer = confluent_kafka.Producer({"bootstrap.servers": config.bootstrap_servers})
    for number in range(values):
        producer.produce("visits", b"%d" % number, partition=0, headers=[("n", b"1")])
    assert producer.flush(SECONDS) == 0


def commit(config: KafkaConfig, group: str, offset: int) -> None:
    """Commit as a consumer without members would: the group is empty afterwards."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": config.bootstrap_servers, "group.id": group}
    )
    where = confluent_kafka.TopicPartition("visits", 0, offset)
    consumer.commit(offsets=[where], asynchronous=False)
    consumer.close()


async def test_metadata_tells_brokers_topics_and_leaders(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)

    found = await asyncio.to_thread(Admin(config).metadata, SECONDS)

    assert len(found.brokers) == 1
    assert [part.index for part in found.topics["visits"]] == [0, 1]
    assert found.topics["visits"][0].leader == found.brokers[0].id
    assert found.topics["visits"][0].isr == found.topics["visits"][0].replicas


async def test_asking_for_offsets_creates_no_topic(config: KafkaConfig) -> None:
    admin = Admin(config)

    with pytest.raises(ClusterUnavailable):
        await asyncio.to_thread(admin.offsets, [TopicPartition("nowhere", 0)], LATEST, 2.0)

    assert "nowhere" not in (await asyncio.to_thread(admin.metadata, SECONDS)).topics


async def test_offsets_start_end_and_stable_end(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    admin = Admin(config)
    places = [TopicPartition("visits", 0), TopicPartition("visits", 1)]

    found = [
        list((await asyncio.to_thread(admin.offsets, places, which, SECONDS)).values())
        for which in (EARLIEST, LATEST, LATEST_STABLE)
    ]

    assert found == [[0, 0], [20, 0], [20, 0]]


async def test_partitions_that_were_added_are_told_at_once(config: KafkaConfig) -> None:
    """A reset of offsets was refused for minutes: the client had not heard of the new one."""
    await asyncio.to_thread(fill, config)
    admin = Admin(config)
    before = [TopicPartition("visits", index) for index in range(2)]
    await asyncio.to_thread(admin.offsets, before, LATEST, SECONDS)

    await asyncio.to_thread(Changes(config).add_partitions, "visits", 3)
    added = TopicPartition("visits", 2)
    found = await asyncio.to_thread(admin.offsets, [*before, added], LATEST, SECONDS)

    assert found[added] == 0


async def test_offsets_for_a_time_after_everything_are_the_end(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    place = TopicPartition("visits", 0)

    found = await asyncio.to_thread(
        Admin(config).offsets_for_time, [place], 4_000_000_000_000, SECONDS
    )

    assert found == {place: 20}


async def test_commits_of_a_group_without_members_are_seen(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    await asyncio.to_thread(commit, config, "export", 7)
    admin = Admin(config)

    groups = await asyncio.to_thread(admin.list_groups, SECONDS)
    described = await asyncio.to_thread(admin.describe_groups, groups, SECONDS)
    commits = await asyncio.to_thread(admin.committed, groups, SECONDS)

    assert groups == ("export",)
    assert (described["export"].state, described["export"].members) == ("empty", ())
    assert commits == {"export": {TopicPartition("visits", 0): 7}}


async def test_members_and_what_they_own_are_seen(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": config.bootstrap_servers,
            "group.id": "export",
            "client.id": "worker-1",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["visits"])
    assert await asyncio.to_thread(consumer.consume, 1, SECONDS)

    found = await asyncio.to_thread(Admin(config).describe_groups, ["export"], SECONDS)
    await asyncio.to_thread(consumer.close)

    (member,) = found["export"].members
    assert member.client_id == "worker-1"
    assert sorted(member.assignment) == [("visits", 0), ("visits", 1)]


async def test_settings_of_a_topic_say_which_were_set(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)

    found = await asyncio.to_thread(Admin(config).topic_configs, ["visits"], SECONDS)

    stamp = found["visits"]["message.timestamp.type"]
    assert (stamp.value, stamp.is_default) == ("LogAppendTime", False)
    assert found["visits"]["retention.ms"].is_default


async def test_first_records_are_read_again_and_again_by_one_reader(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    reader, place = RecordReader(config), TopicPartition("visits", 0)

    found = [
        (await asyncio.to_thread(reader.first, {place: offset}, SECONDS))[place]
        for offset in (3, 19, 3)
    ]
    nothing = await asyncio.to_thread(reader.first, {TopicPartition("visits", 1): 0}, SECONDS)
    reader.close()

    assert [record.offset for record in found if record is not None] == [3, 19, 3]
    assert all(record is not None and record.is_append_time for record in found)
    assert [record.sizes for record in found if record] == [Sizes(0, n, 2) for n in (1, 2, 1)]
    assert nothing == {TopicPartition("visits", 1): None}


async def test_a_reader_reads_on_to_the_end_and_can_stop(config: KafkaConfig) -> None:
    await asyncio.to_thread(fill, config)
    reader, place = RecordReader(config), TopicPartition("visits", 0)

    def read() -> tuple[list[int], bool]:
        offsets: list[int] = []
        reader.start({place: 5})
        for _ in range(40):
            reading = reader.read(100, 0.25)
            offsets += [record.offset for record in reading.records]
            if place in reading.ended:
                break
        reader.stop()
        return offsets, place in reading.ended

    first, second = await asyncio.to_thread(read), await asyncio.to_thread(read)
    reader.close()

    assert first == second == (list(range(5, 20)), True)


async def test_a_cluster_that_is_not_there_is_told_in_time(broker: RunningBroker) -> None:
    admin = Admin(KafkaConfig(bootstrap_servers="127.0.0.1:1"))

    async with asyncio.timeout(50):
        with pytest.raises(ClusterUnavailable):
            await asyncio.to_thread(admin.ping, 1.0)
        with pytest.raises(ClusterUnavailable):
            await asyncio.to_thread(admin.metadata, 1.0)


def test_a_new_client_asks_once_no_coordinator_answered_three_questions() -> None:
    """A client of librdkafka may never reach coordinators again after a broker stood still."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        asked = Admin(KafkaConfig(bootstrap_servers=f"127.0.0.1:{mute.getsockname()[1]}"))
        clients = [asked._client]

        for _ in range(SILENT_MAX):
            with pytest.raises(ClusterUnavailable):
                asked.describe_groups(["g"], 0.05)
            clients.append(asked._client)

    assert [one is clients[0] for one in clients] == [True, True, True, False]


def test_a_replaced_client_is_held_while_it_may_be_asked_and_then_ended_by_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """librdkafka ends the process that leaves the end of a client to the garbage collector."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        asked = Admin(KafkaConfig(bootstrap_servers=f"127.0.0.1:{mute.getsockname()[1]}"))

        def nobody_answers(times: int) -> None:
            for _ in range(times):
                with pytest.raises(ClusterUnavailable):
                    asked.describe_groups(["g"], 0.05)

        before = asked._client
        nobody_answers(SILENT_MAX)
        held = [client for _, client in asked._replaced]
        with pytest.raises(confluent_kafka.KafkaException):  # nobody is there; but it asks
            before.list_topics(timeout=0.01)
        monkeypatch.setattr("tracker.kafka.admin.GONE_BY_S", 0.0)
        nobody_answers(1)

    assert held == [before]
    assert asked._replaced == []
    with pytest.raises(RuntimeError, match="closed"):
        before.list_topics(timeout=0.01)


def test_who_asked_in_vain_leaves_no_cycle_behind() -> None:
    """Each would hold all who called until the collector comes, the client among them."""
    admin = Admin(KafkaConfig(bootstrap_servers="127.0.0.1:1"))
    asked = weakref.WeakSet[_Names]()
    gc.disable()
    try:
        with pytest.raises(ClusterUnavailable):
            _ask_in_vain(admin, asked)
        left = len(asked)
    finally:
        gc.enable()

    assert left == 0


class _Names(list[str]):
    """A list that can be waited for."""

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment]  # each is itself


def _ask_in_vain(admin: Admin, asked: "weakref.WeakSet[_Names]") -> None:
    names = _Names(["g"])
    asked.add(names)
    admin.committed(names, 0.05)


ASKS_WHILE_IT_STANDS_STILL = """
import os, signal, sys
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.answers import Sizes
from tracker.kafka.changes import Changes

kafka = KafkaConfig(bootstrap_servers=sys.argv[1])
admin, changes = Admin(kafka), Changes(kafka, timeout_s=0.2)
admin.metadata(30)
os.kill(int(sys.argv[2]), signal.SIGSTOP)
describe = lambda: admin.describe_groups(["g"], 0.2)
for ask in (
    lambda: admin.committed(["g"], 0.2),
    lambda: changes.delete_group("g"),
    describe, describe, describe,  # the last of them takes a new client
):
    try:
        ask()
    except ClusterUnavailable:
        print("no answer")
os.kill(int(sys.argv[2]), signal.SIGCONT)
print(admin.committed(["g"], 30))
"""


def test_a_broker_that_stood_still_and_goes_on_ends_nobody_who_asked(tmp_path: Path) -> None:
    """librdkafka aborts the process when a coordinator is found for a question that timed out."""
    with broker_process(tmp_path) as broker:
        told = subprocess.run(
            [
                *(sys.executable, "-c", ASKS_WHILE_IT_STANDS_STILL),
                *(f"{broker.host}:{broker.port}", str(broker.pid)),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    assert (told.returncode, told.stdout.splitlines()) == (0, ["no answer"] * 5 + ["{'g': {}}"]), (
        told.stderr
    )


ASKS_WITH_LITTLE_PATIENCE = """
import sys
from contextlib import suppress
from tracker.config import KafkaConfig
from tracker.kafka.admin import LATEST, Admin, ClusterUnavailable
from tracker.topics import TopicPartition

admin = Admin(KafkaConfig(bootstrap_servers=sys.argv[1]))
admin.metadata(30)
for _ in range(600):
    with suppress(ClusterUnavailable):
        admin.offsets([TopicPartition("visits", 0)], LATEST, 0.001)
print(len(admin.offsets([TopicPartition("visits", 0)], LATEST, 30)))
"""


async def test_who_has_little_time_for_offsets_lives_on(broker: RunningBroker) -> None:
    """librdkafka frees a question whose time is over while it is being asked."""
    await asyncio.to_thread(fill, KafkaConfig(bootstrap_servers=broker.bootstrap))
    command = [sys.executable, "-c", ASKS_WITH_LITTLE_PATIENCE, broker.bootstrap]

    told = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert (told.returncode, told.stdout) == (0, "1\n"), told.stderr
