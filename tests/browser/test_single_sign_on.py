"""Sign-in at a provider in a real Chromium: out by the link, back signed in, and out again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from dashboard.access.oidc import OidcClient
from dashboard.config import OidcConfig
from dashboard.identity import Role
from dashboard.web import Site
from tests.support.made_dashboard import busy_cluster, made_state
from tests.support.oidc_provider import CLIENT, SECRET, Provider
from tracker.clock import SystemClock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.may_block,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    made = Provider(people={"alice": {"preferred_username": "alice", "groups": ["ops"]}})
    async with made.server() as server:
        made.issuer = str(server.make_url("")).rstrip("/")
        yield made


async def test_a_person_signs_in_at_the_provider_and_out_again(
    browser: Browser, provider: Provider, tmp_path: Path
) -> None:
    config = OidcConfig(
        issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, admins=("ops",)
    )
    made = made_state(tmp_path, busy_cluster(), sign_in="on")
    made.household.accounts.put_user("admin", Role.ADMIN, "correct horse")
    state = replace(made, oidc=OidcClient(config, SystemClock()))
    complaints: list[str] = []
    async with TestServer(Site(state).application()) as server:
        await state.poller(None).look()
        base = str(server.make_url("")).rstrip("/")
        provider.redirect_uri = f"{base}/login/oidc/return"
        page = await browser.new_page()
        page.on("console", lambda said: complaints.append(said.text))

        await page.goto(f"{base}/groups")
        await page.get_by_role("link", name=config.label).click()
        await page.get_by_role("button", name="alice").click()

        await expect(page.get_by_role("heading", name="Consumer groups")).to_be_visible()
        await expect(page.get_by_text("sso:alice")).to_be_attached()

        await page.locator("#sign-out").dispatch_event("click")
        await expect(page.get_by_role("link", name=config.label)).to_be_visible()
        await page.goto(f"{base}/groups")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    assert len(provider.signed_out) == 1
    assert [said for said in complaints if "Content Security Policy" in said] == []
