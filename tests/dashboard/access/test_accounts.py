"""What is kept of passwords and tokens, and what a restart finds again."""

import stat
from pathlib import Path

import pytest

from dashboard.access.accounts import AccountError, Accounts
from dashboard.identity import Role
from footfall.settings import SettingsError

pytestmark = pytest.mark.may_block


def test_the_first_password_is_told_once_and_stored_hashed(tmp_path: Path) -> None:
    path = tmp_path / "dashboard" / "accounts.json"
    password = Accounts(path).first_password()
    assert password is not None

    again = Accounts(path)

    assert again.first_password() is None
    assert again.check("admin", password) is not None
    assert again.check("admin", password + "x") is None
    assert again.check("nobody", password) is None
    assert password not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damaged",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"\xff",
            b'{"users": 5, "tokens": []}',
            b'{"users": [], "tokens": []}',
        ),
        b'{"users": [{"name": "a", "role": 9, "password_hash": "x"}], "tokens": []}',
        b'{"users": [], "tokens": [{"of": "later"}]}',
    ],
)
def test_accounts_that_are_damaged_keep_everybody_out_with_a_way_back(
    tmp_path: Path, damaged: bytes
) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(damaged)

    with pytest.raises(SettingsError, match=r"users and tokens in .* cannot be read"):
        Accounts(path)
    assert path.read_bytes() == damaged


def test_programs_have_tokens_where_nobody_signs_in_and_administrators_can_come_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "accounts.json"
    text = Accounts(path).add_token("script", ("write",), 5)

    again = Accounts(path)
    password = again.first_password()

    assert password is not None and again.check("admin", password) is not None
    assert (found := Accounts(path).token(text)) is not None and found.name == "script"


def test_the_first_user_must_be_an_administrator(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"

    with pytest.raises(AccountError, match="first user must be an administrator"):
        Accounts(path).put_user("ann", Role.VIEWER, "a long password")

    assert not path.exists()


def test_a_token_is_found_after_a_restart_and_its_text_is_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    accounts = Accounts(path)
    accounts.first_password()
    text = accounts.add_token("ci", ("read", "metrics"), 5)

    found = Accounts(path).token(text)

    assert found is not None and (found.name, found.role) == ("ci", Role.VIEWER)
    assert text not in path.read_text()


def test_the_last_administrator_stays(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    accounts.first_password()

    with pytest.raises(AccountError, match="last administrator"):
        accounts.delete_user("admin")
    with pytest.raises(AccountError, match="last administrator"):
        accounts.put_user("admin", Role.VIEWER, "long enough")

    assert [user.name for user in accounts.users()] == ["admin"]


def test_who_could_not_be_written_down_cannot_sign_in(tmp_path: Path) -> None:
    home = tmp_path / "dashboard"
    accounts = Accounts(home / "accounts.json")
    accounts.first_password()
    (home / "accounts.json").unlink()
    home.rmdir()
    home.write_text("a file stands where the directory was")

    with pytest.raises(OSError):
        accounts.put_user("ann", Role.VIEWER, "long enough")
    with pytest.raises(OSError):
        accounts.add_token("scrape", ("read",), 0)

    assert accounts.user("ann") is None
    assert accounts.tokens() == []


def test_short_passwords_are_refused(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.json")

    with pytest.raises(AccountError, match="at least"):
        accounts.put_user("admin", Role.ADMIN, "short")


def test_only_a_link_that_there_is_can_be_ended(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="there is no link board"):
        Accounts(tmp_path / "accounts.json").delete_link("board")
