"""What became of a share group's records, as the bundled broker tells it, and where it is shown."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dashboard.cluster.share_deliveries import Delivered, DeliveryDesk, told
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, busy_cluster, made_state
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.share_calls import ACCEPT, GROUP, RELEASE, acknowledge
from tests.support.share_offsets import worked
from tracker.clock import SystemClock
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.answers import ListedGroup
from tracker.kafka.groups import ShareGroup, ShareStart
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

JOBS, EVENTS = TopicPartition("jobs", 0), TopicPartition("events", 0)


def desk(url: str) -> DeliveryDesk:
    return DeliveryDesk(f"{url}/metrics", SystemClock())


def desk_of(broker: RunningBroker) -> DeliveryDesk:
    return desk(f"http://127.0.0.1:{broker.metrics_port}")


async def test_the_broker_tells_what_is_held_what_came_back_and_what_is_done_ahead(
    tmp_path: Path,
) -> None:
    """Of five records two are done with; then one is held, one done, one given back."""
    async with (
        running_broker(tmp_path, metrics_port=0) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        topic_id = await worked(client)
        await acknowledge(client, topic_id, 2, (3, 3, [ACCEPT]))
        await acknowledge(client, topic_id, 3, (4, 4, [RELEASE]))
        during = await desk_of(broker).of(GROUP)
        nobody = await desk_of(broker).of("nobody's")
    async with running_broker(tmp_path, metrics_port=0) as broker:
        after = await desk_of(broker).of(GROUP)

    assert during == {JOBS: Delivered(in_flight=1, again=1, done=1)}
    assert nobody == {}
    assert after == {JOBS: Delivered(in_flight=0, again=2, done=1)}  # who held it is forgotten


@pytest.mark.parametrize("body", [None, 5, {}, {"partitions": 5}, {"partitions": [["a", 0, 1]]}])
def test_what_are_no_deliveries_is_told_so(body: Any) -> None:
    with pytest.raises(ClusterUnavailable, match="something else"):
        told(body)


@pytest.fixture
def cluster() -> MadeCluster:
    made = busy_cluster()
    made.others = [ListedGroup("queue", "share", "stable")]
    starts = {EVENTS: ShareStart(3, 7), TopicPartition("events", 1): ShareStart(None, None)}
    made.share_groups["queue"] = ShareGroup("queue", "stable", starts=starts)
    return made


@pytest.fixture
async def told_by_broker() -> AsyncIterator[str]:
    """Also of a place that the group's coordinator does not tell of."""

    async def answer(request: web.Request) -> web.Response:
        assert request.query["group"] == "queue"
        rows = [["events", 0, 41, 42, 43], ["elsewhere", 0, 51, 52, 53]]
        return web.json_response({"partitions": rows})

    application = web.Application()
    application.router.add_get("/share-deliveries", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def address(told_by_broker: str) -> str | None:
    return told_by_broker


@pytest.fixture
def state(tmp_path: Path, cluster: MadeCluster, address: str | None) -> State:
    known = desk(address) if address is not None else None
    return replace(made_state(tmp_path, cluster), deliveries=known)


async def test_what_a_share_group_is_not_done_with_has_a_history(
    client: Client, state: State
) -> None:
    page = await (await client.get("/groups/queue")).text()
    asked = await client.get("/api/v1/history", params={"s": "group.lag:queue", "range": "5m"})
    (values,) = (await asked.json())["series"].values()

    assert "group.lag:queue" in page and "In flight" in page
    assert [value for value in values if value is not None] == [7]


async def test_page_and_json_show_it_of_each_partition(client: Client) -> None:
    page = await (await client.get("/groups/queue")).text()
    group = await (await client.get("/api/v1/groups/queue")).json()

    assert "In flight" in page and ">41<" in page and ">43<" in page and ">51<" not in page
    assert group["partitions"] == [
        {"topic": "events", "partition": 0, "start": 3, "lag": 7}
        | {"in_flight": 41, "again": 42, "done": 43},
        {"topic": "events", "partition": 1, "start": None, "lag": None},
    ]


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:1"])
async def test_where_the_broker_is_not_ours_or_silent_nothing_is_said(client: Client) -> None:
    page = await client.get("/groups/queue")
    group = await (await client.get("/api/v1/groups/queue")).json()

    assert page.status == 200 and "In flight" not in await page.text()
    assert [row.keys() for row in group["partitions"]] == [
        {"topic", "partition", "start", "lag"}
    ] * 2


class TestOfAnotherCluster:
    @pytest.fixture
    def application(self, state: State) -> web.Application:
        first = {"first": state.beside["local"], **state.beside}
        return Site(replace(state, beside=first)).application()

    async def test_our_broker_is_not_asked(self, client: Client) -> None:
        assert "In flight" not in await (await client.get("/groups/queue")).text()
