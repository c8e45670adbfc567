"""Links that show one site: what they open, and that they open nothing else."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dashboard.access.accounts import LINKS_MAX, AccountError, Accounts, NewLink
from dashboard.access.sessions import TRIES
from dashboard.identity import Role
from dashboard.site_map import PAGES
from dashboard.state import State
from tests.support.made_dashboard import Client, busy_cluster, made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock

pytestmark = pytest.mark.may_block

PASSWORD = "correct horse"
SHOWN, HIDDEN = "shown.example", "hidden.example"


@pytest.fixture
def state(tmp_path: Path) -> State:
    now_ms = SystemClock().now_ms()
    events = [
        made_event(number, site_id=site, occurred_at=now_ms)
        for number, site in enumerate((SHOWN, HIDDEN))
    ]
    store_visits(tmp_path, events, now_ms)
    made = made_state(tmp_path, busy_cluster(), sign_in="on")
    made.household.accounts.put_user("admin", Role.ADMIN, PASSWORD)
    return made


async def ask_for(client: Client, state: State, **wish: str) -> tuple[int, dict[str, Any]]:
    """The answer to an administrator who wants a link made."""
    token = state.household.accounts.add_token(f"ci-{len(wish)}", ("admin",), 0)
    answer = await client.post(
        "/api/v1/actions/create-link",
        json={"link": "board", "site": SHOWN, **wish},
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.status, await answer.json()


async def made_link(client: Client, state: State, **wish: str) -> str:
    """Path and query of a new link to the site SHOWN."""
    status, told = await ask_for(client, state, **wish)
    assert status == 200, told
    parts = urlsplit(told["rows"][0]["link"])
    return f"{parts.path}?{parts.query}"


def secret_of(link: str) -> str:
    return link.partition("shared=")[2]


async def test_a_link_shows_its_site_with_everything_that_the_page_leads_to(
    client: Client, state: State
) -> None:
    link = await made_link(client, state)

    page = await (await client.get(link)).text()
    numbers = await client.get(f"/api/v1{link}&period=30m")
    table = await client.get(f"/api/v1/activity.csv?{urlsplit(link).query}&dimension=page")
    lists = await client.get(f"/api/v1/activity.zip?{urlsplit(link).query}")
    others = await client.get(f"/api/v1/activity.zip?site={HIDDEN}&shared={secret_of(link)}")
    stream = await client.get("/api/stream", params={"page": link, "shared": secret_of(link)})
    frame = await stream.content.readuntil(b"\n\n") + await stream.content.readuntil(b"\n\n")
    stream.close()

    assert SHOWN in page and HIDDEN not in page
    assert (await numbers.json())["overview"]["visitors"] == 1
    assert "/,1,1" in await table.text()
    assert SHOWN.replace(".", "_") in lists.headers["Content-Disposition"]
    assert others.status == 404
    assert b'"html"' in frame and HIDDEN.encode() not in frame


async def test_its_page_tells_nothing_of_the_cluster_and_leads_nowhere_else(
    client: Client, state: State
) -> None:
    page = await (await client.get(await made_link(client, state))).text()

    never = ("local", "/topics", "/settings", "/metrics", "Sign out", "problem", "js/s.js")
    assert [word for word in never if word in page] == []
    assert 'name="shared"' in page  # forms ask by the link as well


async def test_a_link_opens_nothing_but_activity(client: Client, state: State) -> None:
    secret = secret_of(await made_link(client, state))

    async def status(path: str) -> int:
        mark = "&" if "?" in path else "?"
        return (await client.get(f"{path}{mark}shared={secret}", allow_redirects=False)).status

    others = [page.path for page in PAGES if page.path != "/activity"]
    others += ["/api/v1/sites", "/api/v1/topics", "/api/v1/health", "/api/v1/actions", "/metrics"]
    others += ["/api/v1/openapi.json", "/api/v1/audit", "/api/stream?page=/topics"]
    statuses = {path: await status(path) for path in others}

    assert {path: one for path, one in statuses.items() if one not in (401, 404)} == {}
    assert await status(f"/activity?site={HIDDEN}") == 200
    shown = await (await client.get(f"/activity?site={HIDDEN}&shared={secret}")).text()
    assert 'id="visitors"' not in shown and "footfall site add" not in shown
    assert await status(f"/api/v1/activity?site={HIDDEN}") == 404


async def test_a_link_changes_nothing(client: Client, state: State) -> None:
    secret = secret_of(await made_link(client, state))

    answer = await client.post(
        f"/api/v1/actions/create-topic?shared={secret}", json={"topic": "new"}
    )

    assert answer.status == 403


async def test_who_is_signed_in_sees_by_a_link_what_others_see(
    client: Client, state: State
) -> None:
    link = await made_link(client, state)
    form = {"user": "admin", "password": PASSWORD, "next": "/"}
    await client.post("/login", data=form)

    by_link = await (await client.get(link)).text()
    own = await (await client.get(f"/activity?site={SHOWN}")).text()

    assert HIDDEN not in by_link and HIDDEN in own
    assert "board" in own and "Make a link" in own  # theirs is to share it


async def test_an_ended_link_shows_nothing_and_says_so(client: Client, state: State) -> None:
    link = await made_link(client, state)
    state.household.accounts.delete_link("board")

    page = await client.get(link)
    stream = await client.get("/api/stream", params={"page": link, "shared": secret_of(link)})

    assert (page.status, stream.status) == (404, 401)
    text = await page.text()
    assert "This link is not known, or has ended." in text and SHOWN not in text


async def test_a_locked_link_asks_for_its_password_once(client: Client, state: State) -> None:
    link = await made_link(client, state, password="open sesame")

    turned_away = await client.get(link, allow_redirects=False)
    numbers = await client.get(f"/api/v1{link}")
    door = turned_away.headers["Location"]
    asked = await client.get(door)
    wrong = await client.post(door, data={"password": "guess"})
    right = await client.post(door, data={"password": "open sesame"}, allow_redirects=False)
    page = await client.get(right.headers["Location"])

    assert (turned_away.status, numbers.status) == (303, 401)
    assert 'type="password"' in await asked.text()
    assert (wrong.status, right.status) == (401, 303)
    assert "HttpOnly" in right.headers["Set-Cookie"]
    assert SHOWN in await page.text() and 'id="visitors"' in await page.text()


async def test_the_password_of_one_link_opens_no_other(client: Client, state: State) -> None:
    one = await made_link(client, state, password="open sesame")
    other = state.household.accounts.add_link(NewLink("other", SHOWN, "another one"), 0)

    await client.post(f"/shared?shared={secret_of(one)}", data={"password": "open sesame"})

    assert (await client.get(one, allow_redirects=False)).status == 200
    answer = await client.get(f"/activity?shared={other}", allow_redirects=False)
    assert answer.status == 303


async def test_guessing_the_password_of_a_link_is_stopped(client: Client, state: State) -> None:
    door = f"/shared?shared={secret_of(await made_link(client, state, password='open sesame'))}"

    tried = [await client.post(door, data={"password": f"guess {n}"}) for n in range(TRIES + 1)]
    right = await client.post(door, data={"password": "open sesame"}, allow_redirects=False)

    assert [answer.status for answer in tried] == [401] * TRIES + [429]
    assert right.status == 429


@pytest.mark.parametrize("wish", [{"site": "no site"}, {"site": ""}, {"link": "a b"}])
async def test_what_is_no_link_is_refused(
    client: Client, state: State, wish: dict[str, str]
) -> None:
    status, told = await ask_for(client, state, **wish)

    assert status in (400, 409) and told["error"]


def test_links_are_kept_as_hashes_with_users_and_tokens(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = Accounts(path)
    accounts.first_password()
    secret = accounts.add_link(NewLink("board", SHOWN, "open sesame"), 5)

    again = Accounts(path)

    assert again.link(secret) == accounts.link(secret) is not None
    assert again.link("another") is None and again.link("") is None
    assert secret not in path.read_text() and "open sesame" not in path.read_text()
    with pytest.raises(AccountError, match="already"):
        again.add_link(NewLink("board", SHOWN), 5)


def test_a_file_of_before_there_were_links_has_none(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    Accounts(path).first_password()
    body = json.loads(path.read_text())
    del body["links"]
    path.write_text(json.dumps(body))

    assert Accounts(path).links() == []


def test_links_are_bounded(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    accounts.first_password()
    for number in range(LINKS_MAX):
        accounts.add_link(NewLink(str(number), SHOWN), 0)

    with pytest.raises(AccountError, match="end one first"):
        accounts.add_link(NewLink("one more", SHOWN), 0)
