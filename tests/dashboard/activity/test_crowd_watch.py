"""Crowds as alerts, metrics and pages have them."""

from pathlib import Path

import pytest

from dashboard.activity.crowd_watch import CrowdWatch
from dashboard.activity.desk import ReportDesk
from dashboard.alerts.engine import Alert
from dashboard.config import RightsConfig
from dashboard.identity import Identity, Role
from dashboard.limited.seen import seen_by
from dashboard.render import Renderer
from dashboard.rights.rules import rights
from dashboard.site_map import resolve
from dashboard.web import metrics_text
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import made_state
from tests.support.made_events import made_event
from tests.support.seen_visits import store_visits
from tracker.clock import SystemClock
from tracker.reports.crowds import Crowd

pytestmark = pytest.mark.may_block


async def test_crowds_are_read_and_none_are_where_nothing_can_be_read(tmp_path: Path) -> None:
    clock, watch = SystemClock(), CrowdWatch()
    desks = ReportDesk(tmp_path / "nothing", clock), ReportDesk(tmp_path, clock)
    store_visits(tmp_path, [made_event(1, occurred_at=clock.now_ms() - 1)], clock.now_ms())
    found = []
    for desk in desks:
        await watch.look(desk)
        found.append(list(watch.seen))
        desk.close()

    assert found == [[], [Crowd("example.com", 1, None)]]


def test_crowds_are_metrics_and_a_new_site_has_one_number(tmp_path: Path) -> None:
    state = made_state(tmp_path, MadeCluster())
    state.crowds.seen = [Crowd("old.example", 7, 3), Crowd("new.example", 5, None)]

    text = metrics_text(state)

    assert 'footfall_site_visitors_last_hour{site="old.example"} 7' in text
    assert 'footfall_site_visitors_week_before{site="old.example"} 3' in text
    assert 'footfall_site_visitors_last_hour{site="new.example"} 5' in text
    assert 'week_before{site="new.example"}' not in text


async def test_an_alert_about_a_site_leads_to_it_and_is_told_to_those_who_see_it(
    tmp_path: Path,
) -> None:
    state = made_state(tmp_path, MadeCluster())
    await state.poller(None).look()
    for site in ("seen.example", "hidden.example"):
        one = Alert("VisitorsSpike", "warning", {"site": site}, site, "", 1.0, 0, fired_at_ms=1)
        state.alerts.engine.active[one.key] = one
    rule = RightsConfig(who=("everybody",), sites="seen\\.example")
    sight = rights({"one": rule}, ()).of(Identity("ann", Role.VIEWER))
    page, visit = resolve(state, "/alerts", {})

    whole = Renderer().live(page, visit, await page.values(visit))
    limited = seen_by(state, sight).alerts

    assert '<a href="/activity?site=seen.example" data-row>' in whole
    assert [alert.labels["site"] for alert in limited.engine.firing()] == ["seen.example"]
