"""Share groups: where they go on and what they forget, only while nobody is in them."""

import pytest

from tests.support.dashboard_actions import WISHES, Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, busy_cluster
from tracker.kafka.answers import GroupMember, ListedGroup
from tracker.kafka.groups import ShareGroup, ShareStart
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

PLACE = TopicPartition("events", 0)
STARTS = {PLACE: ShareStart(3, 7)}
RESET, FORGET = WISHES["reset-share-offsets"], WISHES["delete-share-offsets"]


@pytest.fixture
def cluster() -> MadeCluster:
    made = busy_cluster()
    made.others = [ListedGroup(name, "share", "x") for name in ("queue", "busy")]
    member = GroupMember("m", "c", "h", "", (PLACE,))
    made.share_groups["queue"] = ShareGroup("queue", "empty", starts=STARTS)
    made.share_groups["busy"] = ShareGroup("busy", "stable", "", (member,), STARTS)
    return made


@pytest.fixture
def asked(client: Client) -> Asked:
    return Asked(client)


async def test_a_dry_run_tells_where_it_stands_and_where_it_would_go_on(
    client: Client, asked: Asked, cluster: MadeCluster
) -> None:
    page = await (await client.get("/groups/queue")).text()
    _, tried = await asked.act("reset-share-offsets", RESET | {"dry_run": True})

    assert "Change this share group" in page
    assert tried["sentence"] == "Share group queue would go on from these offsets of events."
    assert tried["rows"][0] == {"partition": 0, "before": 3, "after": 0, "records": 1_000}
    assert tried["rows"][1]["before"] is None and cluster.changes == []


async def test_it_goes_on_where_it_is_told_and_forgets_a_topic(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = RESET | {"to": "offset", "offset": 5_000, "partition": 0}

    reset = await asked.act("reset-share-offsets", wish)
    tried = await asked.act("delete-share-offsets", FORGET | {"dry_run": True})
    forgot = await asked.act("delete-share-offsets", FORGET)

    assert (reset[0], forgot[0]) == (200, 200)
    assert tried[1]["rows"] == [{"partition": 0, "before": 3, "after": None}]
    assert cluster.changes == [
        ("share starts", "queue", {PLACE: 1_000}),  # no further than the log goes
        ("delete share starts", "queue", "events"),
    ]


async def test_a_share_group_is_deleted_while_nobody_is_in_it(
    client: Client, asked: Asked, cluster: MadeCluster
) -> None:
    page = await (await client.get("/groups/queue")).text()
    busy = await asked.act("delete-group", {"group": "busy", "confirm": "busy"})
    gone = await asked.act("delete-group", {"group": "queue", "confirm": "queue"})

    assert 'data-action="delete-group"' in page
    assert (busy[0], busy[1]["error"]) == (409, "group busy has 1 member")
    assert gone[1]["sentence"] == "Group queue was deleted with where it stood."
    assert cluster.changes == [("delete group", "queue")]


async def test_a_group_with_members_one_that_is_none_and_a_strange_topic_are_refused(
    asked: Asked, cluster: MadeCluster
) -> None:
    busy = {"group": "busy", "confirm": "busy"}

    refused = [
        await asked.act("reset-share-offsets", RESET | busy),
        await asked.act("reset-share-offsets", RESET | {"group": "x", "confirm": "x"}),
        await asked.act("delete-share-offsets", FORGET | {"topic": "broken"}),
    ]
    dry = await asked.act("reset-share-offsets", RESET | busy | {"dry_run": True})

    assert [status for status, _ in refused] == [409, 409, 409]
    assert "It has 1 member: stop them first." in refused[0][1]["error"]
    assert "stop them first" in dry[1]["sentence"] and cluster.changes == []
