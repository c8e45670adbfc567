"""Links that pages of named origins may show in a frame: only these links, only there."""

import json
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.access.accounts import AccountError, Accounts, NewLink
from dashboard.access.origins import ORIGINS_MAX, NotAnOrigin, checked_origins
from dashboard.identity import Role
from dashboard.state import State
from dashboard.web import SECURITY_HEADERS
from tests.support.made_dashboard import Client, busy_cluster, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock

pytestmark = pytest.mark.may_block

SITE, ORIGIN, OTHER = "shown.example", "https://www.shown.example", "http://127.0.0.1:8000"


@pytest.fixture
def state(tmp_path: Path) -> State:
    now_ms = SystemClock().now_ms()
    store_visits(tmp_path, [made_event(1, site_id=SITE, occurred_at=now_ms)], now_ms)
    made = made_state(
        tmp_path, busy_cluster(), sign_in="on", grafana_url="https://grafana.example/secret"
    )
    made.household.accounts.put_user("admin", Role.ADMIN, "correct horse")
    return made


def framed(state: State, *frames: str, name: str = "board") -> str:
    """Path and query of a new link that these origins may frame."""
    secret = state.household.accounts.add_link(NewLink(name, SITE, frames=frames), 0)
    return f"/activity?site={SITE}&shared={secret}"


def ancestors(policy: str) -> str:
    return next(part for part in policy.split("; ") if part.startswith("frame-ancestors"))


async def test_only_the_named_origins_may_frame_a_link(client: Client, state: State) -> None:
    answer = await client.get(framed(state, ORIGIN, OTHER))

    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert ancestors(policy) == f"frame-ancestors {ORIGIN} {OTHER}"
    assert "X-Frame-Options" not in answer.headers
    rest = {key: value for key, value in SECURITY_HEADERS.items() if key != "X-Frame-Options"}
    rest["Content-Security-Policy"] = policy
    assert {key: answer.headers.get(key) for key in rest} == rest
    own = SECURITY_HEADERS["Content-Security-Policy"]
    assert policy.replace(ancestors(policy), "frame-ancestors 'none'") == own
    assert "Set-Cookie" not in answer.headers


async def test_nothing_else_may_be_framed(client: Client, state: State) -> None:
    """Neither a link without origins, nor what one with them leads to, nor our own pages."""
    link, plain = framed(state, ORIGIN), framed(state, name="plain")
    secret = parse_qs(urlsplit(link).query)["shared"][0]
    token = state.household.accounts.add_token("all", ("admin",), 0)
    signed_in = {"Authorization": f"Bearer {token}"}

    answers = [
        await client.get(plain + "&embed=true"),
        await client.get(f"/api/v1{link}"),
        await client.get(f"/topics?shared={secret}"),
        await client.get(f"/shared?shared={secret}", allow_redirects=False),
        await client.get("/activity?embed=true&shared=unknown"),
        await client.get("/login"),
        await client.get("/", headers=signed_in),
        await client.get(f"/activity?site={SITE}&embed=true", headers=signed_in),
    ]

    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert ancestors(policy) == "frame-ancestors 'none'", answer.url
        assert answer.headers["X-Frame-Options"] == "DENY", answer.url


async def test_in_a_frame_there_is_the_site_and_nothing_of_our_own_around_it(
    client: Client, state: State
) -> None:
    link = framed(state, ORIGIN)

    bare = await (await client.get(link + "&embed=true&theme=dark")).text()
    whole = await (await client.get(link)).text()

    for word in ('class="top"', 'id="theme"', 'class="brand"', "Saved views", "/settings"):
        assert word not in bare
    assert 'class="top"' in whole
    assert f"<h1>{SITE}</h1>" in bare
    assert 'data-theme="dark"' in bare and "data-embedded" in bare
    assert "embed=true" in bare.split('aria-label="Period"')[1]  # a period stays in the frame
    assert bare.count('name="shared"') == bare.count('name="embed"') == bare.count('name="theme"')
    for page in (bare, whole):
        assert "grafana.example" not in page  # what is beside the site is nobody's business


@pytest.mark.parametrize(
    ("query", "theme"),
    [
        ("&embed=true&theme=light", ' data-theme="light"'),
        ("&embed=true&theme=system", ""),
        ("&embed=true&theme=x%22onload=", ""),
        ("&theme=dark", ""),
    ],
)
async def test_the_address_chooses_the_theme_of_a_frame(
    client: Client, state: State, query: str, theme: str
) -> None:
    page = await (await client.get(framed(state, ORIGIN) + query)).text()

    embedded = " data-embedded" if "embed" in query else ""
    assert page.lstrip().startswith(f'<!doctype html>\n<html lang="en"{theme}{embedded}>')


async def test_a_page_without_a_link_is_never_without_our_frame(
    client: Client, state: State
) -> None:
    token = state.household.accounts.add_token("all", ("read",), 0)
    answer = await client.get(
        f"/activity?site={SITE}&embed=true&theme=dark", headers={"Authorization": f"Bearer {token}"}
    )

    assert 'class="top"' in await answer.text()


async def ask_for(client: Client, state: State, **wish: Any) -> tuple[int, dict[str, Any]]:
    token = state.household.accounts.add_token("ci", ("admin",), 0)
    answer = await client.post(
        "/api/v1/actions/create-link",
        json={"link": "board", "site": SITE, **wish},
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.status, await answer.json()


async def test_whoever_makes_such_a_link_gets_what_to_paste_into_a_page(
    client: Client, state: State
) -> None:
    status, told = await ask_for(client, state, frames=["HTTPS://WWW.Shown.Example", ORIGIN])

    assert status == 200, told
    row = told["rows"][0]
    source = unescape(row["for a page"].split('src="')[1].split('"')[0])
    assert source == row["link"] + "&embed=true&theme=system"
    answer = await client.get(f"{urlsplit(source).path}?{urlsplit(source).query}")
    allowed = ancestors(answer.headers["Content-Security-Policy"])
    assert allowed == f"frame-ancestors {ORIGIN}"


async def test_a_link_without_origins_gives_nothing_to_paste(client: Client, state: State) -> None:
    _, told = await ask_for(client, state)

    assert list(told["rows"][0]) == ["link"]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"frames": ["*"]}, "'*' is not an origin"),
        ({"frames": [ORIGIN], "password": "open sesame"}, "cannot ask for a password"),
    ],
)
async def test_what_would_not_be_safe_or_not_work_is_refused(
    client: Client, state: State, wish: dict[str, Any], told: str
) -> None:
    status, answer = await ask_for(client, state, **wish)

    assert status >= 400
    assert told in answer["error"]
    assert state.household.accounts.links() == []


@pytest.mark.parametrize(
    "text",
    [
        *("*", "https://*", "https://*.example.com", "https:", "http://", "", "'self'", "data:"),
        *("https://a.example/path", "https://a.example/", "https://a.example; script-src *"),
        *("https://a b.example", "https://a.example\r\nX: y", "ftp://a.example", "a.example"),
        *("https://user@a.example", "https://a.example:port", "https://" + "a" * 300),
    ],
)
def test_what_is_no_origin_is_refused_and_named(text: str) -> None:
    with pytest.raises(NotAnOrigin, match="is not an origin, which is written https://"):
        checked_origins([text])


def test_origins_are_bounded_and_each_is_kept_once() -> None:
    assert checked_origins([" HTTPS://A.example ", "https://a.example", "http://[::1]:8080"]) == (
        *("https://a.example", "http://[::1]:8080"),
    )
    with pytest.raises(NotAnOrigin, match=f"at most {ORIGINS_MAX} origins, not {ORIGINS_MAX + 1}"):
        checked_origins([ORIGIN] * (ORIGINS_MAX + 1))


def test_origins_outlive_a_restart_and_older_links_have_none(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = Accounts(path)
    accounts.put_user("ann", Role.ADMIN, "correct horse")
    new = accounts.add_link(NewLink("new", SITE, frames=(ORIGIN,)), 0)
    old = accounts.add_link(NewLink("old", SITE), 0)
    body = json.loads(path.read_text())
    before = next(link for link in body["links"] if link["name"] == "old")
    del before["frames"]
    path.write_text(json.dumps({**body, "version": 1}))

    again = Accounts(path)

    framed_link, plain_link = again.link(new), again.link(old)
    assert framed_link is not None and framed_link.frames == (ORIGIN,)
    assert plain_link is not None and plain_link.frames == ()
    with pytest.raises(AccountError, match="cannot ask for a password"):
        again.add_link(NewLink("both", SITE, "open sesame", (ORIGIN,)), 0)
