"""No answer depends on what masks hide: records that differ only there are told the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.config import MaskConfig
from dashboard.masking.rules import Masks
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import Client, made_state
from tracker.kafka.answers import Record, Sizes
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block  # the disk is measured

PLACE = TopicPartition("users", 0)
HIDDEN = ("ann@example.com", "bob.longer.name@example.org")
RULES: dict[str, dict[str, Any]] = {
    "fields": {"fields": ("**.mail",), "headers": ("who",)},
    "removed": {"fields": ("**.mail",), "headers": ("who",), "action": "remove"},
    "pattern": {"pattern": r"[a-z.]+@[a-z.]+"},
    "whole": {"key": True, "value": True, "headers": ("who",)},
}
GUESSES: tuple[dict[str, str], ...] = (
    {},
    {"q": "ann@"},
    {"q": "example.org"},
    {"field": "mail", "equals": HIDDEN[0]},
    {"field": "user.mail", "equals": HIDDEN[1]},
    {"filter": "record.value.mail == 'ann@example.com'"},
    {"filter": "record.valueAsText.contains('bob')"},
    {"filter": "record.value.user.mail.size() > 20"},
    {"filter": "record.valueAsText.size() > 60"},
    {"filter": "record.headers.who.startsWith('ann')"},
    {"filter": "record.keySize + record.valueSize + record.headersSize > 100"},
    {"filter": "record.value.mail.matches('^a') ? true : record.value[record.value.mail]"},
)


def records(mail: str) -> list[Record]:
    """With `mail` wherever a rule hides it, and otherwise always the same."""
    body = json.dumps({"mail": mail, "n": 1, "user": {"mail": mail, "plan": "pro"}})
    key, who = json.dumps({"mail": mail}).encode(), (("who", mail.encode()), ("kind", b"x"))
    made = [
        Record("users", 0, 0, 1_000, True, key, body.encode(), who),
        Record("users", 0, 1, 2_000, True, key, None, who),
        Record("users", 0, 2, 3_000, True, key, body.replace("@", "\\u0040").encode(), who),
    ]
    return [replace(one, sizes=Sizes(len(key), len(one.value or b""), len(mail))) for one in made]


@dataclass(frozen=True, slots=True)
class Shown:
    """One of the two dashboards, and what it looks at."""

    client: Client
    cluster: MadeCluster


async def dashboard(held: AsyncExitStack, folder: Path, mail: str, masks: Masks) -> Shown:
    folder.mkdir()
    cluster = MadeCluster()
    cluster.add_topic("users", MadePartition(end=3))
    for record in records(mail):
        cluster.values[PLACE, record.offset] = record
    state = made_state(folder, cluster, masks=masks)
    held.callback(state.browser(state.poller(None)).close)
    await state.poller(None).look()
    client = await held.enter_async_context(TestClient(TestServer(Site(state).application())))
    return Shown(client, cluster)


@pytest.fixture(params=RULES)
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Shown]]:
    masks = Masks({"people": MaskConfig(topics="users", **RULES[request.param])}, b"s")
    async with AsyncExitStack() as held:
        yield [await dashboard(held, tmp_path / mail, mail, masks) for mail in HIDDEN]


async def told(client: Client, address: str) -> tuple[int, Any]:
    answer = await client.get(address)
    text = await answer.text()
    if answer.content_type == "text/html":  # the rest of a page has clocks in it
        text = text[text.index('<p class="under') : text.index("</main>")]
    return answer.status, text


@pytest.mark.parametrize("guess", GUESSES, ids=lambda guess: "".join(guess.values()) or "all")
async def test_no_search_and_no_file_depends_on_what_is_hidden(
    both: list[Shown], guess: dict[str, str]
) -> None:
    query = urlencode({"offset": "0", **guess})
    for address in (
        f"/api/v1/topics/users/messages?{query}",
        f"/api/v1/topics/users/messages.json?{query}",
        f"/api/v1/topics/users/messages.csv?{query}",
        f"/topics/users?tab=messages&{query}",
    ):
        first, second = [await told(one.client, address) for one in both]

        assert first == second and first[0] == 200, address
        assert guess or "example" not in first[1], address


async def test_no_agent_is_told_what_is_hidden(both: list[Shown]) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "topic_messages",
            "arguments": {"name": "users", "filter": "record.valueAsText.contains('ann')"},
        },
    }
    headers = {"Accept": "application/json, text/event-stream"}
    first, second = [
        await (await one.client.post("/mcp", json=call, headers=headers)).text() for one in both
    ]

    assert first == second and "scanned" in first


async def test_following_does_not_depend_on_what_is_hidden(both: list[Shown]) -> None:
    seen = []
    for shown, mail in zip(both, HIDDEN, strict=True):
        async with shown.client.get("/api/v1/topics/users/tail?q=example") as stream:
            await stream.content.readuntil(b"nothing new")
            for record in records(mail):
                later = replace(record, offset=record.offset + 3)
                shown.cluster.values[PLACE, later.offset] = later
            shown.cluster.partitions[PLACE].end = 6
            async with asyncio.timeout(20):
                await stream.content.readuntil(b"data: ")
                seen.append(json.loads(await stream.content.readline()))

    assert seen[0] == seen[1]
    assert (seen[0]["rows"], seen[0]["looked"]) == ([], 3)
