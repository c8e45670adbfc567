"""The secret behind visitor ids."""

import fcntl
import json
import stat
import threading
from pathlib import Path

import pytest

from tracker.ingest.salts import AHEAD_MS, DAY_MS, SALT_BYTES, Salts

NOON = 20_000 * DAY_MS + DAY_MS // 2


def days_on_disk(directory: Path) -> set[int]:
    return {int(day) for day in json.loads((directory / "salts.json").read_bytes())}


def test_two_processes_have_the_same_salt_on_the_same_day(tmp_path: Path) -> None:
    one, other = Salts(tmp_path), Salts(tmp_path)

    assert one.today(NOON) == other.today(NOON + 1)


def test_who_comes_while_another_makes_the_salt_takes_that_one(tmp_path: Path) -> None:
    made = "5a" * SALT_BYTES
    found: list[bytes] = []
    other = threading.Thread(target=lambda: found.append(Salts(tmp_path).today(NOON)))
    with (tmp_path / "salts.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other.start()
        other.join(0.2)  # who does not wait is done by then
        (tmp_path / "salts.json").write_text(json.dumps({NOON // DAY_MS: made}))
    other.join()

    assert found == [bytes.fromhex(made)]


def test_a_restart_keeps_the_salt(tmp_path: Path) -> None:
    before = Salts(tmp_path).today(NOON)

    assert Salts(tmp_path).today(NOON) == before


def test_each_day_has_its_own_salt(tmp_path: Path) -> None:
    salts = Salts(tmp_path)

    assert salts.today(NOON) != salts.today(NOON + DAY_MS)


def test_a_salt_is_gone_before_it_is_48_hours_old(tmp_path: Path) -> None:
    salts = Salts(tmp_path)
    salts.prepare(NOON)

    salts.prepare(NOON + DAY_MS + DAY_MS // 2)  # the first moment of the day after tomorrow

    assert 20_000 not in days_on_disk(tmp_path)
    assert days_on_disk(tmp_path) == {20_002}


def test_tomorrows_salt_is_made_before_midnight_and_used_after(tmp_path: Path) -> None:
    salts = Salts(tmp_path)
    midnight = 20_001 * DAY_MS
    salts.prepare(midnight - AHEAD_MS)
    (tmp_path / "salts.json").unlink()

    after = salts.today(midnight)

    assert len(after) == 32
    assert not (tmp_path / "salts.json").exists()  # nothing had to be read or written


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    Salts(tmp_path).today(NOON)

    assert stat.S_IMODE((tmp_path / "salts.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"x": 1}', b'{"20000": "zz"}'])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "salts.json").write_bytes(damage)

    salt = Salts(tmp_path).today(NOON)

    assert Salts(tmp_path).today(NOON) == salt
