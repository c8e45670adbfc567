"""Which mechanisms are offered, what they read, and how long their log-ins hold."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from broker.config import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.security.credentials import ScramMechanism, ScramUpsertion, alter_scram, salted
from broker.security.delegation_tokens import TokenWish
from broker.security.mechanisms import OfMechanism, build_mechanisms, load_sources
from broker.security.sasl import Authentication, SaslRefused, State
from broker.security.security import build_security
from footfall.settings import SettingsError
from tests.support.manual_clock import ManualClock
from tests.support.scram_client import log_in
from tests.support.tokens import encoded, part, token

SECRET = b"a shared secret that is long enough"
SALT = b"a salt of 16 byt"
HOUR_MS = 3_600_000
PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
TOKEN_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class Door:
    """What a listener with these settings offers, over an image that a test changes."""

    def __init__(self, own: Mapping[str, OfMechanism] | None = None, **settings: Any) -> None:
        """`own`: what is set for single mechanisms."""
        self.clock = ManualClock()
        self.image = ClusterImage()
        config = BrokerConfig(**settings)
        self.security = build_security(config, lambda: self.image, self.clock)
        sources = load_sources(config, own or {})
        self._mechanisms = build_mechanisms(config, sources, self.security, self.clock)

    def authentication(self, mechanism: str) -> Authentication:
        """Of a client that has chosen this mechanism."""
        made = Authentication(self._mechanisms)
        made.choose(mechanism, raw_tokens=False)
        return made


def private(path: Path, text: str | bytes) -> str:
    """A file that only we can read."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return str(path)


def bearer(text: str) -> bytes:
    return f"n,,\x01auth=Bearer {text}\x01\x01".encode()


def test_what_is_offered_is_what_is_enabled(tmp_path: Path) -> None:
    door = Door(
        sasl_enabled_mechanisms=("PLAIN", "SCRAM-SHA-512"),
        sasl_plain_users_file=private(tmp_path / "users", "ann:pencil\n"),
    )

    assert door.authentication("PLAIN").offered == ["PLAIN", "SCRAM-SHA-512"]


def test_a_user_of_the_file_logs_in_by_plain(tmp_path: Path) -> None:
    users = private(tmp_path / "users", "ann:pencil\n")
    ann = Door(sasl_enabled_mechanisms=("PLAIN",), sasl_plain_users_file=users)

    authentication = ann.authentication("PLAIN")
    authentication.respond(b"\0ann\0pencil")

    assert authentication.principal == "User:ann"
    assert authentication.session_lifetime_ms == 0


@pytest.mark.parametrize("mechanism", ScramMechanism)
def test_a_user_of_the_cluster_logs_in_by_scram(mechanism: ScramMechanism) -> None:
    door = Door()
    name = f"SCRAM-{mechanism.hash_name.upper().replace('SHA', 'SHA-')}"
    proof = salted(mechanism, b"pencil", SALT, 4096)
    wish = ScramUpsertion("ann", mechanism, 4096, SALT, proof)
    door.image = door.image.apply(alter_scram(door.image, [], [wish])[0])

    authentication = door.authentication(name)
    log_in(authentication.respond, mechanism, "ann", b"pencil")

    assert (authentication.state, authentication.principal) == (State.AUTHENTICATED, "User:ann")


def test_a_session_by_token_ends_with_the_token() -> None:
    """KIP-368: the life of the credential bounds the session, also without a setting."""
    door = Door(delegation_token_secret_key="a secret of the broker")
    tokens, now_ms = door.security.tokens, door.clock.now_ms()
    records, made = tokens.create(TokenWish("User:ann", "User:ann", [], HOUR_MS), "id", now_ms)
    door.image = door.image.apply(records)
    authentication = door.authentication("SCRAM-SHA-256")
    log_in(
        authentication.respond,
        ScramMechanism.SHA_256,
        made.token_id,
        base64.b64encode(tokens.hmac(made.token_id)),
        ",tokenauth=true",
    )

    within = authentication.has_expired
    door.clock.advance(HOUR_MS)

    assert (authentication.principal, authentication.by_token) == ("User:ann", True)
    assert authentication.session_lifetime_ms == HOUR_MS
    assert (within, authentication.has_expired) == (False, True)


def test_a_token_that_has_ended_is_no_log_in() -> None:
    door = Door(delegation_token_secret_key="a secret of the broker")
    tokens = door.security.tokens
    wish = TokenWish("User:ann", "User:ann", [], HOUR_MS)
    records, made = tokens.create(wish, "id", door.clock.now_ms())
    door.image = door.image.apply(records)
    door.clock.advance(HOUR_MS + 1)
    authentication = door.authentication("SCRAM-SHA-256")

    with pytest.raises(SaslRefused, match="invalid credentials"):
        log_in(
            authentication.respond,
            ScramMechanism.SHA_256,
            made.token_id,
            base64.b64encode(tokens.hmac(made.token_id)),
            ",tokenauth=true",
        )


def test_an_oauth_session_ends_with_its_token_or_sooner(tmp_path: Path) -> None:
    door = Door(
        sasl_enabled_mechanisms=("OAUTHBEARER",),
        sasl_oauthbearer_secret_file=private(tmp_path / "secret", SECRET),
        connections_max_reauth_ms=60_000,
    )
    now_s = door.clock.now_ms() / 1000
    lifetimes = []
    for lifetime_s in (30, 600):
        authentication = door.authentication("OAUTHBEARER")
        claims = {"sub": "ann", "iat": now_s, "exp": now_s + lifetime_s}
        authentication.respond(bearer(token(SECRET, claims)))
        lifetimes.append(authentication.session_lifetime_ms)

    assert lifetimes == [30_000, 60_000]


def test_a_token_signed_with_a_key_of_the_key_set_logs_in(tmp_path: Path) -> None:
    """JWKS: the broker has the public key only, and takes nothing that another key has signed."""
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    point = key.public_key().public_numbers()
    entry = {
        "kty": "EC",
        "crv": "P-256",
        "x": encoded(point.x.to_bytes(32, "big")),
        "y": encoded(point.y.to_bytes(32, "big")),
    }
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [entry]}))
    door = Door(sasl_enabled_mechanisms=("OAUTHBEARER",), sasl_oauthbearer_jwks_file=str(keys))
    now_s = door.clock.now_ms() / 1000
    signed = f"{part({'alg': 'ES256'})}.{part({'sub': 'ann', 'iat': now_s, 'exp': now_s + 60})}"

    states = []
    for signer in (key, other):
        pair = decode_dss_signature(signer.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = encoded(b"".join(one.to_bytes(32, "big") for one in pair))
        authentication = door.authentication("OAUTHBEARER")
        authentication.respond(bearer(f"{signed}.{signature}"))
        states.append(authentication.state)

    assert states == [State.AUTHENTICATED, State.EXCHANGING]


def test_an_unsigned_token_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    secret = private(tmp_path / "secret", SECRET)
    strict = Door(sasl_enabled_mechanisms=("OAUTHBEARER",), sasl_oauthbearer_secret_file=secret)
    trusting = Door(sasl_enabled_mechanisms=("OAUTHBEARER",), sasl_oauthbearer_unsecured=True)
    now_s = strict.clock.now_ms() / 1000
    unsigned = bearer(token(b"", {"sub": "ann", "iat": now_s, "exp": now_s + 60}, "none"))

    refused, taken = (door.authentication("OAUTHBEARER") for door in (strict, trusting))
    told = refused.respond(unsigned)
    taken.respond(unsigned)

    assert b"invalid_token" in told
    assert refused.state is not State.AUTHENTICATED
    assert taken.principal == "User:ann"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sasl_enabled_mechanisms": ("GSSAPI",)}, "'GSSAPI' is not one of OAUTHBEARER, PLAIN"),
        ({"sasl_enabled_mechanisms": ()}, "nobody could log in"),
        ({"sasl_enabled_mechanisms": ("PLAIN",)}, "sasl_plain_users_file.* must name a file"),
        (
            {"sasl_enabled_mechanisms": ("PLAIN",), "sasl_plain_users_file": "/no/such/file"},
            "cannot be read: No such file",
        ),
        (
            {"sasl_enabled_mechanisms": ("OAUTHBEARER",)},
            "needs sasl_oauthbearer_jwks_endpoint_url, sasl_oauthbearer_jwks_file or",
        ),
        (
            {
                "sasl_enabled_mechanisms": ("OAUTHBEARER",),
                "sasl_oauthbearer_jwks_endpoint_url": "HTTPS://issuer.example/keys",
                "sasl_oauthbearer_sub_claim_name": " ",
            },
            "sub_claim_name in .* is blank",
        ),
    ],
)
def test_what_is_missing_is_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_sources(BrokerConfig(**settings))


def test_users_of_plain_may_stand_in_the_setting_that_kafka_has_for_them() -> None:
    """Whatever the module logs in as elsewhere is nobody here."""
    jaas = f"""{PLAIN_MODULE} required username="us" password="ours"
        user_ann="pencil" user_ben='a "pen"; and = ink' user_empty="";"""
    door = Door({"PLAIN": OfMechanism(jaas)}, sasl_enabled_mechanisms=("PLAIN",))

    def outcome(user: str, password: str) -> str:
        authentication = door.authentication("PLAIN")
        try:
            authentication.respond(f"\0{user}\0{password}".encode())
        except SaslRefused:
            return "refused"
        return authentication.principal

    assert outcome("ann", "pencil") == "User:ann"
    assert outcome("ben", 'a "pen"; and = ink') == "User:ben"
    assert [outcome(*one) for one in (("us", "ours"), ("ann", "pen"), ("empty", ""))] == [
        "refused"
    ] * 3


def test_log_ins_by_one_mechanism_may_hold_less_long_than_by_others() -> None:
    jaas = f'{PLAIN_MODULE} required user_ann="pencil";'
    door = Door(
        {"PLAIN": OfMechanism(jaas, session_ms_max=5000)},
        sasl_enabled_mechanisms=("PLAIN", "SCRAM-SHA-256"),
        connections_max_reauth_ms=HOUR_MS,
    )
    authentication = door.authentication("PLAIN")

    authentication.respond(b"\0ann\0pencil")

    assert authentication.session_lifetime_ms == 5000


@pytest.mark.parametrize(
    ("mechanism", "jaas", "words"),
    [
        ("PLAIN", "", "must name a file"),
        ("PLAIN", " // nothing", "Login module not specified"),
        ("PLAIN", f"{PLAIN_MODULE} pencil", "Invalid login module control flag"),
        ("PLAIN", f"{PLAIN_MODULE} required", "not terminated by semi-colon"),
        ("PLAIN", f"{PLAIN_MODULE} required user_ann=;", "Value not specified for a key"),
        ("PLAIN", f"{PLAIN_MODULE} required user_ann=12;", "Value not specified for a key"),
        ("PLAIN", f"{PLAIN_MODULE} required; {PLAIN_MODULE} required;", "2 login modules"),
        ("PLAIN", 'com.example.Own required user_ann="pencil";', "is .*PlainLoginModule alone"),
        ("SCRAM-SHA-256", f"{PLAIN_MODULE} required;", "is .*ScramLoginModule alone"),
        ("OAUTHBEARER", f'{TOKEN_MODULE} required unsecuredValidatorX="1";', "are checked by"),
    ],
)
def test_a_setting_of_java_that_means_nothing_here_is_refused(
    mechanism: str, jaas: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as told:
        load_sources(
            BrokerConfig(sasl_enabled_mechanisms=("PLAIN",)), {mechanism: OfMechanism(jaas)}
        )

    assert "pencil" not in str(told.value)


def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("ann:pencil\n")
    users.chmod(0o640)

    with pytest.raises(SettingsError, match="can be read by others: chmod 600 it"):
        load_sources(
            BrokerConfig(sasl_enabled_mechanisms=("PLAIN",), sasl_plain_users_file=str(users))
        )


@pytest.mark.parametrize("content", [b"ann pencil-case\n", b"ann:\xff\xfe\n"])
def test_an_error_about_a_file_never_shows_what_is_in_it(tmp_path: Path, content: bytes) -> None:
    users = private(tmp_path / "users", content)

    with pytest.raises(SettingsError) as told:
        load_sources(BrokerConfig(sasl_enabled_mechanisms=("PLAIN",), sasl_plain_users_file=users))

    assert "pencil" not in str(told.value)
