"""kafkajs with its default settings: producers, groups, transactions and its whole admin client."""

import secrets

import pytest

from tests.support.kafkajs_script import kafkajs

pytestmark = [pytest.mark.wire]


@pytest.fixture
def topic() -> str:
    """A name that nothing else uses."""
    return f"js-{secrets.token_hex(4)}"


@pytest.mark.parametrize("settings", ["{}", "{ idempotent: true }"])
def test_records_come_back_as_they_were_sent(bootstrap: str, topic: str, settings: str) -> None:
    said = kafkajs(
        bootstrap,
        topic,
        f"const producer = kafka.producer({settings});"
        """
        await producer.connect();
        const messages = [
          { key: 'k', value: 'v', headers: { a: '1' } },
          { value: 'plain' },
          { key: 'k', value: null },
        ];
        say(await producer.send({ topic, messages, compression: CompressionTypes.GZIP }));
        const more = { topic, messages: [{ value: 'more' }] };
        say(await producer.sendBatch({ topicMessages: [more] }));
        await producer.disconnect();
        const consumer = kafka.consumer({ groupId: topic });
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        say(await readUntil(consumer, seen => seen.length === 4));
        await consumer.disconnect();
        """,
    )

    (first,), (second,), read = said
    assert (first["errorCode"], first["baseOffset"]) == (0, "0")
    assert (second["errorCode"], second["baseOffset"]) == (0, "3")
    assert [(one["offset"], one["key"], one["value"]) for one in read] == [
        ("0", "k", "v"),
        ("1", None, "plain"),
        ("2", "k", None),
        ("3", None, "more"),
    ]
    assert read[0]["headers"] == {"a": "1"}


def test_two_members_share_a_topic_and_the_next_one_goes_on(bootstrap: str, topic: str) -> None:
    said = kafkajs(
        bootstrap,
        topic,
        """
        const admin = kafka.admin();
        await admin.connect();
        await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] });
        const members = [kafka.consumer({ groupId: topic }), kafka.consumer({ groupId: topic })];
        const assigned = members.map(member => new Promise(resolve => member.on(
          member.events.GROUP_JOIN, ({ payload }) => {
            const mine = payload.memberAssignment[topic] || [];
            if (mine.length === 2) resolve(mine);
          })));
        const read = [];
        let enough;
        const all = new Promise(resolve => { enough = resolve; });
        for (const member of members) {
          await member.connect();
          await member.subscribe({ topic, fromBeginning: true });
          await member.run({ eachMessage: async ({ message }) => {
            read.push(`${message.value}`);
            if (read.length === 40) enough();
          } });
        }
        say((await Promise.all(assigned)).flat().sort());
        const producer = kafka.producer();
        await producer.connect();
        for (let number = 0; number < 40; number++) {
          await producer.send({ topic, messages: [{ partition: number % 4, value: `${number}` }] });
        }
        await all;
        say(new Set(read).size);
        await Promise.all(members.map(member => member.disconnect()));
        const committed = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
        say(committed[0].partitions.map(one => one.offset));
        const next = kafka.consumer({ groupId: topic });
        await next.connect();
        await next.subscribe({ topic, fromBeginning: true });
        const first = readUntil(next, seen => seen.length === 1);
        await producer.send({ topic, messages: [{ partition: 0, value: 'new' }] });
        say((await first)[0].value);
        await next.disconnect();
        """,
    )

    assert said == [[0, 1, 2, 3], 40, ["10"] * 4, "new"]


def test_transactions_commit_abort_and_carry_offsets(bootstrap: str, topic: str) -> None:
    said = kafkajs(
        bootstrap,
        topic,
        """
        const producer = kafka.producer(
          { transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
        await producer.connect();
        const aborted = await producer.transaction();
        await aborted.send({ topic, messages: [{ value: 'aborted' }] });
        await aborted.abort();
        const committed = await producer.transaction();
        await committed.send({ topic, messages: [{ value: 'committed' }] });
        await committed.sendOffsets({ consumerGroupId: `${topic}-group`, topics: [
          { topic, partitions: [{ partition: 0, offset: '7' }] }] });
        await committed.commit();
        const consumer = kafka.consumer({ groupId: topic });
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        say((await readUntil(consumer, seen => seen.length === 1))[0].value);
        await consumer.disconnect();
        const admin = kafka.admin();
        await admin.connect();
        const offsets = await admin.fetchOffsets({ groupId: `${topic}-group`, topics: [topic] });
        say(offsets[0].partitions[0].offset);
        """,
    )

    assert said == ["committed", "7"]


def test_topics_are_administered(bootstrap: str, topic: str) -> None:
    made, again, metadata, cluster, settings, offsets, by_time, deleted, gone = kafkajs(
        bootstrap,
        topic,
        """
        const admin = kafka.admin();
        await admin.connect();
        const wanted = { topics: [{ topic, numPartitions: 2, configEntries: [
          { name: 'cleanup.policy', value: 'compact,delete' }] }] };
        say(await admin.createTopics(wanted));
        say(await admin.createTopics(wanted));
        await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
        say((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]);
        say(await admin.describeCluster());
        const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
        await admin.alterConfigs({ validateOnly: false, resources: [
          { ...resource, configEntries: [{ name: 'retention.ms', value: '9000' }] }] });
        const described = await admin.describeConfigs(
          { includeSynonyms: true, resources: [{ ...resource, configNames: ['retention.ms'] }] });
        say(described.resources[0].configEntries[0]);
        const producer = kafka.producer();
        await producer.connect();
        await producer.send({ topic, messages: [
          { partition: 0, timestamp: '1000', value: 'a' },
          { partition: 0, timestamp: '2000', value: 'b' }] });
        say(await admin.fetchTopicOffsets(topic));
        say(await admin.fetchTopicOffsetsByTimestamp(topic, 1500));
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] });
        say((await admin.fetchTopicOffsets(topic)).find(one => one.partition === 0).low);
        await admin.deleteTopics({ topics: [topic] });
        say((await admin.listTopics()).includes(topic));
        """,
    )

    assert (made, again) == (True, False)
    assert sorted(one["partitionId"] for one in metadata["partitions"]) == [0, 1, 2]
    assert {one["leader"] for one in metadata["partitions"]} == {1}
    host, port = bootstrap.split(":")
    assert cluster["brokers"] == [{"nodeId": 1, "host": host, "port": int(port)}]
    assert cluster["controller"] == 1 and len(cluster["clusterId"]) == 22
    assert (settings["configValue"], settings["isDefault"]) == ("9000", False)
    assert {one["partition"]: (one["low"], one["high"]) for one in offsets}[0] == ("0", "2")
    assert {one["partition"]: one["offset"] for one in by_time}[0] == "1"
    assert deleted == "1"
    assert gone is False


def test_groups_are_administered(bootstrap: str, topic: str) -> None:
    listed, described, moved, reset, left = kafkajs(
        bootstrap,
        topic,
        """
        const admin = kafka.admin();
        await admin.connect();
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
        const producer = kafka.producer();
        await producer.connect();
        await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] });
        const consumer = kafka.consumer({ groupId: topic });
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        await readUntil(consumer, seen => seen.length === 2);
        say((await admin.listGroups()).groups.filter(one => one.groupId === topic));
        const { groups } = await admin.describeGroups([topic]);
        say([groups[0].state, groups[0].protocolType, groups[0].members.length]);
        await consumer.disconnect();
        const one = { partition: 0, offset: '1' };
        await admin.setOffsets({ groupId: topic, topic, partitions: [one] });
        const offsets = async () =>
          (await admin.fetchOffsets({ groupId: topic, topics: [topic] }))[0].partitions[0].offset;
        say(await offsets());
        await admin.resetOffsets({ groupId: topic, topic, earliest: true });
        say(await offsets());
        await admin.deleteGroups([topic]);
        say((await admin.listGroups()).groups.filter(one => one.groupId === topic).length);
        """,
    )

    assert listed == [{"groupId": topic, "protocolType": "consumer"}]
    assert described == ["Stable", "consumer", 1]
    assert moved == "1"
    assert reset in ("0", "-2")
    assert left == 0
