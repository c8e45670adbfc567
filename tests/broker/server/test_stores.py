"""What a listener with TLS shows and trusts, by its settings."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from broker.config import BrokerConfig
from broker.server.certificates import Certificates
from broker.server.stores import own_certificate
from footfall.settings import SettingsError
from tests.support.certificates import Authority
from tests.support.key_stores import (
    JKS,
    KEY_PASSWORD,
    PKCS12,
    STORE_PASSWORD,
    TRUST_JKS,
    TRUST_PASSWORD,
    TRUST_PKCS12,
)

KEYTOOLS = {"keystore_location": PKCS12, "keystore_password": STORE_PASSWORD}
TEXTS = {"keystore_type": "PEM", "keystore_certificate_chain": "c", "keystore_key": "k"}


def config_of(**settings: Any) -> BrokerConfig:
    fields: dict[str, Any] = {f"ssl_{name}": str(value) for name, value in settings.items()}
    return BrokerConfig(**fields)


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bytes | None, bytes | None]:
    """The certificates that client and server were shown; SSLError if one refuses the other."""
    server_in, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(server_out, server_in, server_hostname="localhost")
    other = server.wrap_bio(server_in, server_out, server_side=True)
    for side in (one, other, one, other, one):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return one.getpeercert(binary_form=True), other.getpeercert(binary_form=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"keystore_type": "JKS", "keystore_location": JKS, "key_password": KEY_PASSWORD},
        {"keystore_type": "PKCS12", "keystore_location": PKCS12},
        {"keystore_type": "JKS", "keystore_location": PKCS12, "key_password": STORE_PASSWORD},
        {"keystore_type": "pkcs12", "keystore_location": JKS, "key_password": KEY_PASSWORD},
    ],
)
def test_a_store_of_keytool_is_shown(settings: dict[str, Any], tmp_path: Path) -> None:
    config = config_of(keystore_password=STORE_PASSWORD, **settings)
    client = ssl.create_default_context()
    client.load_verify_locations(cadata=own_certificate(config))

    shown, _ = shake(Certificates(config, client_auth="none").context, client)

    assert shown == own_certificate(config)


@pytest.mark.parametrize("password", ["", "the password of the key"])
def test_texts_in_the_settings_are_shown_and_trusted(tmp_path: Path, password: str) -> None:
    authority = Authority(tmp_path)
    pair, client = authority.broker(), authority.client("alice")
    key = pair.encrypted(password.encode()) if password else pair.key
    config = config_of(
        keystore_type="PEM",
        keystore_certificate_chain=pair.certificate.read_text(),
        keystore_key=key.read_text(),
        key_password=password,
        truststore_type="PEM",
        truststore_certificates=authority.certificate.read_text(),
    )

    server = Certificates(config, client_auth="required").context
    shown, told = shake(server, authority.context(client))

    assert shown == own_certificate(config)
    assert told == ssl.PEM_cert_to_DER_cert(client.certificate.read_text())


@pytest.mark.parametrize(
    ("place", "password"),
    [(TRUST_JKS, TRUST_PASSWORD), (TRUST_JKS, ""), (TRUST_PKCS12, TRUST_PASSWORD)],
)
def test_who_is_not_in_a_trust_store_of_keytool_is_refused(
    tmp_path: Path, place: Path, password: str
) -> None:
    authority = Authority(tmp_path)
    config = config_of(
        keystore_location=authority.broker().in_one(),
        truststore_location=place,
        truststore_password=password,
    )
    server = Certificates(config, client_auth="required").context

    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, authority.context(authority.client("alice")))

    assert server.cert_store_stats()["x509"] == 1


def test_an_authority_below_another_is_trusted_by_itself_as_in_java(tmp_path: Path) -> None:
    root = trustme.CA()
    below = root.create_child_ca()
    issued = below.issue_cert("localhost")
    store, trusted = tmp_path / "store.pem", tmp_path / "trusted.pem"
    store.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    trusted.write_bytes(below.cert_pem.bytes())
    client = ssl.create_default_context(cadata=root.cert_pem.bytes().decode())
    client.load_cert_chain(store)
    config = config_of(keystore_location=store, truststore_location=trusted)

    _, told = shake(Certificates(config, client_auth="required").context, client)

    assert told is not None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"keystore_password": "x"}, "SSL key store is not specified, but key store password"),
        ({"keystore_location": JKS}, "is specified, but key store password is not specified"),
        (KEYTOOLS | {"keystore_type": "BCFKS"}, "BCFKS not found"),
        (KEYTOOLS | {"keystore_type": "PEM"}, "password cannot be specified with PEM format"),
        ({"keystore_type": "PEM", "keystore_location": JKS}, "cannot be used"),
        (KEYTOOLS | {"keystore_password": "guess"}, "Failed to load SSL keystore .* of type JKS"),
        (KEYTOOLS | {"keystore_location": "/no/such"}, "cannot be used: .*No such file"),
        (KEYTOOLS | {"keystore_location": "/dev/zero"}, "is no file"),
        (TEXTS, "Invalid PEM keystore configs: No matching"),
        (TEXTS | {"keystore_type": "JKS"}, "only for PEM, but key store type is JKS"),
        (TEXTS | {"keystore_key": ""}, "chain is specified, but private key is not"),
        (TEXTS | {"keystore_certificate_chain": ""}, "key is specified, but certificate chain"),
        (TEXTS | {"keystore_location": JKS}, "Both SSL key store location and separate"),
        (TEXTS | {"keystore_password": "x"}, "password cannot be specified with PEM format"),
    ],
)
def test_what_does_not_go_together_is_told_in_kafkas_words(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as told:
        Certificates(config_of(**settings), client_auth="none")

    assert "guess" not in str(told.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "needs ssl_truststore_location"),
        ({"password": "x"}, "trust store is not specified, but trust store password"),
        ({"location": TRUST_JKS, "password": "guess"}, "Failed to load SSL keystore"),
        ({"location": TRUST_PKCS12}, "Failed to load SSL keystore .* password was incorrect"),
        ({"location": PKCS12, "password": STORE_PASSWORD}, "must have no private key in it"),
        ({"location": "/dev/zero"}, "ssl_truststore_location in .* cannot be used"),
        ({"type": "PEM", "certificates": "c"}, "Invalid PEM truststore configs"),
        ({"certificates": "c"}, "only for PEM, but trust store type is JKS"),
        ({"type": "PEM", "certificates": "c", "location": JKS}, "Both SSL trust store location"),
        ({"type": "PEM", "certificates": "c", "password": "x"}, "cannot be specified for PEM"),
        ({"type": "PEM", "location": JKS, "password": "x"}, "cannot be specified for PEM"),
    ],
)
def test_a_trust_store_that_cannot_be_used_is_told_in_kafkas_words(
    settings: dict[str, Any], words: str
) -> None:
    fields = {f"truststore_{name}": value for name, value in settings.items()}

    with pytest.raises(SettingsError, match=words) as told:
        Certificates(config_of(**KEYTOOLS, **fields), client_auth="required")

    assert "guess" not in str(told.value)


def test_no_key_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL reads keys from files alone; the one made for it is gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    Certificates(config_of(**KEYTOOLS), client_auth="none")

    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_opened_has_no_certificate_of_its_own() -> None:
    """ValueError: whoever shows when it ends knows that, and does not fall."""
    config = config_of(keystore_type="JKS", keystore_location=JKS, keystore_password="wrong")

    with pytest.raises(ValueError):
        own_certificate(config)
