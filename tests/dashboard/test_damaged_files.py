"""Each file that the dashboard keeps, damaged: it goes on and says so, or is refused."""

import logging
import shutil
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.access.accounts import Accounts
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.engine import Alert
from dashboard.alerts.facts import Facts
from dashboard.cluster.history import STEPS_MS, Point
from dashboard.cluster.history_store import HistoryStore
from dashboard.masking.reader import SECRET_BYTES, hash_secret
from dashboard.state import State
from footfall.settings import SettingsError
from tests.support.damage import DAMAGE, Damage, empty, garbled, missing, nothing_but_zeros, old
from tests.support.manual_clock import ManualClock
from tracker import rollups

pytestmark = pytest.mark.may_block

damaged_in_each_way = pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
STEP_MS = STEPS_MS[1][0]


def points(count: int) -> list[Point]:
    return [Point("cluster.in", STEP_MS, at * STEP_MS, 1.0) for at in range(count)]


@damaged_in_each_way
def test_a_damaged_history_is_set_aside_and_goes_on(
    damage: Damage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, older, now_ms = tmp_path / "history.db", tmp_path / "older", 500 * STEP_MS
    store = HistoryStore(path)
    store.save(points(100), now_ms)
    store.close()
    older.mkdir()
    shutil.copy(path, older)
    store = HistoryStore(path)
    store.save(points(499), now_ms)
    store.keep("lag", b"body", now_ms)
    store.close()
    damage(path, older)

    after = HistoryStore(path)
    found = len(after.load(now_ms))
    after.kept("lag")
    after.save(points(500), now_ms)
    after.keep("lag", b"again", now_ms)
    after.close()

    again = HistoryStore(path)
    is_quiet = damage in (missing, empty, old)
    assert found == (100 if damage is old else 0)
    assert len(again.load(now_ms)) == 500 and again.kept("lag") == b"again"
    assert path.with_suffix(".damaged").exists() == (not is_quiet)
    assert ("history is damaged" in caplog.text) == (not is_quiet)
    again.close()


def test_a_history_that_cannot_be_opened_now_is_left_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "history.db").mkdir()

    with pytest.raises(Exception, match="unable to open database file"):
        HistoryStore(tmp_path / "history.db")

    assert [path.name for path in tmp_path.iterdir()] == ["history.db"]


@damaged_in_each_way
def test_a_damaged_secret_of_masks_is_never_one_that_can_be_tried(
    damage: Damage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, older = tmp_path / "masks.secret", tmp_path / "older"
    hash_secret(older / "masks.secret")
    hash_secret(path)
    damage(path, older)

    found = hash_secret(path)

    assert len(found) == SECRET_BYTES and len(set(found)) > 8
    assert hash_secret(path) == found
    if damage in (empty, nothing_but_zeros):
        assert "is damaged" in caplog.text


def test_damaged_accounts_let_nobody_begin_but_where_all_is_gone(tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    accounts = Accounts(newer / "accounts.json")
    accounts.first_password()
    shutil.copytree(newer, older)
    accounts.add_token("ann", ("read",), 0)

    for damage in DAMAGE:
        tried = tmp_path / damage.__name__
        shutil.copytree(newer, tried)
        damage(tried / "accounts.json", older)
        if damage in (missing, old):
            assert bool(Accounts(tried / "accounts.json").users()) == (damage is old)
        else:
            with pytest.raises(SettingsError, match=r"accounts\.json cannot be read .*put a copy"):
                Accounts(tried / "accounts.json")


@damaged_in_each_way
async def test_a_damaged_record_of_alerts_is_begun_anew(
    damage: Damage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, older = tmp_path / "alerts.json", tmp_path / "older"
    clock, telling = ManualClock(), Telling((), 1_000)

    async def kept(where: Path, names: list[str]) -> None:
        desk = AlertDesk(lambda: Facts(0), clock, telling, where)
        for name in names:
            one = Alert(name, "critical", {"topic": "x"}, "s", "", 1.0, 5, 6)
            desk.engine.active[one.key] = one
            desk.silences.add({"alertname": name}, clock.now_ms() + 10_000, "ann", "planned")
        await desk.save()

    await kept(older / "alerts.json", ["Old"])
    await kept(path, ["One", "Other"])
    damage(path, older)

    desk = AlertDesk(lambda: Facts(0), clock, telling, path)
    desk.evaluate()
    await desk.save()

    names = [one.name for one in desk.engine.firing()]
    assert names == (["Old"] if damage is old else [])
    assert ("is damaged: silences are over" in caplog.text) == (damage not in (missing, old))


@pytest.mark.parametrize("damage", [empty, garbled], ids=lambda one: one.__name__)
async def test_pages_go_on_while_the_figures_of_sites_cannot_be_read(
    application: web.Application,
    state: State,
    damage: Damage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = state.data_dir / "rollups.db"
    rollups.open_for_writing(path).close()
    damage(path, path.parent)
    await state.poller(None).look()
    is_told = damage is garbled

    async with TestClient(TestServer(application)) as client:
        now = await client.get("/")
        activity = await (await client.get("/activity")).text()
        sites = await client.get("/api/v1/sites")
        rows = await client.get("/api/v1/activity.csv?dimension=page")

    assert now.status == 200
    assert ("The reports cannot be read." in activity) == is_told
    assert sites.status == (503 if is_told else 200)
    assert rows.status == (503 if is_told else 404)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
