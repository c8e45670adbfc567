"""Who is let in, who is turned away, and what a stolen or forged request can do: nothing."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer

from dashboard.access.guard import COOKIE
from dashboard.access.sessions import TRIES
from dashboard.app import entrance
from dashboard.config import DashboardConfig
from dashboard.identity import Role
from dashboard.login import local_path
from dashboard.state import State
from dashboard.web import Site
from footfall.settings import SettingsError
from tests.support.made_dashboard import Client, busy_cluster, made_state

pytestmark = pytest.mark.may_block

PASSWORD = "correct horse"


@pytest.fixture
def settings() -> dict[str, object]:
    return {"sign_in": "on"}


@pytest.fixture
def state(tmp_path: Path, settings: dict[str, object]) -> State:
    made = made_state(tmp_path, busy_cluster(), **settings)
    for role in reversed(Role):  # an administrator first
        made.household.accounts.put_user(role.word, role, PASSWORD)
    return made


def basic_auth(password: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth("prometheus", password)}


async def test_after_a_wrong_password_the_name_stays_as_it_was_typed(client: Client) -> None:
    form = {"user": 'a"nn<b>', "password": "wrong"}

    page = await (await client.post("/login", data=form)).text()

    assert 'name="user"' in page and 'value="a&#34;nn&lt;b&gt;"' in page
    assert "wrong" not in page


async def sign_in(client: Client, user: str, password: str = PASSWORD) -> Any:
    form = {"user": user, "password": password, "next": "/topics"}
    return await client.post("/login", data=form, allow_redirects=False)


async def act(client: Client, action: str, wish: Any, **headers: str) -> int:
    csrf = (await (await client.get("/api/v1/actions")).json()).get("csrf", "")
    answer = await client.post(
        f"/api/v1/actions/{action}", json=wish, headers={"X-CSRF-Token": csrf, **headers}
    )
    return answer.status


async def test_nothing_but_health_and_the_sign_in_page_is_open(client: Client) -> None:
    statuses = {
        path: (await client.get(path, allow_redirects=False)).status
        for path in ("/", "/topics/events", "/api/v1/groups", "/api/stream", "/metrics")
    }
    posted = await client.post("/api/v1/actions/create-topic", json={"topic": "x"})

    assert statuses == {
        "/": 303,
        "/topics/events": 303,
        "/api/v1/groups": 401,
        "/api/stream": 401,
        "/metrics": 401,
    }
    assert posted.status == 401
    for path in ("/healthz", "/readyz", "/login", "/static/app.css"):
        assert (await client.get(path)).status == 200


async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(client: Client) -> None:
    answer = await sign_in(client, "viewer")
    page = await client.get("/topics")

    cookie = answer.headers["Set-Cookie"]
    assert (answer.status, answer.headers["Location"]) == (303, "/topics")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert page.status == 200 and "Sign out" in await page.text()


async def test_who_is_signed_in_can_sign_out_on_pages_that_say_what_is_wrong(
    client: Client,
) -> None:
    await sign_in(client, "viewer")
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]
    for path in ("/nothing", "/topics/nope", "/topics?cluster=nope"):
        page = await client.get(path)
        shown = await page.text()

        assert page.status == 404, path
        assert 'id="sign-out"' in shown and f'data-csrf="{csrf}"' in shown, path


async def test_signing_out_ends_the_session_on_the_server(client: Client) -> None:
    key = (await sign_in(client, "viewer")).cookies[COOKIE].value
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]

    await client.post("/api/v1/logout", headers={"X-CSRF-Token": csrf})

    again = await client.get("/api/v1/groups", headers={"Cookie": f"{COOKIE}={key}"})
    assert again.status == 401


@pytest.mark.parametrize(
    ("user", "statuses"),
    [("viewer", (403, 403)), ("editor", (200, 403)), ("admin", (200, 200))],
)
async def test_each_role_may_do_what_it_is_for(
    client: Client, user: str, statuses: tuple[int, int]
) -> None:
    await sign_in(client, user)

    made = await act(client, "create-topic", {"topic": "new"})
    token = await act(client, "create-token", {"token": "ci", "scopes": ["read"]})

    assert (made, token) == statuses


@pytest.mark.parametrize(("user", "status"), [("viewer", 403), ("editor", 403), ("admin", 200)])
async def test_settings_of_brokers_are_for_administrators(
    client: Client, user: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dashboard.audit")
    await sign_in(client, user)

    wish = {"broker": "1", "configs": {"num.io.threads": "8"}, "dry_run": True}

    assert await act(client, "edit-broker-config", wish) == status
    assert ("refused: This needs the role admin" in caplog.text) == (status == 403)


async def test_guessing_passwords_is_stopped_after_five_tries(client: Client) -> None:
    statuses = [(await sign_in(client, "admin", f"wrong {n}")).status for n in range(6)]
    right = await sign_in(client, "admin")

    assert statuses == [401] * 5 + [429]
    assert right.status == 429 and int(right.headers["Retry-After"]) > 0


async def test_who_knows_the_password_may_sign_in_as_often_as_they_like(client: Client) -> None:
    statuses = {(await sign_in(client, "viewer")).status for _ in range(TRIES + 1)}

    assert len(statuses) == 1
    assert 429 not in statuses


async def test_guessing_many_passwords_at_once_is_no_way_around_it(client: Client) -> None:
    tries = [sign_in(client, "admin", f"wrong {n}") for n in range(TRIES + 3)]

    statuses = [answer.status for answer in await asyncio.gather(*tries)]

    assert sorted(statuses) == [401] * TRIES + [429] * 3


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
async def test_a_sign_in_form_of_another_site_is_not_taken(client: Client, origin: str) -> None:
    answer = await client.post(
        "/login", data={"user": "admin", "password": PASSWORD}, headers={"Origin": origin}
    )

    assert answer.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_which_the_browser_says_that_it_is_foreign_is_not_taken(
    client: Client, site: str
) -> None:
    """Without Origin, as browsers send some forms, `Sec-Fetch-Site` counts."""
    form = {"user": "admin", "password": PASSWORD}

    answer = await client.post("/login", data=form, headers={"Sec-Fetch-Site": site})

    assert answer.status == 403
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize("settings", [{"public_url": "https://stats.example"}])
async def test_a_sign_in_form_of_our_own_is_taken_by_each_of_our_names(client: Client) -> None:
    form = {"user": "admin", "password": PASSWORD}

    for origin in (str(client.make_url("/")).rstrip("/"), "https://stats.example"):
        answer = await client.post(
            "/login", data=form, headers={"Origin": origin}, allow_redirects=False
        )
        assert answer.status == 303


async def test_a_cookie_alone_changes_nothing(client: Client) -> None:
    await sign_in(client, "admin")

    without = await client.post("/api/v1/actions/create-topic", json={"topic": "new"})
    foreign = await act(client, "create-topic", {"topic": "new"}, Origin="http://other.example")
    guessed = await client.post(
        "/api/v1/actions/create-topic", json={"topic": "new"}, headers={"X-CSRF-Token": "guessed"}
    )

    assert (without.status, foreign, guessed.status) == (403, 403, 403)


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        (("metrics",), (200, 401, 401)),
        (("read",), (200, 200, 403)),
        (("write",), (200, 200, 200)),
    ],
)
async def test_a_token_opens_what_its_scopes_say_and_needs_no_csrf(
    client: Client, state: State, scopes: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    token = state.household.accounts.add_token("t", scopes, 0)
    headers = {"Authorization": f"Bearer {token}"}

    metrics = await client.get("/metrics", headers=headers)
    groups = await client.get("/api/v1/groups", headers=headers)
    made = await client.post("/api/v1/actions/create-topic", json={"topic": "new"}, headers=headers)

    assert (metrics.status, groups.status, made.status) == statuses


async def test_a_deleted_token_and_a_wrong_one_open_nothing(client: Client, state: State) -> None:
    token = state.household.accounts.add_token("t", ("admin",), 0)
    state.household.accounts.delete_token("t")

    for presented in (token, "ff_guess", "", "ff_\udcff"):
        headers = {"Authorization": f"Bearer {presented.encode('utf-8', 'replace').decode()}"}
        assert (await client.get("/api/v1/groups", headers=headers)).status == 401


async def test_a_new_password_ends_the_sessions_of_its_user(client: Client, state: State) -> None:
    await sign_in(client, "admin")

    await act(
        client, "put-user", {"user": "admin", "role": "admin", "password": "another password"}
    )

    assert (await client.get("/api/v1/groups")).status == 401


@pytest.mark.parametrize("settings", [{"metrics_token": "scrape me", "sign_in": "on"}])
@pytest.mark.parametrize(("scope", "status"), [("metrics", 200), ("read", 200), ("", 401)])
async def test_a_token_for_metrics_is_good_beside_the_one_of_the_settings(
    client: Client, state: State, scope: str, status: int
) -> None:
    token = state.household.accounts.add_token("t", (scope,), 0) if scope else "ff_guessed"

    scrape = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    assert scrape.status == status


@pytest.mark.parametrize("settings", [{"metrics_token": "scrape me"}])
async def test_metrics_may_ask_for_a_token_of_their_own(client: Client) -> None:
    none = await client.get("/metrics")
    bearer = await client.get("/metrics", headers={"Authorization": "Bearer scrape me"})
    basic = await client.get("/metrics", headers=basic_auth("scrape me"))
    wrong = await client.get("/metrics", headers=basic_auth("guess"))

    assert [a.status for a in (none, bearer, basic, wrong)] == [401, 200, 200, 401]


@pytest.mark.parametrize("settings", [{"sign_in": "on", "smtp_password": "hunter22"}])
async def test_settings_show_no_secret_and_a_viewer_sees_no_accounts(client: Client) -> None:
    await sign_in(client, "viewer")
    seen = await (await client.get("/settings")).text()
    await sign_in(client, "admin")
    whole = await (await client.get("/settings")).text()

    assert "hunter22" not in seen + whole and "set, not shown" in whole
    assert "editor</td>" not in seen and "editor</td>" in whole


@pytest.mark.parametrize("settings", [{}])
async def test_a_name_that_only_points_here_is_not_us(client: Client) -> None:
    rebound = await client.get("/api/v1/actions", headers={"Host": "evil.example:8080"})

    assert rebound.status == 421


@pytest.mark.parametrize(
    ("host", "sign_in", "url", "expected"),
    [
        ("127.0.0.1", "auto", "", False),
        ("::1", "auto", "", False),
        ("0.0.0.0", "auto", "", True),
        ("127.0.0.1", "auto", "https://stats.example.com", True),
        ("127.0.0.1", "on", "", True),
        ("127.0.0.1", "off", "", False),
    ],
)
def test_sign_in_is_off_only_where_nobody_else_can_come(
    host: str, sign_in: str, url: str, expected: bool
) -> None:
    door = entrance(DashboardConfig(host=host, sign_in=sign_in, public_url=url))

    assert door.sign_in is expected


def test_an_open_door_to_the_world_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="loopback"):
        entrance(DashboardConfig(host="0.0.0.0", sign_in="off"))


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "", "/a\nb"],
)
def test_after_signing_in_nobody_is_sent_away(address: str) -> None:
    assert local_path(address) == "/"
    assert local_path("/groups/x?tab=1") == "/groups/x?tab=1"


async def read_until_the_end(answer: Any) -> bytes:
    """What a stream still brings before the server ends it."""
    async with asyncio.timeout(50):
        return cast(bytes, await answer.content.read())


@pytest.mark.parametrize("address", ["/api/stream?page=/", "/api/v1/topics/events/tail"])
async def test_streams_end_with_the_session(client: Client, state: State, address: str) -> None:
    key = (await sign_in(client, "viewer")).cookies[COOKIE].value
    stream = await client.get(address)
    assert stream.status == 200
    await stream.content.readline()

    state.guard.sessions.end(key)
    await state.poller(None).look()

    await read_until_the_end(stream)


async def test_a_stream_ends_when_its_user_is_deleted(client: Client, state: State) -> None:
    await sign_in(client, "viewer")
    stream = await client.get("/api/stream?page=/")
    await stream.content.readline()

    state.household.accounts.delete_user("viewer")
    await state.poller(None).look()

    await read_until_the_end(stream)

    assert stream.content.at_eof()


async def test_a_stream_that_is_only_open_keeps_nobody_signed_in(
    client: Client, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.stream.PING_S", 0.01)
    key = (await sign_in(client, "viewer")).cookies[COOKIE].value
    session = state.guard.sessions.peek(key)
    assert session is not None
    stream = await client.get("/api/stream?page=/")
    seen_ms = session.seen_ms

    for _ in range(2):  # before each it was looked whether the session holds
        await stream.content.readuntil(b": ping")

    assert session.seen_ms == seen_ms
    stream.close()


async def test_each_address_behind_our_proxy_has_tries_of_its_own(
    tmp_path: Path,
) -> None:
    state = made_state(tmp_path, busy_cluster(), sign_in="on")
    state.household.accounts.put_user("admin", Role.ADMIN, PASSWORD)
    config = DashboardConfig(sign_in="on", trusted_proxies=("127.0.0.1",))
    state.guard.door = entrance(config)
    form = {"user": "admin", "password": "wrong", "next": "/"}
    async with TestClient(TestServer(Site(state).application())) as client:
        bad = {"X-Forwarded-For": "198.51.100.9"}
        statuses = [
            (await client.post("/login", data=form, headers=bad)).status for _ in range(TRIES + 1)
        ]
        good = {**form, "password": PASSWORD}
        other = await client.post(
            "/login",
            data=good,
            headers={"X-Forwarded-For": "198.51.100.10"},
            allow_redirects=False,
        )

    assert statuses == [401] * TRIES + [429]
    assert other.status == 303
