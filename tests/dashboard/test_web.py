"""Every page, the stream, the API and the scrape, over HTTP, with hostile names in all of them."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.alerts.engine import Alert
from dashboard.pages.page import link
from dashboard.state import State
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import HOSTILE, Client
from tests.support.pages import ADDRESSES

LONG_NUMBERS = (
    "/brokers/",
    "/topics?page=",
    "/topics/events?tab=messages&offset=",
    "/topics/events?tab=messages&since=",
)
PAGES = (
    *ADDRESSES,
    "/topics?internal=1&sort=-rate",
    "/groups?hide=empty&sort=lag",
    "/groups/stopped",
)


@pytest.fixture
async def client(application: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application)) as made:
        yield made


async def looked(state: State) -> None:
    await state.poller(None).look()


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_answers_before_and_after_the_first_look(
    client: Client,
    state: State,
    path: str,
) -> None:
    before = await client.get(path)
    await looked(state)
    after = await client.get(path)

    assert (before.status, after.status) == (200, 200)
    assert "text/html" in after.headers["Content-Type"]


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_a_script_or_style_of_its_own(
    client: Client,
    state: State,
    path: str,
) -> None:
    await looked(state)

    html = await (await client.get(path)).text()

    scripts = re.findall(r"<script[^>]*>", html)
    assert all(re.fullmatch(r'<script defer src="/static/[a-z]+\.js">', tag) for tag in scripts)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+\s*=\s*[\"']", html)
    assert 'onerror="document' not in html


async def test_answers_carry_a_strict_content_policy(client: Client) -> None:
    for path in ("/", "/metrics", "/nope", "/static/app.js", "/api/v1/groups"):
        answer = await client.get(path)

        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "footfall"


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_group_of_any_name_has_its_page(
    client: Client,
    state: State,
    name: str,
) -> None:
    await looked(state)

    answer = await client.get(link("groups", name))
    html = await answer.text()

    assert answer.status == 200
    heading = re.search(r'<h1 class="wrap">(.*?)</h1>', html, re.DOTALL)
    assert heading is not None
    assert "<" not in heading.group(1)
    kept = name.replace("\r\n", "\n")
    assert unescape(heading.group(1)).replace("\r\n", "\n") == kept


async def test_links_of_the_group_list_lead_to_their_groups(
    client: Client,
    state: State,
) -> None:
    await looked(state)
    html = await (await client.get("/groups")).text()

    links = [unescape(found) for found in re.findall(r'<a href="(/groups/[^"]*)" data-row', html)]

    assert len(links) == len(HOSTILE) + 2
    for address in links:
        assert (await client.get(address)).status == 200


async def test_what_is_not_there_is_told_kindly(client: Client, state: State) -> None:
    await looked(state)

    page = await client.get("/groups/" + quote("<b>nobody</b>"))
    program = await client.get("/api/v1/groups/nobody")

    assert (page.status, program.status) == (404, 404)
    assert "&lt;b&gt;nobody" in await page.text()
    assert "no consumer group" in (await program.json())["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/?cluster=other",
        "/topics?page=99999999999999999999&sort=nothing&q=%00%ff",
        "/activity?from=2026-13-45&to=x&period=nonsense&site=<x>",
        "/api/v1/history?s=cluster.in&range=9y",
        "/api/v1/history",
        "/api/stream?page=http://[bad",
        "/api/stream?page=/nope",
        "/api/stream?page=" + "x" * 9_000,
        *(at + "9" * 5_000 for at in LONG_NUMBERS),
    ],
)
async def test_nonsense_in_an_address_is_never_a_crash(
    client: Client, state: State, path: str
) -> None:
    await looked(state)

    assert (await client.get(path)).status < 500


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_has_a_stream(client: Client, state: State, path: str) -> None:
    await looked(state)

    answer = await client.get("/api/stream", params={"page": path})
    await answer.content.readuntil(b"\n\n")
    frame = await answer.content.readuntil(b"\n\n")
    answer.close()

    assert frame.startswith(b"id: ")


async def test_the_alerts_page_shows_what_fires_and_links_to_it(
    client: Client, state: State, cluster: MadeCluster
) -> None:
    cluster.away = True
    await looked(state)
    state.alerts.evaluate()

    html = await (await client.get("/alerts")).text()
    told = await (await client.get("/api/v1/alerts")).json()

    assert "Cannot poll Kafka cluster local" in html
    assert [alert["name"] for alert in told["pending"]] == ["KafkaClusterUnreachable"]


async def test_many_alerts_are_told_page_by_page_and_found_by_their_text(
    client: Client, state: State
) -> None:
    await looked(state)
    engine = state.alerts.engine
    topics = [f"made-{number:03}" for number in range(250)]
    many = [Alert("Full", "critical", {"topic": one}, one, "", 1.0, 5, 5) for one in topics]
    engine.active = {one.key: one for one in many}
    engine.history.extend(replace(one, ended_at_ms=9) for one in many)

    async def page(query: str) -> str:
        return await (await client.get("/alerts" + query)).text()

    async def told(query: str) -> Any:
        return await (await client.get("/api/v1/alerts" + query)).json()

    def shown(html: str) -> list[str]:
        return sorted(set(re.findall(r"made-\d{3}", html)))

    first, third = await page(""), await page("?firing=3&over=2")
    cut, found = await told("?limit=100&page=3"), await told("?q=MADE-24")

    assert first.count("page 1 of 3") == 2 and "?firing=2" in first and "?over=2" in first
    assert "page 3 of 3" in third and "?firing=2&amp;over=2" in third
    assert shown(first) == topics[:100] + topics[150:]  # what is over begins with the newest
    assert shown(third) == topics[50:150] + topics[200:]
    assert [one["summary"] for one in cut["firing"]] == topics[200:]
    assert [one["summary"] for one in cut["history"]] == topics[49::-1]
    assert cut["totals"] == {"firing": 250, "pending": 0, "history": 250, "silences": 0}
    assert [one["summary"] for one in found["firing"]] == topics[240:]
    assert "No firing alert matches" in await page("?q=nowhere")


async def test_the_stream_sends_the_live_block_of_its_page(
    client: Client,
    state: State,
) -> None:
    await looked(state)

    answer = await client.get("/api/stream", params={"page": "/groups?sort=-lag"})
    frames = [await answer.content.readuntil(b"\n\n") for _ in range(2)]
    answer.close()

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert frames[0] == b"retry: 2000\n\n"
    data = json.loads(frames[1].split(b"data: ", 1)[1])
    assert "stopped" in data["html"]
    assert "<script" not in data["html"]
    assert data["stale"] is False


async def test_the_stream_tells_at_once_that_the_cluster_is_away(
    client: Client, state: State, cluster: MadeCluster
) -> None:
    await looked(state)
    answer = await client.get("/api/stream", params={"page": "/"})
    for _ in range(2):
        await answer.content.readuntil(b"\n\n")

    cluster.away = True
    await state.poller(None).pulse()
    frame = await answer.content.readuntil(b"\n\n")
    answer.close()

    data = json.loads(frame.split(b"data: ", 1)[1])
    assert (data["up"], data["stale"]) == (False, True)
    assert "Broker away" in data["html"]
    assert "at the last look: 1 offline" in data["html"]


async def test_metrics_are_gzipped_for_who_takes_it(
    state: State, application: web.Application
) -> None:
    await looked(state)
    async with (
        TestServer(application) as server,
        ClientSession(auto_decompress=False) as session,
    ):
        url = server.make_url("/metrics")
        packed = await session.get(url, headers={"Accept-Encoding": "gzip"})
        plain = await session.get(url, headers={"Accept-Encoding": "identity"})

        text = gzip.decompress(await packed.read()).decode()
        assert "kafka_consumergroup_lag{" in text
        assert "kafka_consumergroup_lag{" in await plain.text()


async def test_every_path_of_the_openapi_document_answers(
    client: Client,
    state: State,
) -> None:
    await looked(state)
    document = await (await client.get("/api/v1/openapi.json")).json()
    names = {"/groups/{name}": "export", "/brokers/{name}": "1"}

    for path in (path for path, methods in document["paths"].items() if "get" in methods):
        query = "?s=cluster.in&range=5m" if path == "/history" else ""
        answer = await client.get("/api/v1" + path.format(name=names.get(path, "events")) + query)

        # no site has been seen, no registry and no Connect worker is named
        nothing = ("/activity", "/subjects", "/connectors/", "/connect-workers/")
        expected = 404 if path.startswith(nothing) else 200
        told = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert (path, answer.status) == (path, expected)
        assert [answer.content_type] == (list(told) if expected == 200 else ["application/json"])
        answer.close()


async def test_ready_means_looked_and_up(client: Client, state: State) -> None:
    before = await client.get("/readyz")
    await looked(state)
    after = await client.get("/readyz")

    assert (before.status, after.status) == (503, 200)
    assert (await client.get("/healthz")).status == 200


async def test_only_get_is_taken(client: Client) -> None:
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]

    for path in ("/", "/api/v1/groups"):
        answer = await client.post(path, headers={"X-CSRF-Token": csrf})
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert (await answer.json())["error"] == "405: Method Not Allowed"


async def test_who_is_told_to_try_again_is_told_when(
    application: web.Application,
) -> None:
    async with TestClient(TestServer(application)) as early:
        answer = await early.get("/api/v1/topics")

        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


async def test_activity_without_any_site_shows_the_snippet_to_paste(client: Client) -> None:
    html = await (await client.get("/activity")).text()

    assert "No visits yet" in html
    assert 'src="http://127.0.0.1:8090/js/s.js" data-site="example.com"' in unescape(html)


async def test_messages_say_what_was_looked_at(client: Client, state: State) -> None:
    await looked(state)

    html = await (await client.get("/topics/events?tab=messages&partition=0")).text()

    assert "50 looked at; stopped because it reached the end" in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("settings", [{"messages": False}])
async def test_messages_can_be_switched_off_for_pages_and_programs(
    client: Client, state: State
) -> None:
    await looked(state)

    page = await client.get("/topics/events?tab=messages")
    program = await client.get("/api/v1/topics/events/messages")

    assert "switched off" in await page.text()
    assert program.status == 403


async def test_a_stream_of_the_messages_tab_does_not_search_again(
    client: Client, state: State, cluster: MadeCluster
) -> None:
    await looked(state)

    answer = await client.get("/api/stream", params={"page": "/topics/events?tab=messages"})
    for _ in range(2):
        await answer.content.readuntil(b"\n\n")
    answer.close()

    assert "read" not in cluster.asked


async def test_an_empty_appliance_teaches_the_first_steps(
    client: Client, cluster: MadeCluster, state: State
) -> None:
    cluster.partitions.clear()
    await looked(state)

    html = await (await client.get("/")).text()

    assert "Nothing has arrived yet" in html
    assert "kcat -P -b " in html


async def test_a_bug_is_told_in_the_language_of_the_house_and_logged(
    client: Client, state: State, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await looked(state)
    monkeypatch.setattr(state.poller(None), "snapshot", object())

    answer = await client.get("/")

    assert answer.status == 500
    assert "Something broke" in await answer.text()
    assert "a request failed path=/" in caplog.text
