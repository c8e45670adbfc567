"""Streams and share groups, described by a running broker through messages of our own."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support import streams_calls
from tests.support.group_calls import coordinated
from tests.support.raw_client import RawClient
from tests.support.share_calls import GROUP
from tests.support.share_offsets import worked
from tests.support.topic_calls import make_topic
from tracker.config import KafkaConfig
from tracker.kafka.changes import Changes, Refused
from tracker.kafka.groups import Groups, ShareStart
from tracker.kafka.line import Line
from tracker.topics import TopicPartition

SECONDS = 10.0

pytestmark = pytest.mark.may_block


@pytest.fixture
async def groups(config: KafkaConfig) -> AsyncIterator[Groups]:
    line = Line(config)
    yield Groups(line)
    await asyncio.to_thread(line.close)


async def test_a_share_group_is_told_with_its_member_start_and_lag(
    client: RawClient, groups: Groups
) -> None:
    await worked(client)

    found = await asyncio.to_thread(groups.share, [GROUP, "none"], SECONDS)

    group = found[GROUP]
    assert (list(found), group.state, group.lag) == ([GROUP], "stable", 3)
    assert group.starts == {TopicPartition("jobs", 0): ShareStart(2, 3)}
    assert [member.assignment for member in group.members] == [(TopicPartition("jobs", 0),)]


async def test_a_share_group_goes_on_elsewhere_and_forgets_a_topic_while_nobody_is_in_it(
    client: RawClient, groups: Groups, config: KafkaConfig
) -> None:
    changes, jobs = Changes(config), TopicPartition("jobs", 0)
    await worked(client)

    with pytest.raises(Refused):  # it has a member
        await asyncio.to_thread(changes.set_share_starts, GROUP, {jobs: 1})
    with pytest.raises(Refused):
        await asyncio.to_thread(changes.delete_share_starts, GROUP, "jobs")
    await asyncio.to_thread(changes.set_share_starts, "empty", {jobs: 1})
    moved = await asyncio.to_thread(groups.share, ["empty"], SECONDS)
    await asyncio.to_thread(changes.delete_share_starts, "empty", "jobs")
    forgot = await asyncio.to_thread(groups.share, ["empty"], SECONDS)

    assert (moved["empty"].starts or {})[jobs].start == 1
    assert not forgot["empty"].starts


async def test_a_streams_group_is_told_with_its_topology_and_who_reads_what(
    client: RawClient, groups: Groups
) -> None:
    await make_topic(client, "lines", 2)
    await coordinated(client, streams_calls.GROUP)
    await streams_calls.configure_group(client, delay_ms=0)
    joined = await streams_calls.beat(client)
    await streams_calls.described(client)
    await streams_calls.beat(client, "a", joined.member_epoch)

    found = await asyncio.to_thread(groups.streams, [streams_calls.GROUP], SECONDS)

    app = found[streams_calls.GROUP]
    assert (app.group.protocol, app.group.state) == ("streams", "stable")
    words, counts = app.subtopologies
    assert (words.sources, words.repartitions) == (("lines",), (streams_calls.REPARTITION,))
    assert (counts.sources, counts.changelogs) == (
        (streams_calls.REPARTITION,),
        (streams_calls.CHANGELOG,),
    )
    (member,), (tasks,) = app.group.members, app.tasks
    assert {place.topic for place in member.assignment} == {"lines", streams_calls.REPARTITION}
    assert (tasks.active, tasks.standby) == (("0_0", "0_1", "1_0", "1_1"), ())


async def test_nobody_is_asked_about_no_groups(groups: Groups) -> None:
    assert groups.share([], SECONDS) == {}
    assert groups.streams([], SECONDS) == {}
