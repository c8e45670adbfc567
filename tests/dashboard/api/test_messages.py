"""Messages as a file: bounded, filtered as the page is, masked, and well-formed to its end."""

import asyncio
import csv
import io
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError

from dashboard.api import messages as messages_export
from dashboard.config import MaskConfig
from dashboard.masking.rules import Masks
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import Client
from tracker.kafka.answers import Record, Sizes
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

PLACE = TopicPartition("users", 0)


@pytest.fixture
def cluster() -> MadeCluster:
    """Topic `users` of 1,200 records, of which every hundredth holds an address."""
    made = MadeCluster()
    made.add_topic("users", MadePartition(end=1_200))
    for offset in range(1_200):
        mail = f'{{"email":"ann{offset}@example.com"}}' if offset % 100 == 0 else "=plain"
        made.values[PLACE, offset] = replace(made._some(PLACE, offset), value=mail.encode())
    return made


async def test_a_file_holds_everything_that_fits_and_says_what_was_looked_at(
    client: Client,
) -> None:
    answer = await client.get("/api/v1/topics/users/messages.json?q=example.com")
    body = await answer.json()

    assert [row["offset"] for row in body["rows"]] == list(range(0, 1_200, 100))
    assert (body["scanned"], body["stopped"]) == (1_200, "it reached the end")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="footfall-users.json"'


async def test_files_hold_values_as_they_are_stored(client: Client) -> None:
    found = await client.get("/api/v1/topics/users/messages.json?offset=100&rows=1")
    page = await client.get("/api/v1/topics/users/messages?offset=100&rows=1")

    (row,), (shown,) = (await found.json())["rows"], (await page.json())["rows"]
    assert row["value"] == '{"email":"ann100@example.com"}'
    assert shown["value"] == '{\n "email": "ann100@example.com"\n}'


async def test_null_and_empty_are_told_apart_in_every_answer(
    client: Client, cluster: MadeCluster
) -> None:
    for offset, part in ((0, None), (1, b"")):
        cluster.values[PLACE, offset] = Record(
            *("users", 0, offset, offset, True), part, part, (("h", part),)
        )
    query = "offset=0&rows=2"
    shown = await (await client.get(f"/api/v1/topics/users/messages?{query}")).json()
    file = await (await client.get(f"/api/v1/topics/users/messages.json?{query}")).json()
    table = await (await client.get(f"/api/v1/topics/users/messages.csv?{query}")).text()
    page = await (await client.get(f"/topics/users?tab=messages&{query}")).text()

    for rows in (shown["rows"], file["rows"]):
        assert [(row["key"], row["key_kind"]) for row in rows] == [(None, "null"), ("", "empty")]
        assert [(row["value"], row["kind"]) for row in rows] == [(None, "null"), ("", "empty")]
        assert [row["headers"] for row in rows] == [[["h", None]], [["h", ""]]]
    null, empty, _ = csv.DictReader(io.StringIO(table))
    assert (null["key_kind"], null["kind"], null["headers"]) == ("null", "null", '[["h", null]]')
    assert (empty["key_kind"], empty["kind"], empty["headers"]) == ("empty", "empty", '[["h", ""]]')
    for word in ("null", "empty"):  # the key, the value and the header
        assert page.count(f'<span class="state">{word}</span>') == 3


async def test_sizes_are_those_of_what_is_stored(client: Client, cluster: MadeCluster) -> None:
    cluster.values[PLACE, 0] = replace(cluster._some(PLACE, 0), sizes=Sizes(3, 12_345, 7))
    query = "offset=0&rows=1"
    shown = await (await client.get(f"/api/v1/topics/users/messages?{query}")).json()
    table = await (await client.get(f"/api/v1/topics/users/messages.csv?{query}")).text()
    page = await (await client.get(f"/topics/users?tab=messages&{query}")).text()

    (row,), (cells, _) = shown["rows"], csv.DictReader(io.StringIO(table))
    for name, size in (("key_size", 3), ("value_size", 12_345), ("headers_size", 7)):
        assert (row[name], cells[name]) == (size, str(size))
    assert "text, 3 B" in page and "text, 12.3 kB" in page


async def test_headers_count_for_the_most_bytes_of_a_file(
    client: Client, cluster: MadeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_export, "BYTES_MAX", 50_000)
    cluster.values[PLACE, 0] = replace(cluster._some(PLACE, 0), headers=(("h", b"x" * 60_000),))

    body = await (await client.get("/api/v1/topics/users/messages.json")).json()

    assert len(body["rows"]) < 1_200 and body["stopped"] == "the file has 50000 bytes"


async def test_csv_ends_with_a_row_that_says_what_was_looked_at(client: Client) -> None:
    answer = await client.get("/api/v1/topics/users/messages.csv?offset=1150&rows=20")
    *rows, last = csv.DictReader(io.StringIO(await answer.text()))

    assert [int(row["offset"]) for row in rows] == list(range(1150, 1170))
    assert rows[0]["value"] == "'=plain"
    assert (
        last["note"].startswith("20 records of ") and "stopped because it found 20" in last["note"]
    )


async def test_a_file_is_cut_at_its_most_bytes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_export, "BYTES_MAX", 100)

    body = await (await client.get("/api/v1/topics/users/messages.json")).json()

    assert len(body["rows"]) < 1_200 and body["stopped"] == "the file has 100 bytes"


async def test_downloads_that_nobody_takes_are_cut_and_do_not_keep_others_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages_export, "HELD_S", 0.0)
    for _ in range(messages_export.AT_ONCE + 1):
        answer = await client.get("/api/v1/topics/users/messages.json")
        with pytest.raises((ClientPayloadError, ClientConnectionError)):
            await answer.read()
        assert answer.status == 200


async def test_a_download_that_is_broken_off_is_no_error(
    client: Client,
    cluster: MadeCluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, is_gone = cluster.offsets, threading.Event()

    def slowly(*question: Any) -> dict[TopicPartition, int]:
        assert is_gone.wait(20)
        return asked(*question)

    monkeypatch.setattr(cluster, "offsets", slowly)
    answer = await client.get("/api/v1/topics/users/messages.json")
    answer.close()
    runner: Any = client.server.runner
    async with asyncio.timeout(20):
        while runner.server.connections:
            await asyncio.sleep(0.001)
        is_gone.set()
        for _ in range(messages_export.AT_ONCE):  # all places are free again
            await (await client.get("/api/v1/topics/users/messages.json")).read()

    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_cluster_that_goes_away_leaves_a_file_that_says_so(
    client: Client, cluster: MadeCluster
) -> None:
    cluster.away = True

    body = await (await client.get("/api/v1/topics/users/messages.json")).json()

    assert body["rows"] == [] and body["stopped"].startswith("the cluster did not answer")


@pytest.mark.parametrize("settings", [{"messages": False}])
async def test_without_messages_there_are_no_files_of_them(client: Client) -> None:
    answer = await client.get("/api/v1/topics/users/messages.csv")

    assert answer.status == 403


async def test_of_a_topic_that_is_not_there_there_is_no_file(client: Client) -> None:
    assert (await client.get("/api/v1/topics/none/messages.csv")).status == 404


@pytest.mark.parametrize(
    "settings",
    [{"masks": Masks({"mail": MaskConfig(topics="us.*", pattern=r"ann\d+@[a-z.]+")}, b"secret")}],
)
async def test_what_is_masked_is_in_no_page_no_file_and_no_answer_and_cannot_be_searched(
    client: Client,
) -> None:
    everywhere = [
        "/topics/users?tab=messages&offset=0",
        "/api/v1/topics/users/messages?offset=0",
        "/api/v1/topics/users/messages.json",
        "/api/v1/topics/users/messages.csv",
    ]
    for address in everywhere:
        text = await (await client.get(address)).text()

        assert "email" in text and "ann0@" not in text, address
    page = await (await client.get(everywhere[0])).text()
    found = await (await client.get("/api/v1/topics/users/messages.json?q=ann100@")).json()

    assert "hidden by the rule mail" in page
    assert found["rows"] == []


@pytest.mark.parametrize(
    "settings", [{"masks": Masks({"mail": MaskConfig(topics="users", value=True)}, b"secret")}]
)
async def test_what_is_masked_is_not_in_the_live_tail(client: Client, cluster: MadeCluster) -> None:
    async with client.get("/api/v1/topics/users/tail") as stream:
        await stream.content.readuntil(b"nothing new")
        cluster.values[PLACE, 1_200] = replace(
            cluster._some(PLACE, 1_200), value=b"ann@example.com"
        )
        cluster.partitions[PLACE].end = 1_201

        event = await stream.content.readuntil(b'"headers"')

    assert b"***" in event and json.dumps("ann@example.com").encode() not in event


async def test_what_arrives_once_a_followed_topic_answers_is_shown(
    client: Client, cluster: MadeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the topic ended is known before the page is told that it follows it."""
    asked, has_arrived = cluster.offsets, threading.Event()

    def slowly(*question: Any) -> dict[TopicPartition, int]:
        has_arrived.wait(0.3)
        return asked(*question)

    monkeypatch.setattr(cluster, "offsets", slowly)
    async with client.get("/api/v1/topics/users/tail") as stream:
        cluster.partitions[PLACE].end += 1
        has_arrived.set()
        async with asyncio.timeout(20):
            event = await stream.content.readuntil(b'"headers"')

    assert b"event: rows" in event
