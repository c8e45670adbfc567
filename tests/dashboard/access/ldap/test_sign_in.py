"""The sign-in page with a real directory behind it, over HTTP."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.access.sessions import TRIES
from dashboard.app import directory
from dashboard.config import LdapConfig, RightsConfig
from dashboard.identity import Role
from dashboard.rights.rules import Rights, rights
from dashboard.state import State
from dashboard.web import Site, metrics_text
from tests.support.made_dashboard import Client, busy_cluster, made_state
from tests.support.ports import free_port
from tests.support.slapd import PASSWORDS, Slapd

PASSWORD = "correct horse"
WRONG = "Wrong name or password."


@pytest.fixture
def config(slapd: Slapd) -> LdapConfig:
    return replace(slapd.config, label="Example's directory")


@pytest.fixture
def rules() -> Rights:
    return Rights()


@pytest.fixture
def state(tmp_path: Path, config: LdapConfig, rules: Rights) -> State:
    made = made_state(tmp_path, busy_cluster(), sign_in="on", rights=rules)
    made.household.accounts.put_user("admin", Role.ADMIN, PASSWORD)
    return replace(made, directory=directory(made.config, config, made.clock))


@pytest.fixture
def application(state: State) -> web.Application:
    """Before the event loop, which reads no templates."""
    return Site(state).application()


@pytest.fixture
async def client(state: State, application: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application)) as made:
        await state.poller(None).look()
        yield made
    assert state.directory is not None
    state.directory.close()


async def sign_in(client: Client, name: str, password: str | None = None) -> tuple[int, str]:
    """With the right password where none is given: status, and where to or what is said."""
    form = {"user": name, "password": PASSWORDS[name] if password is None else password}
    answer = await client.post("/login", data={**form, "next": "/topics"}, allow_redirects=False)
    text = await answer.text()
    said = re.search(r'role="alert">([^<]*)<', text)
    return answer.status, answer.headers.get("Location") or (said[1] if said else "")


async def role(client: Client) -> Any:
    return (await (await client.get("/api/v1/actions")).json()).get("role")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines of the audit."""
    return [line.getMessage() for line in caplog.records if line.name == "dashboard.audit"]


@pytest.mark.parametrize(
    ("name", "word"), [("ann", "admin"), ("bob", "editor"), ("carl", "viewer")]
)
async def test_groups_of_the_directory_make_the_role(
    client: Client, name: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    answer = await sign_in(client, name)

    assert answer == (303, "/topics")
    assert await role(client) == word
    assert f"ldap:{name}" in await (await client.get("/topics")).text()
    assert [line for line in told(caplog) if f"ldap:{name}" in line and "done" in line]


async def test_the_page_says_whose_password_it_asks_for(client: Client) -> None:
    text = await (await client.get("/login")).text()

    assert "Your account in Example&#39;s directory, or one of Footfall's own." in text


async def test_accounts_of_our_own_come_first_and_are_others(client: Client, state: State) -> None:
    """There is an `ann` here, too, who is only a viewer."""
    own = state.household.accounts.put_user
    await asyncio.to_thread(own, "ann", Role.VIEWER, "ann's word here")

    here = await sign_in(client, "ann", "ann's word here"), await role(client)
    there = await sign_in(client, "ann"), await role(client)

    assert here == ((303, "/topics"), "viewer")
    assert there == ((303, "/topics"), "admin")


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_wrong_password_looks_like_an_unknown_name(
    client: Client, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    names = ("bob", "nobody", "admin", "twin", "*")

    answers = [await sign_in(client, name, password) for name in names]

    assert answers == [(401, WRONG)] * len(names)
    assert all("refused: wrong" in line for line in told(caplog))
    assert len(told(caplog)) == len(names)


async def test_somebody_without_a_role_is_told_so_and_stays_outside(client: Client) -> None:
    status, said = await sign_in(client, "dora")

    assert (status, said[:33]) == (403, "dora is known, but has no role he")
    assert (await client.get("/topics", allow_redirects=False)).status == 303


async def test_wrong_tries_are_counted_and_end(client: Client, state: State) -> None:
    answers = [await sign_in(client, "bob", "wrong") for _ in range(TRIES)]

    status, said = await sign_in(client, "bob")

    assert answers == [(401, WRONG)] * TRIES
    assert (status, said[:17]) == (429, "Too many attempts")
    assert state.directory is not None
    assert state.directory.outcomes == {"done": 0, "wrong": TRIES, "no_role": 0, "away": 0}


class TestAway:
    """Nobody listens where the directory should be."""

    @pytest.fixture
    def config(self, slapd: Slapd) -> LdapConfig:
        return replace(slapd.config, urls=(f"ldaps://127.0.0.1:{free_port()}",))

    async def test_a_directory_that_is_away_is_told_and_own_accounts_work(
        self, client: Client, state: State, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        away = [await sign_in(client, name, "word") for name in ("bob", "nobody", "admin")]
        own = await sign_in(client, "admin", PASSWORD)

        said = "The directory does not answer. Accounts of Footfall itself still work."
        assert away == [(503, said)] * 3
        assert own == (303, "/topics")
        assert "failed: The directory does not answer." in told(caplog)[0]
        assert "directory does not answer host=127.0.0.1:" in caplog.text
        assert 'footfall_ldap_sign_ins_total{outcome="away"} 3' in metrics_text(state)


class TestRules:
    """With [rights], which name groups and people of the directory."""

    @pytest.fixture
    def rules(self) -> Rights:
        return rights(
            {
                "staff": RightsConfig(who=("group:staff",), topics="events"),
                "bob": RightsConfig(who=("ldap:bob",), topics="broken"),
                "other": RightsConfig(who=("user:bob", "sso:carl"), topics=".*"),
            },
            (),
        )

    @pytest.mark.may_block  # templates are read for whom nobody saw as little before
    @pytest.mark.parametrize(("name", "seen"), [("carl", "events"), ("bob", "broken")])
    async def test_groups_and_names_are_those_that_rules_name(
        self, client: Client, name: str, seen: str
    ) -> None:
        await sign_in(client, name)

        topics = await (await client.get("/api/v1/topics")).json()

        assert [topic["name"] for topic in topics] == [seen]


async def test_a_session_lasts_as_long_as_the_settings_say_and_ends_with_a_sign_out(
    client: Client, state: State
) -> None:
    await sign_in(client, "bob")
    (session,) = state.guard.sessions._open.values()
    csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]

    where = await (await client.get("/api/v1/logout/oidc")).text()
    await client.post("/api/v1/logout", headers={"X-CSRF-Token": csrf})

    assert session.lasts_ms == 12 * 3_600_000
    assert "url" not in where
    assert (await client.get("/topics", allow_redirects=False)).status == 303
