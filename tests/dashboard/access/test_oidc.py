"""Sign-in at a provider that really answers: who gets in as what, and every way to be refused."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from dashboard.access.oidc import RETURNS, OidcClient, Refusal, claim_at, role_of
from dashboard.app import provider as provider_of
from dashboard.config import DashboardConfig, OidcConfig, RightsConfig
from dashboard.identity import Role
from dashboard.rights.rules import rights
from dashboard.single_sign_on import BROWSER_COOKIE
from dashboard.state import State
from dashboard.web import Site, metrics_text
from footfall.settings import SettingsError
from tests.support.made_dashboard import Client, busy_cluster, made_state
from tests.support.manual_clock import ManualClock
from tests.support.oidc_provider import CLIENT, SECRET, AnyKey, Provider
from tracker.clock import SystemClock

pytestmark = pytest.mark.may_block

PASSWORD = "correct horse"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider(
        people={
            "alice": {"preferred_username": "alice", "groups": ["staff", "ops"]},
            "bob": {"preferred_username": "bob", "groups": ["staff"]},
            "eve": {"preferred_username": "eve", "groups": ["guests"]},
        }
    )
    async with made.server() as server:
        made.issuer = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
def config(provider: Provider) -> OidcConfig:
    return OidcConfig(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        admins=("ops",),
        viewers=("staff",),
    )


@pytest.fixture
def state(tmp_path: Path, config: OidcConfig) -> State:
    made = made_state(tmp_path, busy_cluster(), sign_in="on")
    made.household.accounts.put_user("admin", Role.ADMIN, PASSWORD)
    return replace(made, oidc=OidcClient(config, SystemClock()))


@pytest.fixture
async def client(state: State, provider: Provider) -> AsyncIterator[Client]:
    server = TestServer(Site(state).application())
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as made:
        provider.redirect_uri = str(made.make_url("/login/oidc/return"))
        await state.poller(None).look()
        yield made


async def come_back(client: Client, user: str, after: str = "/topics") -> tuple[int, str, str]:
    """Through the provider as `user`: status, Location and text of where it ends."""
    begun = await client.get("/login/oidc", params={"next": after}, allow_redirects=False)
    assert begun.status == 303, await begun.text()
    there = await client.session.post(
        begun.headers["Location"], data={"user": user}, allow_redirects=False
    )
    assert there.status == 303, await there.text()
    back = await client.session.get(there.headers["Location"], allow_redirects=False)
    return back.status, back.headers.get("Location", ""), await back.text()


async def who(client: Client) -> Any:
    answer = await client.get("/api/v1/actions")
    return (answer.status, (await answer.json()).get("role"))


@pytest.mark.parametrize(("letter", "kept"), [("a", True), ("\U0001f310", False)])
async def test_where_to_go_then_never_makes_a_cookie_that_browsers_drop(
    client: Client, letter: str, kept: bool
) -> None:
    """They keep 4,096 bytes of name and value."""
    after = "/topics?q=" + letter * 500

    begun = await client.get("/login/oidc", params={"next": after}, allow_redirects=False)
    _, location, _ = await come_back(client, "alice", after)

    assert len(BROWSER_COOKIE) + len(begun.cookies[BROWSER_COOKIE].value) < 4_096
    assert (unquote(location) == after) is kept


async def test_the_sign_in_page_offers_both_ways(client: Client) -> None:
    text = await (await client.get("/login?next=/groups")).text()

    assert 'href="/login/oidc?next=/groups"' in text
    assert 'name="password"' in text


@pytest.mark.parametrize(("user", "role"), [("alice", Role.ADMIN), ("bob", Role.VIEWER)])
async def test_groups_make_the_role_and_the_highest_counts(
    client: Client, state: State, user: str, role: Role
) -> None:
    status, location, _ = await come_back(client, user)

    page = await (await client.get("/topics")).text()
    assert (status, location) == (303, "/topics")
    assert f"sso:{user}" in page
    (session,) = state.guard.sessions._open.values()
    assert session.role is role


async def test_somebody_without_a_role_is_told_so_and_stays_outside(client: Client) -> None:
    status, _, text = await come_back(client, "eve")

    assert status == 403
    assert "eve is known, but has no role here" in text
    assert (await client.get("/topics", allow_redirects=False)).status == 303


async def test_an_answer_that_comes_in_many_pieces_is_read_to_its_end(
    client: Client, provider: Provider
) -> None:
    provider.padding = "x" * 900_000

    status, location, _ = await come_back(client, "alice")

    assert (status, location) == (303, "/topics")


async def test_an_answer_without_an_end_is_not_read_to_it(
    client: Client, provider: Provider
) -> None:
    provider.padding = "x" * 1_100_000

    answer = await client.get("/login/oidc", allow_redirects=False)

    assert answer.status == 502


async def test_groups_may_stand_in_userinfo(client: Client, provider: Provider) -> None:
    provider.people["carol"] = {"preferred_username": "carol"}
    provider.userinfo = {"groups": ["ops"]}

    status, _, _ = await come_back(client, "carol")

    assert status == 303


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        ({"realm_access": {"roles": ["ops"]}}, "realm_access.roles", ["ops"]),
        ({"https://x.example/roles": ["ops"]}, "https://x.example/roles", ["ops"]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"realm_access": ["roles"]}, "realm_access.roles", None),
        ({"realm_access": {}}, "realm_access.roles", None),
        ({}, "groups", None),
    ],
)
def test_a_claim_may_stand_within_another_one(
    claims: dict[str, Any], path: str, found: object
) -> None:
    assert claim_at(claims, path) == found


async def test_roles_of_keycloaks_own_make_the_role(
    state: State, client: Client, provider: Provider
) -> None:
    assert state.oidc is not None
    state.oidc.config = replace(state.oidc.config, roles_claim="realm_access.roles")
    provider.people["kay"] = {"preferred_username": "kay", "realm_access": {"roles": ["ops"]}}

    status, _, _ = await come_back(client, "kay")

    assert (status, await who(client)) == (303, (200, "admin"))


async def test_userinfo_of_somebody_else_is_refused(client: Client, provider: Provider) -> None:
    provider.people["carol"] = {"preferred_username": "carol"}
    provider.userinfo = {"groups": ["ops"], "sub": "id-of-alice"}

    assert "told of somebody else" in (await come_back(client, "carol"))[2]


async def test_what_the_provider_refuses_is_told(client: Client) -> None:
    status, _, text = await come_back(client, "mallory")

    assert status == 403
    assert "access_denied not today" in text


FORGERIES: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "somebody-else"}, "does not fit"),
    "another issuer": ({"iss": "http://127.0.0.1:1"}, "does not fit"),
    "another nonce": ({"nonce": "replayed"}, "does not fit"),
    "expired": ({"exp": int(time.time()) - 3_600}, "does not fit"),
    "of the future": ({"iat": int(time.time()) + 3_600}, "does not fit"),
    "for another party": ({"aud": [CLIENT, "other"], "azp": "other"}, "another application"),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_does_not_fit_lets_nobody_in(
    client: Client, provider: Provider, name: str
) -> None:
    provider.claims, complaint = FORGERIES[name]

    status, _, text = await come_back(client, "alice")

    assert status == 403
    assert complaint in text


async def test_a_clock_that_is_half_a_minute_off_is_forgiven(
    client: Client, provider: Provider
) -> None:
    provider.claims = {"exp": int(time.time()) - 30, "iat": int(time.time()) + 30}

    assert (await come_back(client, "alice"))[0] == 303


@pytest.mark.parametrize("way", ["another key", "public key as a secret"])
async def test_a_signature_that_is_not_the_providers_lets_nobody_in(
    client: Client, provider: Provider, way: str
) -> None:
    if way == "another key":
        provider.signed_with = RSAKey.generate_key(2048, {"kid": "1"})
    else:
        provider.algorithm = "HS256"
        provider.signed_with = OctKey.import_key(str(provider.key.as_dict(private=False)["n"]))

    status, _, text = await come_back(client, "alice")

    assert status == 403
    assert "not signed as it must be" in text


async def test_new_keys_of_the_provider_are_fetched_when_they_are_needed(
    client: Client, provider: Provider
) -> None:
    await come_back(client, "alice")
    provider.key = RSAKey.generate_key(2048, {"kid": "2"})

    status, _, _ = await come_back(client, "alice")

    assert (status, provider.key_reads) == (303, 2)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS512", RSAKey.generate_key(2048, {"kid": "2"})),
        ("PS256", RSAKey.generate_key(2048, {"kid": "2"})),
        ("ES256", ECKey.generate_key("P-256", {"kid": "2"})),
        ("ES512", ECKey.generate_key("P-521", {"kid": "2"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "2"})),
    ],
)
async def test_providers_sign_with_any_key_pair_that_their_keys_tell(
    client: Client, provider: Provider, algorithm: str, key: AnyKey
) -> None:
    provider.key, provider.algorithm = key, algorithm

    assert (await come_back(client, "alice"))[0] == 303


async def test_a_return_is_good_once_and_in_the_browser_that_began(client: Client) -> None:
    begun = await client.get("/login/oidc", allow_redirects=False)
    there = await client.session.post(
        begun.headers["Location"], data={"user": "alice"}, allow_redirects=False
    )
    back = there.headers["Location"]

    async with ClientSession(cookies={BROWSER_COOKIE: "x"}) as other:
        elsewhere = await other.get(back, allow_redirects=False)
        refused = await elsewhere.text()
    cookie = begun.cookies[BROWSER_COOKIE].value
    once = await client.session.get(back, allow_redirects=False)
    async with ClientSession(cookies={BROWSER_COOKIE: cookie}) as thief:
        again = await thief.get(back, allow_redirects=False)
        used = await again.text()

    assert elsewhere.status == 403
    assert "another browser" in refused
    assert once.status == 303  # the stranger's try did not spend it
    assert again.status == 403
    assert "used already" in used


async def test_pkce_state_and_nonce_are_sent_and_differ_each_time(client: Client) -> None:
    queries = []
    for _ in range(2):
        begun = await client.get("/login/oidc", allow_redirects=False)
        queries.append(parse_qs(urlsplit(begun.headers["Location"]).query))

    first, second = queries
    assert first["code_challenge_method"] == ["S256"]
    assert all(first[key] != second[key] for key in ("state", "nonce", "code_challenge"))


async def test_next_leads_to_our_own_pages_only(client: Client) -> None:
    _, location, _ = await come_back(client, "alice", after="https://evil.example/")

    assert location == "/"


async def test_a_provider_that_is_away_is_told_and_passwords_work(
    client: Client, state: State, provider: Provider
) -> None:
    assert state.oidc is not None
    state.oidc.config = replace(state.oidc.config, issuer="http://127.0.0.1:1")

    away = await client.get("/login/oidc", allow_redirects=False)
    form = {"user": "admin", "password": PASSWORD, "next": "/"}
    password = await client.post("/login", data=form, allow_redirects=False)

    assert away.status == 502
    assert "127.0.0.1:1 does not answer. Passwords work as before." in await away.text()
    assert password.status == 303
    assert 'footfall_oidc_sign_ins_total{outcome="away"} 1' in metrics_text(state)


async def test_a_provider_under_another_name_is_not_believed(
    client: Client, provider: Provider
) -> None:
    provider.calls_itself = "https://evil.example"

    away = await client.get("/login/oidc", allow_redirects=False)

    assert away.status == 502
    assert "calls itself" in await away.text()


async def test_signing_out_leads_through_the_provider(client: Client, provider: Provider) -> None:
    await come_back(client, "alice")
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]

    url = (await (await client.get("/api/v1/logout/oidc")).json())["url"]
    await client.post("/api/v1/logout", headers={"X-CSRF-Token": csrf})
    end = await client.session.get(url, allow_redirects=False)

    assert end.headers["Location"] == str(client.make_url("/login"))
    assert len(provider.signed_out) == 1
    assert (await client.get("/topics", allow_redirects=False)).status == 303


def test_roles_come_from_lists_and_single_values_and_everybody() -> None:
    config = OidcConfig(admins=("a",), editors=("e",), viewers=("*",))

    assert role_of(["x", "e"], config) is Role.EDITOR
    assert role_of("a", config) is Role.ADMIN
    assert role_of(None, config) is Role.VIEWER
    assert role_of(None, OidcConfig(admins=("None-such",))) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"client_id": ""}, "client_id"),
        ({"issuer": "http://idp.example"}, "https"),
        ({"scopes": "email"}, "openid"),
        ({"admins": (), "viewers": ()}, "nobody a role"),
    ],
)
def test_settings_that_cannot_work_are_named(changes: dict[str, Any], complaint: str) -> None:
    good = OidcConfig(issuer="https://idp.example", client_id="x", admins=("ops",))

    with pytest.raises(SettingsError, match=complaint):
        provider_of(DashboardConfig(sign_in="on"), replace(good, **changes), SystemClock())


def test_a_provider_without_sign_in_is_refused() -> None:
    good = OidcConfig(issuer="https://idp.example", client_id="x", admins=("ops",))

    with pytest.raises(SettingsError, match="sign_in"):
        provider_of(DashboardConfig(), good, SystemClock())


async def test_a_provider_that_is_away_is_not_asked_by_every_visitor(
    client: Client, state: State, provider: Provider
) -> None:
    assert state.oidc is not None
    issuer = state.oidc.config.issuer
    state.oidc.config = replace(state.oidc.config, issuer="http://127.0.0.1:1")
    await client.get("/login/oidc", allow_redirects=False)
    state.oidc.config = replace(state.oidc.config, issuer=issuer)

    again = await client.get("/login/oidc", allow_redirects=False)

    assert again.status == 502
    assert "127.0.0.1:1 does not answer" in await again.text()


async def test_groups_of_the_provider_are_those_that_rules_name(
    tmp_path: Path, provider: Provider, config: OidcConfig
) -> None:
    rules = rights({"staff": RightsConfig(who=("group:staff",), topics="events")}, ())
    made = made_state(tmp_path, busy_cluster(), sign_in="on", rights=rules)
    made.household.accounts.put_user("admin", Role.ADMIN, PASSWORD)
    state = replace(made, oidc=OidcClient(replace(config, admins=()), SystemClock()))
    server = TestServer(Site(state).application())
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        provider.redirect_uri = str(client.make_url("/login/oidc/return"))
        await state.poller(None).look()

        await come_back(client, "alice")
        topics = await (await client.get("/api/v1/topics")).json()

    assert [topic["name"] for topic in topics] == ["events"]


async def test_beginning_costs_nothing_and_keeps_nobody_out(client: Client) -> None:
    """Fifty addresses could once spend the sign-ins of everybody: beginnings were kept here."""
    client.session.cookie_jar.clear()
    for _ in range(100):
        begun = await client.get("/login/oidc", allow_redirects=False)
        assert begun.status == 303

    assert (await come_back(client, "alice"))[0] == 303


async def test_one_address_cannot_come_back_wrong_without_end(client: Client) -> None:
    answers = [await client.get("/login/oidc/return?state=x") for _ in range(RETURNS + 1)]

    assert [answer.status for answer in answers] == [403] * RETURNS + [429]
    assert "Too many sign-ins" in await answers[-1].text()


async def test_a_sign_in_lasts_ten_minutes_and_is_sealed(provider: Provider) -> None:
    clock = ManualClock()
    client = OidcClient(OidcConfig(issuer=provider.issuer, client_id="footfall"), clock)

    _, sealed = await client.begin("http://here/login/oidc/return", "/" + "x" * 5_000)
    clock.advance(601_001)

    assert len(sealed) < 2_000 and "here" not in sealed
    with pytest.raises(Refusal, match="too long"):
        await client.finish({"state": "x"}, sealed)


async def test_who_finishes_a_sign_in_may_begin_again(client: Client) -> None:
    for _ in range(RETURNS + 1):
        status, _, _ = await come_back(client, "alice")

        assert status == 303
