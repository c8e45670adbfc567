"""Filters in the address: what they say, what is refused, and what the form of the page adds."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from dashboard.activity.filters import (
    OPERATORS,
    BadFilter,
    added,
    filters,
    operator_of,
    written,
)
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock
from tracker.reports.picked import Filter

EVIL = '"><img src=x>|\\'


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    now_ms = SystemClock().now_ms()
    visits = {"ann": ("DE", "/docs/a"), "bob": ("FR", "/Docs/b"), "cid": (None, EVIL)}
    found = [
        made_event(
            number, visitor_id=name, country=country, pathname=page, occurred_at=now_ms, title=EVIL
        )
        for number, (name, (country, page)) in enumerate(visits.items())
    ]
    store_visits(tmp_path, found, now_ms)
    app: web.Application = Site(made_state(tmp_path, MadeCluster())).application()
    async with TestClient(TestServer(app)) as made:
        yield made


async def visitors(client: Client, **asked: str) -> int:
    answer = await client.get("/api/v1/activity", params={"period": "24h", **asked})
    overview: dict[str, int] = (await answer.json())["overview"]
    return overview["visitors"]


def test_operators_values_and_properties_are_read_from_the_address() -> None:
    found = filters(
        {
            "site": "example.com",
            "is.country": "DE|FR",
            "not.source": "(none)",
            "contains.page": "(none)|/docs",
            "lacks.prop.plan.x": r"a\|b\\|c",
            "is.os": "",
        }
    )

    assert found == (
        Filter("country", ("DE", "FR")),
        Filter("source", ("",), without=True),
        Filter("page", ("(none)", "/docs"), contains=True),
        Filter("prop.plan.x", ("a|b\\", "c"), without=True, contains=True),
    )


@given(
    st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=9, unique=True),
    st.sampled_from(sorted(OPERATORS)),
)
def test_what_is_written_is_read_again(values: list[str], operator: str) -> None:
    (found,) = filters({f"{operator}.page": written(values)})

    assert operator_of(found) == operator
    assert written(found.values) == written("" if one == "(none)" else one for one in values)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"is.nonsense": "1"}, "'nonsense' cannot be filtered by; there are page, "),
        ({"is.prop.": "1"}, "cannot be filtered by"),
        ({"is.prop." + "x" * 301: "1"}, "has 301 characters; at most 300 are answered"),
        ({"is.page": "|"}, "is.page has no value, only separators"),
        ({"is.page": "|".join(map(str, range(21)))}, "is.page has 21 values; at most 20"),
        ({"lacks.page": "x" * 2_001}, "lacks.page has a value of 2001 characters; at most 2000"),
        ({f"is.prop.{one}": "x" for one in range(9)}, "these are 9 filters; at most 8"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_bound(
    query: dict[str, str], words: str
) -> None:
    with pytest.raises(BadFilter, match=words):
        filters(query)


@pytest.mark.parametrize(
    ("by", "how", "what", "key", "value"),
    [
        ("page", "contains", " /a | /b ", "contains.page", "/a|/b"),
        ("page", "is", r"/a\|b", "is.page", r"/a\|b"),
        ("country", "is", "germany|FR", "is.country", "DE|FR"),
        ("country", "lacks", "ireland", "not.country", "IE"),
        ("os", "not", "(none)", "not.os", "(none)"),
        ("prop.plan", "is", "pro", "is.prop.plan", "pro"),
    ],
)
def test_the_form_adds_a_filter(by: str, how: str, what: str, key: str, value: str) -> None:
    before = {"site": "example.com", "by": by, "how": how, "what": what, "is.browser": ""}

    assert added(before) == {"site": "example.com", key: value}
    assert added({**before, key: "x"}) == {"site": "example.com", key: f"x|{value}"}


def test_a_form_without_a_value_or_with_a_foreign_operator_adds_nothing() -> None:
    assert added({"period": "7d"}) is None
    assert added({"by": "page", "how": "or 1=1", "what": "x"}) is None
    assert added({"by": "page", "how": "is", "what": " | "}) == {}


@pytest.mark.may_block
async def test_the_api_answers_every_operator(client: Client) -> None:
    found = [
        await visitors(client, **query)
        for query in (
            {"is.country": "DE|FR"},
            {"not.country": "DE|FR"},
            {"is.country": "(none)|JP"},
            {"contains.page": "/docs/"},
            {"contains.page": "s/B|s/A"},
            {"lacks.page": "DOCS"},
            {"contains.page": '">'},
            {"is.page": written([EVIL])},
        )
    ]

    assert found == [2, 1, 1, 2, 2, 1, 1, 1]


@pytest.mark.may_block
@pytest.mark.parametrize(
    "query", ["is.nonsense=1", "contains.page=" + "|".join("abcdefghijklmnopqrstuv")]
)
async def test_the_api_and_the_page_refuse_with_words(client: Client, query: str) -> None:
    for path in ("/api/v1/activity", "/api/v1/activity.csv", "/activity"):
        answer = await client.get(f"{path}?{query}")

        assert answer.status == 400
        assert "The filters cannot be used: " in await answer.text()


@pytest.mark.may_block
async def test_the_page_has_a_form_that_leads_to_the_address_with_the_filter(
    client: Client,
) -> None:
    form: dict[str, Any] = {"period": "24h", "by": "page", "how": "contains", "what": EVIL[:9]}

    answer = await client.get("/activity", params=form, allow_redirects=False)
    page = await (await client.get(answer.headers["Location"])).text()

    assert answer.status == 303
    assert dict(parse_qsl(urlsplit(answer.headers["Location"]).query)) == {
        "period": "24h",
        "contains.page": EVIL[:9],
    }
    assert "<summary>contains</summary>" in page
    assert "<img" not in page


@pytest.mark.may_block
@pytest.mark.parametrize("bytes_", ["%ED%A0%80", "%00", "%FF"])
async def test_text_that_is_no_text_finds_nobody(client: Client, bytes_: str) -> None:
    for operator in OPERATORS:
        answer = await client.get(f"/api/v1/activity?period=24h&{operator}.page={bytes_}")

        assert answer.status == 200
