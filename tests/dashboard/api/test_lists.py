"""Lists as files and rights as JSON: what is in them, and what is said when there is nothing."""

import csv
import io
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.api.csv_answer import lines
from dashboard.cluster.poller import Door, Poller, PollerSettings
from dashboard.pages.audit import entry
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client
from tracker.clock import SystemClock
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block


async def rows(client: Client, address: str) -> list[dict[str, str]]:
    answer = await client.get("/api/v1" + address)
    assert (answer.status, answer.content_type) == (200, "text/csv"), await answer.text()
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(await answer.text())))


async def test_a_list_as_a_file_has_all_rows_that_the_filter_leaves(
    client: Client, cluster: MadeCluster, state: State
) -> None:
    for number in range(150):
        cluster.add_topic(f"many-{number}")
    await state.poller(None).look()

    found = await rows(client, "/topics.csv?q=many&sort=-name")

    assert len(found) == 150
    assert found[0]["topic"] == "many-99"


async def test_partitions_as_a_file_say_leader_and_offsets(client: Client) -> None:
    found = await rows(client, "/topics/events/partitions.csv")

    assert [(row["partition"], row["leader"], row["end"]) for row in found] == [
        ("0", "1", "1000"),
        ("1", "1", "1001"),
        ("2", "1", "1002"),
    ]


async def test_names_that_begin_like_a_formula_are_text_in_a_file() -> None:
    assert lines([("=cmd()", 5, -1.5, None)]) == "'=cmd(),5,-1.5,\r\n"
    assert lines([("\n=cmd()",)]).startswith("\"'")


async def test_entries_as_a_file_say_what_each_means(client: Client) -> None:
    (found,) = await rows(client, "/acls.csv?principal=User:eve")

    assert found["permission"] == "DENY"
    assert found["means"] == (
        "User:eve may not READ every topic whose name begins with eve, from 10.0.0.1."
    )


async def test_a_cluster_without_authorizer_says_so_everywhere(
    client: Client, cluster: MadeCluster
) -> None:
    cluster.authorizer = False

    told = await client.get("/api/v1/acls")
    page = await (await client.get("/security")).text()

    assert (told.status, (await told.json())["error"].split(":")[0]) == (
        409,
        "the cluster has no authorizer",
    )
    assert "the cluster has no authorizer: everybody may do everything" in page
    assert "Create ACLs" not in page


async def test_a_cluster_that_is_away_leaves_the_last_list_and_says_how_old(
    client: Client, cluster: MadeCluster, state: State
) -> None:
    assert "User:bob" in await (await client.get("/security")).text()
    cluster.away = True
    state.beside["local"].security.forget()

    page = await (await client.get("/security")).text()
    told = await client.get("/api/v1/acls")

    assert "User:bob" in page and "Old list." in page
    assert told.status == 503


async def test_many_looks_at_a_page_are_one_question(client: Client, cluster: MadeCluster) -> None:
    for _ in range(5):
        await client.get("/security?tab=quotas")

    assert cluster.asked.count("quotas") == 1


async def test_the_audit_page_reads_entries_and_leaves_out_what_is_none(
    client: Client, cluster: MadeCluster, state: State
) -> None:
    now_ms = SystemClock().now_ms()
    body = b'{"at_ms":%d,"who":"<b>ann","action":"delete-topic","outcome":"refused: role"}' % now_ms
    cluster.add_topic("footfall.audit")
    cluster.partitions[TopicPartition("footfall.audit", 0)].end = 2
    place = TopicPartition("footfall.audit", 0)
    some = cluster._some(place, 0)
    cluster.values[place, 0] = replace(some, value=body)
    await state.poller(None).look()

    page = await (await client.get("/audit")).text()
    told = await (await client.get("/api/v1/audit")).json()

    assert "&lt;b&gt;ann" in page and "<b>ann" not in page
    assert [(row["action"], row["outcome"]) for row in told["rows"]] == [
        ("delete-topic", "refused: role")
    ]
    assert entry(b"[1]") is None and entry(b"{") is None and entry(None) is None

    other = Poller(PollerSettings("other", 5.0, 5.0, 60.0), Door(cluster, cluster), state.clock)
    two = replace(
        state,
        pollers={**state.pollers, "other": other},
        beside={**state.beside, "other": state.beside["local"]},
    )
    async with TestClient(TestServer(Site(two).application())) as watching_two:
        elsewhere = await (await watching_two.get("/audit?cluster=other")).text()

    assert 'href="/topics/footfall.audit?tab=messages"' in elsewhere  # it is on the first
