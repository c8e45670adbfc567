import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.security.credentials import ScramCredential, ScramMechanism, keys_of, salted
from broker.security.sasl import SaslRefused, Step
from broker.security.sasl_scram import Known, ScramExchange, ScramServer, unescaped
from tests.support.scram_client import final_of

# RFC 7677 section 3
USER, PASSWORD = "user", b"pencil"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE, SERVER_NONCE = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def credential(mechanism: ScramMechanism, password: bytes, salt: bytes) -> ScramCredential:
    return ScramCredential(salt, *keys_of(mechanism, salted(mechanism, password, salt, 4096)), 4096)


def server(mechanism: ScramMechanism = ScramMechanism.SHA_256) -> ScramServer:
    known = {USER: Known(USER, credential(mechanism, PASSWORD, SALT))}

    def lookup(name: str, wanted: ScramMechanism, by_token: bool) -> Known | None:
        if by_token:
            return Known("owner", known[USER].credential, by_token=True)
        return known.get(name)

    return ScramServer(mechanism, lookup, nonce=lambda: SERVER_NONCE)


def test_the_exchange_of_rfc_7677_is_answered_byte_for_byte() -> None:
    exchange = ScramExchange(server())

    first, final = exchange.respond(CLIENT_FIRST), exchange.respond(CLIENT_FINAL)

    assert first == Step(SERVER_FIRST)
    assert final.answer == SERVER_FINAL
    assert final.identity is not None and final.identity.user == USER


@pytest.mark.parametrize("mechanism", ScramMechanism)
def test_a_client_that_knows_the_password_is_in(mechanism: ScramMechanism) -> None:
    exchange = ScramExchange(server(mechanism))
    server_first = exchange.respond(b"n,a=user,n=user,r=abc").answer

    step = exchange.respond(final_of(mechanism, b"n,a=user,n=user,r=abc", server_first, PASSWORD))

    assert step.identity is not None and step.identity.user == USER


@pytest.mark.parametrize("mechanism", ScramMechanism)
@pytest.mark.parametrize(("user", "password"), [("user", b"pencils"), ("nobody", b"pencil")])
def test_a_wrong_password_and_an_unknown_user_fail_alike(
    mechanism: ScramMechanism, user: str, password: bytes
) -> None:
    exchange = ScramExchange(server(mechanism))
    first = f"n,,n={user},r=abc".encode()
    server_first = exchange.respond(first).answer

    with pytest.raises(SaslRefused, match="invalid credentials with SASL mechanism SCRAM-SHA-"):
        exchange.respond(final_of(mechanism, first, server_first, password))


def test_an_unknown_user_has_the_same_salt_each_time() -> None:
    one = server()

    answers = {ScramExchange(one).respond(b"n,,n=nobody,r=abc").answer for _ in range(3)}

    assert len(answers) == 1


def test_a_log_in_by_token_is_the_owner_s() -> None:
    exchange = ScramExchange(server())
    first = b"n,,n=token-id,r=abc,tokenauth=true"
    server_first = exchange.respond(first).answer

    identity = exchange.respond(
        final_of(ScramMechanism.SHA_256, first, server_first, PASSWORD)
    ).identity

    assert identity is not None
    assert (identity.user, identity.by_token) == ("owner", True)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"", "client first"),
        (b"p=tls-unique,,n=user,r=abc", "client first"),
        (b"n,,n=,r=abc", "client first"),
        (b"n,,m=x,n=user,r=abc", "client first"),
        (b"n,,n=user,r=", "client first"),
        (b"n,,n=user,r=a b", "client first"),
        (b"n,,n=us=er,r=abc", "must be written =3D"),
        (b"n,a=other,n=user,r=abc", "different from username"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_first_message_that_is_none_is_refused(first: bytes, message: str) -> None:
    with pytest.raises(SaslRefused, match=message):
        ScramExchange(server()).respond(first)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ((b"c=biws", b"c=eSws"), "channel binding"),
        ((b"r=rOpr", b"r=rOps"), "nonce"),
        ((b"r=rOprNGfwEbeRWgbNEkqO%hvYD", b"r=rOprNGfwEbeRWgbNEkqO"), "nonce"),
        ((b"p=dHzb", b"p=dHzc"), "invalid credentials"),
        ((b"p=dHzb", b"p="), "invalid credentials"),
        ((b"p=", b"q="), "client final"),
    ],
)
def test_a_final_message_that_proves_nothing_is_refused(
    changed: tuple[bytes, bytes], message: str
) -> None:
    exchange = ScramExchange(server())
    exchange.respond(CLIENT_FIRST)

    with pytest.raises(SaslRefused, match=message):
        exchange.respond(CLIENT_FINAL.replace(*changed))


@given(st.text(min_size=1).filter(lambda name: "\0" not in name))
@example("a,b=c")
def test_a_name_is_meant_as_it_was_before_it_was_escaped(name: str) -> None:
    escaped = name.replace("=", "=3D").replace(",", "=2C")

    assert unescaped(escaped) == name


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=3))
def test_random_messages_are_refused_and_nothing_else(messages: list[bytes]) -> None:
    exchange = ScramExchange(server())

    for message in messages:
        try:
            step = exchange.respond(message)
        except SaslRefused:
            break
        assert step.identity is None
