"""What a newer version wrote is refused before a byte of it changes, each store by itself, too."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from broker import __main__ as broker_main
from broker.errors import StorageError
from broker.storage.files import OsFiles
from broker.storage.log_manager import LogManager
from dashboard import __main__ as dashboard_main
from dashboard.access.accounts import Accounts
from dashboard.activity.desk import ReportDesk
from dashboard.activity.weekly import WeeklyPost
from dashboard.alerts.desk import AlertDesk, Telling
from dashboard.alerts.facts import Facts
from dashboard.cluster.history_store import HistoryStore
from dashboard.copies.shelf import Shelf
from footfall.commands.doctor import findings
from footfall.data_format import FILE, FORMAT, DataTooNew, check_format, claim
from footfall.settings import EXIT_CONFIG, SettingsError
from tests.support.copies import made_copy
from tests.support.manual_clock import ManualClock
from tests.support.sinks import KINDS
from tests.support.tools import ROOT
from tracker.__main__ import main as tracker_main
from tracker.json_file import StoreTooNew
from tracker.sqlite_file import SchemaTooNew

WORDS = "was written by Footfall 9.9 (format 99); this is Footfall"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A data directory that a version to come has left."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / FILE).write_text(json.dumps({"format": 99, "footfall": "9.9", "more": [1]}))
    (folder / "rollups.db").write_bytes(b"not even a database any more")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_directory_is_claimed_once_and_one_without_a_file_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "new"

    before = check_format(folder)
    claim(folder)
    first = contents(folder)
    claim(folder)

    assert (before, check_format(folder)) == (0, FORMAT)
    assert contents(folder) == first
    assert json.loads((folder / FILE).read_text())["format"] == FORMAT


def test_the_very_next_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"format": FORMAT + 1, "footfall": "9.9"}))

    with pytest.raises(DataTooNew, match=f"format {FORMAT + 1}"):
        check_format(tmp_path)


def test_footfall_up_stops_before_it_writes_anything(newer: Path) -> None:
    before = contents(newer)

    ended = subprocess.run(
        [sys.executable, "-m", "footfall", "up", "--data-dir", str(newer)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert ended.returncode == EXIT_CONFIG
    assert WORDS in ended.stderr and ended.stderr.count("\n") == 1
    assert contents(newer) == before


@pytest.mark.parametrize(
    "main",
    [
        broker_main.main,
        dashboard_main.main,
        *(
            lambda role=role: tracker_main([role, *sys.argv[1:]])
            for role in ("aggregate", "export")
        ),
    ],
    ids=["broker", "dashboard", "aggregate", "export"],
)
def test_a_role_that_is_started_alone_stops_as_well(
    main: Callable[[], int],
    newer: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["role", "--data-dir", str(newer)])
    before = contents(newer)

    code = main()

    assert code == EXIT_CONFIG
    assert WORDS in capsys.readouterr().err
    assert contents(newer) == before


def test_doctor_tells_it_and_writes_nothing(newer: Path) -> None:
    before = contents(newer)

    told = [one.what for one in findings(None, newer) if WORDS in one.way_out]

    assert told == ["data directory cannot be used"]
    assert contents(newer) == before


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "x"}', "\x00" * 40])
def test_a_file_that_cannot_be_read_is_no_licence(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(SettingsError, match="it is unknown which version wrote here") as told:
        claim(tmp_path)

    assert not isinstance(told.value, DataTooNew)
    assert (tmp_path / FILE).read_text() == text


def open_sink(kind: str) -> Callable[[Path], None]:
    return lambda path: KINDS[kind].make(path).open()


@pytest.mark.parametrize(
    "opened",
    [open_sink("rollups"), open_sink("sqlite"), HistoryStore],
    ids=["rollups", "warehouse", "history"],
)
def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(
    opened: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE of_tomorrow (x); PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(SchemaTooNew, match=r"store\.db has schema 99, which is newer than"):
        opened(path)

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["store.db"]


@pytest.mark.parametrize("line", ["version=2", "footfall.format=2"])
def test_log_directories_of_a_newer_broker_are_refused_and_left_as_they_are(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "meta.properties"
    known = {"cluster.id": "c", "node.id": "1", "directory.id": "d", "version": "1"}
    key, value = line.split("=")
    lines = [f"{name}={one}" for name, one in {**known, key: value}.items()]
    path.write_text("\n".join(lines))
    before = path.read_bytes()

    with pytest.raises(StorageError, match="a newer one wrote this directory, start that one"):
        LogManager(OsFiles(), (str(tmp_path),)).start(1, "c", lambda: "d")

    assert path.read_bytes() == before


def _weekly(path: Path) -> WeeklyPost:
    clock = ManualClock()
    return WeeklyPost(ReportDesk(path.parent, clock), {}, path, clock, "https://a.example")


STORES: dict[str, Callable[[Path], object]] = {
    "accounts": Accounts,
    "alerts": lambda path: AlertDesk(lambda: Facts(0), ManualClock(), Telling((), 0), path),
    "weekly": lambda path: _weekly(path),
    "copies": Shelf,
}


@pytest.mark.parametrize("opened", STORES.values(), ids=STORES)
def test_a_json_store_of_a_newer_version_is_refused_and_left_as_it_is(
    opened: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "store.json"
    path.write_text('{"version": 99}')

    with pytest.raises(StoreTooNew, match=r"store\.json has version 99, which is newer than \d"):
        opened(path)

    assert path.read_text() == '{"version": 99}'


def test_json_stores_have_their_version_and_those_from_before_it_are_read(tmp_path: Path) -> None:
    accounts, copies = tmp_path / "accounts.json", tmp_path / "copies.json"
    Accounts(accounts).first_password()
    Shelf(copies).add(made_copy(1, "a", "b"))
    new = [json.loads(path.read_text()) for path in (accounts, copies)]

    old = new[0] | {}
    del old["version"]
    accounts.write_text(json.dumps(old))
    copies.write_text(json.dumps(new[1]["copies"]))

    assert [body["version"] for body in new] == [2, 1]
    assert [user.name for user in Accounts(accounts).users()] == ["admin"]
    assert [one.number for one in Shelf(copies).copies] == [1]
