"""Letters about the week: what stands in them, when they go out, and what keeps them back."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.activity.desk import ReportDesk
from dashboard.activity.letter import Letter, Week, chat, last_week, mail
from dashboard.activity.weekly import AGAIN_AFTER_MS, WeeklyPost
from dashboard.alerts.courier import NotSent, post
from dashboard.web import Site, metrics_text
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import made_state
from tests.support.made_events import made_event
from tests.support.manual_clock import ManualClock
from tests.support.seen_visits import store_visits
from tracker.events import Event

pytestmark = pytest.mark.may_block

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MONDAY_MS = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp() * 1000)
NEXT_MS = MONDAY_MS + 7 * DAY_MS
SENT_AT_MS = NEXT_MS + 6 * HOUR_MS
FORGED = "/x\r\nBcc: all@example.com"


class Ways:
    """Two ways to people; `away` refuses."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.away = False

    async def mail(self, what: Letter) -> None:
        self.letters.append(what)

    async def chat(self, what: Letter) -> None:
        if self.away:
            raise NotSent("the hook answered 500")
        self.letters.append(what)


def weekly(data_dir: Path, ways: Ways, clock: ManualClock) -> WeeklyPost:
    to = {"mail": ways.mail, "chat": ways.chat}
    desk = ReportDesk(data_dir, clock)
    return WeeklyPost(desk, to, data_dir / "weekly.json", clock, "https://stats.example.com")


@pytest.fixture
def clock() -> ManualClock:
    """Saturday of the week that is told."""
    return ManualClock(MONDAY_MS + 5 * DAY_MS)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    def visits(number: int, first_ms: int, visitors: int) -> list[Event]:
        return [
            made_event(
                number + one,
                occurred_at=first_ms + one * HOUR_MS,
                visitor_id=f"{number}-{one}",
                pathname=FORGED if one else "/caf%C3%A9",
                source="Google",
            )
            for one in range(visitors)
        ]

    sale = made_event(
        900,
        occurred_at=MONDAY_MS,
        event_name="Purchase",
        visitor_id="10-0",
        revenue_amount="19.90",
        revenue_currency="EUR",
    )
    store_visits(
        tmp_path,
        [*visits(0, MONDAY_MS - 7 * DAY_MS, 2), *visits(10, MONDAY_MS, 3), sale],
        MONDAY_MS,
    )
    return tmp_path


async def test_a_week_is_told_once_on_monday_morning_by_every_way(
    data_dir: Path, clock: ManualClock
) -> None:
    ways = Ways()
    letters = weekly(data_dir, ways, clock)
    for at_ms in (clock.now_ms(), SENT_AT_MS - 1):
        clock.advance(at_ms - clock.now_ms())
        await letters.look()
    early = list(ways.letters)

    clock.advance(1)
    await letters.look()
    await letters.look()
    await weekly(data_dir, ways, clock).look()  # restarted

    assert early == []
    first, second = ways.letters
    assert first == second
    assert first.subject == "example.com: week of 16 November 2026"
    lines = [" ".join(line.split()) for line in first.body.splitlines()]
    assert lines[0] == "Monday, 16 November to Sunday, 22 November 2026 (UTC)"
    assert "Visitors 3 +50 %" in lines
    assert "Pages /x Bcc: all@example.com 2 · /café 1 (visitors)" in lines
    assert "Revenue 19.90 EUR (Purchase)" in lines
    assert lines[-1].endswith("/activity?site=example.com&from=2026-11-16&to=2026-11-22")


async def test_a_way_that_is_away_gets_the_letter_when_it_is_back(
    data_dir: Path, clock: ManualClock
) -> None:
    ways = Ways()
    letters = weekly(data_dir, ways, clock)
    await letters.look()
    ways.away = True
    clock.advance(SENT_AT_MS - clock.now_ms())
    await letters.look()
    while_away = len(ways.letters)

    ways.away = False
    clock.advance(AGAIN_AFTER_MS)
    await letters.look()

    assert (while_away, len(ways.letters)) == (1, 2)


async def test_figures_that_cannot_be_read_keep_the_letter_back(
    data_dir: Path, clock: ManualClock
) -> None:
    ways = Ways()
    letters = weekly(data_dir, ways, clock)
    await letters.look()
    whole = (data_dir / "rollups.db").read_bytes()
    (data_dir / "rollups.db").write_bytes(b"no database" * 1_000)
    clock.advance(SENT_AT_MS - clock.now_ms())
    await letters.look()
    meanwhile = list(ways.letters)

    (data_dir / "rollups.db").write_bytes(whole)
    clock.advance(AGAIN_AFTER_MS)
    await letters.look()

    assert meanwhile == []
    assert len(ways.letters) == 2


async def test_where_nobody_came_nothing_is_sent(tmp_path: Path, clock: ManualClock) -> None:
    ways = Ways()
    letters = weekly(tmp_path, ways, clock)
    await letters.look()
    clock.advance(SENT_AT_MS - clock.now_ms())

    await letters.look()

    assert ways.letters == []


@pytest.mark.parametrize(
    ("at_ms", "first_day_ms"),
    [(NEXT_MS - 1, MONDAY_MS - 7 * DAY_MS), (NEXT_MS, MONDAY_MS), (NEXT_MS + DAY_MS, MONDAY_MS)],
)
def test_a_week_is_from_monday_to_sunday(at_ms: int, first_day_ms: int) -> None:
    assert last_week(at_ms) == Week(first_day_ms // DAY_MS)


async def test_no_name_forges_a_header_or_markup() -> None:
    what = Letter("shop\r\nBcc: all@example.com: week", "```\n<script> & <@everyone>")
    taken: list[object] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server:
        await post(str(server.make_url("/")), chat(what))

    made = mail(what, "footfall@example.com", ("a@example.com", "b@example.com"))
    assert (made["Bcc"], made["To"]) == (None, "a@example.com, b@example.com")
    assert "\n" not in made["Subject"]
    (told,) = taken
    assert isinstance(told, dict)
    assert "<" not in told["text"]
    assert told["text"].count("```") == 2
    assert json.loads(chat(what)) == told


async def test_the_letter_is_sent_when_somebody_asks_and_on_monday_all_the_same(
    data_dir: Path, clock: ManualClock
) -> None:
    """On the Monday, before the hour at which letters go."""
    ways = Ways()
    letters = weekly(data_dir, ways, clock)
    await letters.look()
    clock.advance(NEXT_MS + HOUR_MS - clock.now_ms())
    ways.away = True

    tried = await letters.send_now()
    ways.away = False
    clock.advance(SENT_AT_MS - clock.now_ms())
    await letters.look()

    assert tried == [("mail", ""), ("chat", "the hook answered 500")]
    assert [one.subject for one in ways.letters] == ["example.com: week of 16 November 2026"] * 3
    assert letters.outcomes == {
        ("mail", "sent"): 2,
        ("mail", "failed"): 0,
        ("chat", "sent"): 1,
        ("chat", "failed"): 1,
    }


async def test_there_is_no_letter_to_send_where_nobody_came(
    tmp_path: Path, clock: ManualClock
) -> None:
    assert await weekly(tmp_path, Ways(), clock).send_now() is None


@pytest.mark.parametrize(
    ("send", "status", "told"),
    [
        (None, 409, "nobody gets letters"),
        ([("mail", "")], 200, "1 of 1 ways took it."),
        ([("mail", "refused"), ("chat", "")], 200, "1 of 2 ways took it."),
        ([("mail", "refused"), ("chat", "away")], 409, "took it: mail: refused; chat: away"),
        ("nothing", 409, "no site had visitors"),
    ],
)
async def test_sending_a_letter_tells_what_became_of_it(
    tmp_path: Path, send: Any, status: int, told: str
) -> None:
    async def sent() -> list[tuple[str, str]] | None:
        return None if send == "nothing" else list(send)

    state = made_state(tmp_path, MadeCluster())
    household = replace(state.household, send_letter=sent if send is not None else None)
    app = Site(replace(state, household=household)).application()
    async with TestClient(TestServer(app)) as client:
        csrf = (await (await client.get("/api/v1/actions")).json())["csrf"]
        answer = await client.post(
            "/api/v1/actions/send-letter", json={}, headers={"X-CSRF-Token": csrf}
        )

        assert answer.status == status
        assert told in await answer.text()


async def test_letters_are_metrics_and_their_button_is_on_activity(
    data_dir: Path, clock: ManualClock
) -> None:
    ways = Ways()
    state = replace(made_state(data_dir, MadeCluster()), weekly=weekly(data_dir, ways, clock))
    async with TestClient(TestServer(Site(state).application())) as client:
        page = await (await client.get("/activity")).text()

    assert 'footfall_weekly_letters_total{way="mail",outcome="sent"} 0' in metrics_text(state)
    assert "by mail and chat" in page and 'data-action="send-letter"' in page
