"""What is asked of a directory, in which order, and what its answers mean."""

import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboard.access.ldap import client, settings
from dashboard.access.ldap.answers import Away, NotOurs, Person
from dashboard.access.ldap.client import LdapClient
from dashboard.access.ldap.line import Line
from dashboard.config import LdapConfig
from dashboard.identity import Role
from tests.support.manual_clock import ManualClock
from tests.support.scripted_directory import ScriptedDirectory, running

SUCCESS, WRONG = 0, 49
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing here speaks TLS
OURS, ANN = "cn=footfall,dc=example", "CN=Ann,DC=example"
SEARCHES = LdapConfig(
    urls=("ldap://127.0.0.1",),
    bind_dn=OURS,
    bind_password="ours",
    user_base="dc=example",
    group_filter="(member={dn})",
    viewers=("*",),
)
PRINCIPALS = replace(
    SEARCHES,
    bind_dn="",
    bind_password="",
    user_dn="{username}@example.com",
    user_filter="(userPrincipalName={username}@example.com)",
    name_attribute="sAMAccountName",
)


def ask(
    directory: ScriptedDirectory, config: LdapConfig, name: str = "ann", password: str = "word"
) -> Person | None:
    with running(directory):
        config = replace(config, urls=(f"ldap://127.0.0.1:{directory.port}",))
        settings.check(config)
        return LdapClient(config, settings.hosts(config), CONTEXT, ManualClock()).ask(
            name, password, Line()
        )


def takes(*good: tuple[str, str]) -> Callable[[str, str], int]:
    """Binds with these names and passwords, and nobody else's."""
    return lambda name, password: SUCCESS if (name, password) in good else WRONG


def test_an_unknown_name_is_asked_about_like_a_wrong_password() -> None:
    binds = takes((OURS, "ours"))
    known = ScriptedDirectory(binds, [(ANN, {"uid": "ann"})])
    unknown = ScriptedDirectory(binds)
    twice = ScriptedDirectory(binds, [(ANN, {"uid": "ann"}), ("CN=Other", {"uid": "ann"})])

    found = [ask(one, SEARCHES) for one in (known, unknown, twice)]

    assert found == [None] * 3
    assert known.kinds == unknown.kinds == twice.kinds == ["bind", "search", "bind"]
    for one in (known, unknown, twice):
        assert one.asked[0] == ("bind", OURS, "ours")
        assert one.asked[-1][2] == "word"


def test_a_bind_as_nobody_in_particular_never_lets_an_unknown_name_in() -> None:
    assert ask(ScriptedDirectory(lambda name, password: SUCCESS), SEARCHES) is None


def test_an_empty_password_is_no_question_at_all() -> None:
    directory = ScriptedDirectory(lambda name, password: SUCCESS, [(ANN, {"uid": "ann"})])

    assert ask(directory, SEARCHES, password="") is None
    assert directory.asked == []


def test_our_own_account_asks_for_groups_after_the_password_was_right() -> None:
    directory = ScriptedDirectory(
        takes((OURS, "ours"), (ANN, "word")), [(ANN, {"uid": "ann", "cn": "platform"})]
    )
    config = replace(SEARCHES, admins=("platform",), group_base="ou=groups,dc=example")

    found = ask(directory, config)

    assert found == Person("ann", Role.ADMIN, ("platform",))
    assert directory.kinds == ["bind", "search", "bind", "bind", "search"]
    assert directory.asked[2:4] == [("bind", ANN, "word"), ("bind", OURS, "ours")]


def test_without_an_account_of_ours_nobody_looks_people_up() -> None:
    binds = takes(("", ""), (ANN, "word"))
    directory = ScriptedDirectory(binds, [(ANN, {"uid": "ann"})])

    found = ask(directory, replace(SEARCHES, bind_dn="", bind_password=""))

    assert found == Person("ann", Role.VIEWER)
    assert directory.asked[0] == ("bind", "", "")
    assert directory.asked[-1] == ("bind", "", "")


def test_a_principal_binds_by_its_name_and_looks_itself_up() -> None:
    binds = takes(("ann@example.com", "word"))
    directory = ScriptedDirectory(binds, [(ANN, {"SAMACCOUNTNAME": "Ann"})])

    found = ask(directory, PRINCIPALS)

    assert found == Person("Ann", Role.VIEWER)
    assert directory.kinds == ["bind", "search"]


@pytest.mark.parametrize("name", ["ann@other.example", "other\\ann", "ann,dc=x", "a b"])
def test_a_name_that_is_none_of_the_domain_is_not_asked_about(name: str) -> None:
    directory = ScriptedDirectory(lambda name, password: SUCCESS, [(ANN, {"uid": "ann"})])

    assert ask(directory, PRINCIPALS, name) is None
    assert directory.asked == []


def test_an_entry_without_a_name_cannot_sign_in() -> None:
    directory = ScriptedDirectory(takes((OURS, "ours"), (ANN, "word")), [(ANN, {})])

    with pytest.raises(NotOurs, match="no uid"):
        ask(directory, SEARCHES)


def test_an_entry_of_no_dn_is_nobody() -> None:
    """To bind as it would be to bind as nobody."""
    directory = ScriptedDirectory(lambda name, password: SUCCESS, [("", {"uid": "ann"})])

    assert ask(directory, SEARCHES) is None


@pytest.mark.parametrize("code", [19, 32, 34, 48, 49, 53])
def test_a_code_about_the_person_is_a_wrong_password(code: int) -> None:
    def binds(name: str, password: str) -> int:
        return SUCCESS if name == OURS else code

    assert ask(ScriptedDirectory(binds, [(ANN, {"uid": "ann"})]), SEARCHES) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "search", "sentence"),
    [
        (49, 0, 0, "refuses Footfall's own account"),
        (51, 0, 0, "refuses Footfall's own account"),
        (0, 8, 0, "does not take passwords from Footfall"),
        (0, 10, 0, "does not take passwords from Footfall"),
        (0, 13, 0, "does not take passwords from Footfall"),
        (0, 52, 0, "does not take passwords from Footfall"),
        (0, 0, 1, "does not answer Footfall's questions"),
        (0, 0, 3, "does not answer Footfall's questions"),
        (0, 0, 10, "does not answer Footfall's questions"),
    ],
)
def test_a_code_about_the_directory_is_nobodys_wrong_password(
    ours: int, theirs: int, search: int, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    def binds(name: str, password: str) -> int:
        return ours if name == OURS else theirs

    directory = ScriptedDirectory(binds, [(ANN, {"uid": "ann"})], search)

    with pytest.raises(Away, match=sentence):
        ask(directory, SEARCHES)
    assert "directory could not be asked host=127.0.0.1:" in caplog.text


AD = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v1db1"


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("532", "The password has ended"),
        ("533", "The account is switched off"),
        ("701", "The account has ended"),
        ("773", "wants the password changed"),
        ("530", "at this hour"),
        ("531", "from here"),
    ],
)
@pytest.mark.parametrize("config", [SEARCHES, PRINCIPALS], ids=["bind_dn", "user_dn"])
def test_active_directory_says_what_bars_an_account_whose_password_is_right(
    config: LdapConfig, why: str, sentence: str
) -> None:
    directory = ScriptedDirectory(
        takes((OURS, "ours")), [(ANN, {"uid": "ann"})], words=AD.format(why)
    )

    with pytest.raises(NotOurs, match=sentence):
        ask(directory, config)


@pytest.mark.parametrize(
    "words",
    [
        *(AD.format("52e"), AD.format("775"), AD.format("5333"), "", "data 533,"),
        "the account of data 533, said: 80090308: no",
    ],
)
def test_all_else_that_is_said_of_a_refused_password_is_for_nobody(
    words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also that an account is locked: Active Directory says so whatever the password was."""
    caplog.set_level(logging.INFO)
    directory = ScriptedDirectory(takes((OURS, "ours")), [(ANN, {"uid": "ann"})], words=words)

    assert ask(directory, SEARCHES) is None
    assert ("the account is locked" in caplog.text) == ("775" in words)


def test_more_groups_than_one_may_count_are_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "GROUPS_MAX", 3)

    class Many(ScriptedDirectory):
        def answers(self, message: Any) -> list[tuple[str, Any]]:
            if self.kinds.count("search"):
                self.entries = [(f"cn=g{n}", {"cn": f"g{n}"}) for n in range(3)]
                self.search_code = 4
            return super().answers(message)

    directory = Many(takes((OURS, "ours"), (ANN, "word")), [(ANN, {"uid": "ann"})])

    found = ask(directory, replace(SEARCHES, group_base="dc=example"))

    assert found is not None and len(found.groups) == 3
    assert "more than 3 groups" in caplog.text
