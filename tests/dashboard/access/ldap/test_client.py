"""Who a real directory says somebody is, and what becomes of directories that misbehave."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dashboard.access.ldap import settings
from dashboard.access.ldap.answers import Away, NotOurs, Person
from dashboard.access.ldap.client import LATELY_MS, LdapClient
from dashboard.access.ldap.line import Line
from dashboard.config import LdapConfig
from dashboard.identity import Role
from tests.support.certificates import Authority
from tests.support.listening import listening
from tests.support.manual_clock import ManualClock
from tests.support.ports import free_port
from tests.support.slapd import BASE, GROUPS, ODD, OWN_DN, PASSWORDS, PEOPLE, Slapd, running_slapd


def client_of(config: LdapConfig, clock: ManualClock | None = None) -> LdapClient:
    settings.check(config)
    hosts, context = settings.hosts(config), settings.context(config)
    return LdapClient(config, hosts, context, clock or ManualClock())


def ask(config: LdapConfig, name: str, password: str | None = None) -> Person | None:
    """With the right password where none is given."""
    return client_of(config).ask(name, PASSWORDS[name] if password is None else password, Line())


@dataclass
class Listener:
    """A port of a test, and whether anybody came."""

    port: int
    asked: threading.Event


@contextmanager
def server(answer: bytes = b"") -> Iterator[Listener]:
    """Connections are taken, and all get the same answer, if any."""
    asked = threading.Event()
    with listening(lambda listener: serve(listener, asked, answer)) as port:
        yield Listener(port, asked)


def serve(listener: socket.socket, asked: threading.Event, answer: bytes) -> None:
    """Until the listener is shut down. Without an answer a client waits until it goes."""
    with ExitStack() as open_ones, suppress(OSError):
        while True:
            wire = open_ones.enter_context(listener.accept()[0])
            with suppress(ConnectionError):
                wire.recv(1)
                asked.set()
                if answer:
                    wire.sendall(answer)
                    wire.close()


def on_loopback(port: int) -> LdapConfig:
    """A directory on loopback without TLS."""
    return LdapConfig(
        urls=(f"ldap://127.0.0.1:{port}",),
        user_base=PEOPLE,
        group_base=GROUPS,
        viewers=("staff",),
        timeout_s=60,
    )


def direct(slapd: Slapd) -> LdapConfig:
    return replace(slapd.config, bind_dn="", bind_password="", user_dn=f"uid={{username}},{PEOPLE}")


@pytest.mark.parametrize(
    ("name", "role", "groups"),
    [
        ("ann", Role.ADMIN, ("everybody", "platform")),
        ("bob", Role.EDITOR, ("engineers",)),
        ("carl", Role.VIEWER, ("staff",)),
        (ODD, Role.VIEWER, ("odd",)),
    ],
)
@pytest.mark.parametrize("way", ["search", "direct"])
def test_groups_make_the_role_however_people_are_found(
    slapd: Slapd, way: str, name: str, role: Role, groups: tuple[str, ...]
) -> None:
    found = ask(direct(slapd) if way == "direct" else slapd.config, name)

    assert found == Person(name, role, groups)


def test_somebody_is_called_as_the_directory_writes_it(slapd: Slapd) -> None:
    found = ask(slapd.config, " ANN ", PASSWORDS["ann"])

    assert found is not None and found.name == "ann"


@pytest.mark.parametrize("way", ["search", "direct"])
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("ann", ""),
        ("ann", "\0"),
        ("ann", "\0" + PASSWORDS["ann"]),
        ("ann", "\u00ad"),  # of which SASLprep would leave nothing
        ("", PASSWORDS["ann"]),
        (" ", PASSWORDS["ann"]),
        ("nobody", PASSWORDS["ann"]),
        ("nobody", ""),
        ("*", PASSWORDS["ann"]),
        ("an*", PASSWORDS["ann"]),
        ("nobody)(|(uid=ann)", PASSWORDS["ann"]),
        ("ann)(cn=*", PASSWORDS["ann"]),
        (f"ann,{PEOPLE}", PASSWORDS["ann"]),
        ("ann+cn=ann", PASSWORDS["ann"]),
        ("\ud800", "x\ud800"),
    ],
)
def test_names_and_passwords_that_do_not_fit_let_nobody_in(
    slapd: Slapd, way: str, name: str, password: str
) -> None:
    assert ask(direct(slapd) if way == "direct" else slapd.config, name, password) is None


def test_a_directory_that_takes_binds_without_password_gets_none(tmp_path: Path) -> None:
    """RFC 4513 section 5.1.2: such a bind succeeds, as nobody."""
    with running_slapd(tmp_path, allow="bind_anon_dn bind_anon_cred") as slapd:
        assert ask(slapd.config, "ann", "") is None
        assert ask(direct(slapd), "ann", "") is None
        assert ask(direct(slapd), "ann") is not None


def test_who_fits_two_entries_is_nobody(slapd: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(slapd.config, "twin") is None
    assert "more than one entry" in caplog.text


def test_somebody_without_a_group_of_ours_has_no_role(slapd: Slapd) -> None:
    with pytest.raises(NotOurs, match="dora is known, but has no role here"):
        ask(slapd.config, "dora")


def test_everybody_may_be_a_viewer_without_groups(slapd: Slapd) -> None:
    config = replace(slapd.config, group_base="", admins=(), editors=(), viewers=("*",))

    assert ask(config, "dora") == Person("dora", Role.VIEWER)


def test_somebody_whom_the_directory_does_not_name_is_told_so(slapd: Slapd) -> None:
    with pytest.raises(NotOurs, match="ann has no mail in the directory"):
        ask(replace(slapd.config, name_attribute="mail"), "ann")


def test_no_password_is_asked_for_before_tls_began(slapd: Slapd) -> None:
    config = replace(slapd.config, urls=(f"ldap://127.0.0.1:{slapd.port}",), start_tls=True)

    assert ask(config, "ann") is not None
    with pytest.raises(Away):
        ask(replace(config, ca_file=""), "ann")


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_certificate_of_another_authority_is_not_believed(
    slapd: Slapd, tmp_path: Path, start_tls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    urls = (f"ldap://127.0.0.1:{slapd.port}",) if start_tls else slapd.config.urls
    ca_file = str(Authority(tmp_path).certificate)

    with pytest.raises(Away, match="does not answer"):
        ask(replace(slapd.config, urls=urls, start_tls=start_tls, ca_file=ca_file), "ann")

    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


def test_a_certificate_for_another_name_is_not_believed(
    slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Away):
        ask(replace(slapd.config, urls=(f"ldaps://127.0.0.2:{slapd.tls_port}",)), "ann")

    assert "IP address mismatch" in caplog.text


def test_an_account_of_ours_that_is_refused_is_not_the_persons_fault(
    slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Away, match="refuses Footfall's own account"):
        ask(replace(slapd.config, bind_password="old"), "ann")

    assert "invalidCredentials" in caplog.text


@pytest.mark.parametrize(
    "changes", [{"user_base": f"ou=nowhere,{BASE}"}, {"group_base": f"ou=nowhere,{BASE}"}]
)
def test_a_place_that_is_not_there_is_told_in_the_log(
    slapd: Slapd, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Away, match="does not answer Footfall's questions"):
        ask(replace(slapd.config, **changes), "ann")  # type: ignore[arg-type]

    assert "noSuchObject" in caplog.text


def test_referrals_are_not_followed(tmp_path: Path) -> None:
    with server() as other, running_slapd(tmp_path, elsewhere=other.port) as slapd:
        config = replace(slapd.config, bind_dn=OWN_DN)

        found = ask(config, "ann")
        with pytest.raises(Away):
            ask(replace(config, group_base=f"cn=elsewhere,{PEOPLE}"), "ann")

    assert found is not None
    assert not other.asked.is_set()


def test_the_next_server_is_asked_where_one_is_away_and_first_for_a_while(slapd: Slapd) -> None:
    clock = ManualClock()
    away = f"ldaps://127.0.0.1:{free_port()}"
    client = client_of(replace(slapd.config, urls=(away, *slapd.config.urls)), clock)

    found = client.ask("ann", PASSWORDS["ann"], Line())
    first = [host.port for host in client._in_order()]
    clock.advance(LATELY_MS)
    later = [host.port for host in client._in_order()]

    assert found is not None
    assert first[0] == slapd.tls_port
    assert later[1] == slapd.tls_port


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"0\x0c\x02\x01\x01a\x07\n\x01\x00\x04\x00\x04",  # a bind's answer that ends too soon
        b"0\x84\xff\xff\xff\xff",
        b"0\x05\x02\x01\x01\x05\x00",
        bytes(64),
    ],
)
def test_what_does_not_speak_ldap_is_a_directory_that_is_away(answer: bytes) -> None:
    with server(answer) as odd, pytest.raises(Away):
        ask(on_loopback(odd.port), "ann")


def test_a_directory_that_says_nothing_is_waited_for_only_so_long() -> None:
    with server() as silent, pytest.raises(Away):
        ask(replace(on_loopback(silent.port), timeout_s=0.5), "ann")


def test_a_question_that_is_cut_ends_at_once() -> None:
    line, ended = Line(), []

    with server() as silent:

        def question() -> None:
            try:
                client_of(on_loopback(silent.port)).ask("ann", "word", line)
            except Away as away:
                ended.append(away)

        thread = threading.Thread(target=question)
        thread.start()
        assert silent.asked.wait(30)
        line.cut()
        thread.join(30)

    assert len(ended) == 1


def test_a_question_that_is_cut_is_put_to_no_other_server() -> None:
    line = Line()

    with server() as first, server() as second:
        urls = tuple(f"ldap://127.0.0.1:{one.port}" for one in (first, second))
        client = client_of(replace(on_loopback(first.port), urls=urls))

        def cut() -> None:
            assert first.asked.wait(30)
            line.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        with pytest.raises(Away):
            client.ask("ann", "word", line)
        thread.join(30)

    assert not second.asked.is_set()
    assert [host.port for host in client._in_order()] == [second.port, first.port]


def test_no_password_is_in_the_log(slapd: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    ask(slapd.config, "ann")
    ask(slapd.config, "ann", "mistyped word")
    ask(slapd.config, "ann", "mistyped word\ud800")
    with pytest.raises(Away):
        ask(replace(slapd.config, bind_password="of old times"), "ann")

    assert not [
        word
        for word in (PASSWORDS["ann"], "mistyped word", "of old times", slapd.config.bind_password)
        if word in caplog.text
    ]
