"""Key stores: what they hold, and what is refused without telling a secret."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from broker.security.key_stores import (
    UnusableStore,
    authorities_of_store,
    certificates_of_text,
    identity_of_store,
    identity_of_texts,
    is_pem,
)
from tests.support.key_stores import (
    JKS,
    KEY_PASSWORD,
    PKCS12,
    STORE_PASSWORD,
    TRUST_JKS,
    TRUST_PASSWORD,
    TRUST_PKCS12,
)

Made = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
_EMPTY_JKS = b"\xfe\xed\xfe\xed" + struct.pack(">ii", 2, 0) + bytes(20)  # no entries; any digest


def made(name: str, issuer: Made | None = None) -> Made:
    """A certificate with its key, signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer[1] if issuer else key
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    return certificate, key


OWN = made("own")
CHAIN = OWN[0].public_bytes(Encoding.PEM).decode()
KEY = OWN[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED = (
    OWN[1]
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    .decode()
)


def test_what_keytool_wrote_holds_the_same_key_and_certificate_in_both_forms() -> None:
    java = identity_of_store(JKS.read_bytes(), STORE_PASSWORD, KEY_PASSWORD)
    standard = identity_of_store(PKCS12.read_bytes(), STORE_PASSWORD, "")

    assert java.chain == standard.chain
    assert java.key.public_key() == standard.key.public_key() == java.chain[0].public_key()


@pytest.mark.parametrize("store", [TRUST_JKS, TRUST_PKCS12])
def test_who_is_trusted_is_read_from_both_forms(store: Any) -> None:
    (authority,) = authorities_of_store(store.read_bytes(), TRUST_PASSWORD)

    assert authority.subject.rfc4514_string() == "CN=broker,O=Footfall"


def test_the_own_certificate_of_a_key_is_trusted_as_by_java() -> None:
    (authority,) = authorities_of_store(JKS.read_bytes(), STORE_PASSWORD)

    assert [authority] == authorities_of_store(TRUST_JKS.read_bytes(), "")


@pytest.mark.parametrize(
    ("opens", "words"),
    [
        (lambda: identity_of_store(JKS.read_bytes(), "guess", KEY_PASSWORD), "was incorrect"),
        (lambda: identity_of_store(JKS.read_bytes(), STORE_PASSWORD, ""), "Cannot recover key"),
        (lambda: identity_of_store(JKS.read_bytes(), STORE_PASSWORD, "guess"), "recover key"),
        (lambda: identity_of_store(PKCS12.read_bytes(), "guess", ""), "password was incorrect"),
        (lambda: identity_of_store(PKCS12.read_bytes(), STORE_PASSWORD, "guess"), "of the store"),
        (lambda: identity_of_store(b"guess" * 20, STORE_PASSWORD, ""), "Invalid keystore format"),
        (lambda: identity_of_store(b"", STORE_PASSWORD, ""), "Invalid keystore format"),
        (lambda: identity_of_store(TRUST_JKS.read_bytes(), TRUST_PASSWORD, ""), "no private key"),
        (lambda: identity_of_store(TRUST_PKCS12.read_bytes(), TRUST_PASSWORD, ""), "no private"),
        (lambda: authorities_of_store(TRUST_JKS.read_bytes(), "guess"), "was incorrect"),
        (lambda: authorities_of_store(TRUST_PKCS12.read_bytes(), ""), "was incorrect"),
        (lambda: authorities_of_store(PKCS12.read_bytes(), STORE_PASSWORD), "no private key in it"),
        (lambda: authorities_of_store(b"\xfe\xed\xfe\xed guess", ""), "Invalid keystore format"),
        (lambda: authorities_of_store(_EMPTY_JKS, ""), "no certificate in the store"),
        (lambda: identity_of_texts(CHAIN, LOCKED, "guess"), "could not be loaded"),
        (lambda: identity_of_texts(CHAIN, LOCKED, ""), "could not be loaded"),
        (lambda: identity_of_texts(CHAIN, KEY, "guess"), "could not be loaded"),
        (lambda: identity_of_texts(CHAIN, "guess", ""), "No matching PRIVATE KEY"),
        (lambda: identity_of_texts(CHAIN, KEY + KEY, ""), "one private key, but found 2"),
        (lambda: identity_of_texts("guess", KEY, ""), "No matching CERTIFICATE"),
        (lambda: certificates_of_text(CHAIN.replace("M", "A")), "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_without_its_secrets(
    opens: Callable[[], object], words: str
) -> None:
    with pytest.raises(UnusableStore, match=words) as told:
        opens()

    assert "guess" not in str(told.value)


def test_a_key_of_another_certificate_is_refused() -> None:
    other, _ = made("other")

    with pytest.raises(UnusableStore, match="not that of the certificate"):
        identity_of_texts(other.public_bytes(Encoding.PEM).decode(), KEY, "")


@pytest.mark.parametrize("between", ["\n", "\r\n", " "])
@pytest.mark.parametrize(("key", "password"), [(KEY, ""), (LOCKED, "open sesame")])
def test_texts_may_stand_in_one_line(between: str, key: str, password: str) -> None:
    """So they are written in Java's properties and in commands."""
    chain, locked = (between.join(text.splitlines()) for text in (CHAIN, key))

    identity = identity_of_texts(chain, locked, password)

    assert identity.chain == (OWN[0],)
    assert identity.key.public_key() == OWN[1].public_key()


def test_what_is_sealed_only_its_password_opens() -> None:
    sealed = identity_of_texts(CHAIN, KEY, "").sealed(b"of the moment")

    assert b"BEGIN ENCRYPTED PRIVATE KEY" in sealed
    assert load_pem_private_key(sealed, b"of the moment").public_key() == OWN[1].public_key()


def test_the_chain_of_a_store_is_shown_in_order_whatever_its_own_is() -> None:
    root = made("root")
    middle = made("middle", root)
    own = made("own", middle)
    stranger = made("stranger")
    data = pkcs12.serialize_key_and_certificates(
        b"broker", own[1], own[0], [root[0], stranger[0], middle[0]], BestAvailableEncryption(b"x")
    )

    assert identity_of_store(data, "x", "").chain == (own[0], middle[0], root[0])


def test_pem_is_known_by_its_content() -> None:
    assert is_pem(f"Bag Attributes\n{CHAIN}".encode())
    assert not is_pem(PKCS12.read_bytes())
    assert not is_pem(JKS.read_bytes())
