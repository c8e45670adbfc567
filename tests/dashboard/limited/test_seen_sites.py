"""Activity of somebody who sees one site of two."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.config import RightsConfig
from dashboard.rights.rules import rights
from dashboard.web import Site
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock
from tracker.packs.visits import DIMENSIONS

pytestmark = pytest.mark.may_block


async def test_each_table_is_a_file_for_who_sees_the_site_and_for_nobody_else(
    tmp_path: Path,
) -> None:
    now_ms = SystemClock().now_ms()
    sites = ("seen.example", "hidden.example")
    events = [made_event(at, site_id=site, occurred_at=now_ms) for at, site in enumerate(sites)]
    store_visits(tmp_path, events, now_ms)
    rule = RightsConfig(who=("role:viewer",), sites="seen\\.example")
    state = made_state(tmp_path, MadeCluster(), sign_in="on", rights=rights({"one": rule}, ()))
    state.household.accounts.first_password()
    token = state.household.accounts.add_token("reader", ("read",), 0)
    app: web.Application = Site(state).application()
    async with TestClient(TestServer(app)) as client:
        for file in (
            "zip?",
            *(f"csv?dimension={dimension}&" for dimension in ("time", "reading", *DIMENSIONS)),
        ):
            answers = [
                await client.get(
                    f"/api/v1/activity.{file}period=30m&site={site}",
                    headers={"Authorization": f"Bearer {token}"},
                )
                for site in sites
            ]

            assert [answer.status for answer in answers] == [200, 404], file
