"""Java's own key stores: what keytool wrote is read, and nothing else harms."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from broker.security.jks import NotOpened, read_store, unlock
from tests.support.key_stores import (
    JKS,
    KEY_PASSWORD,
    STORE_PASSWORD,
    TRUST_JKS,
    TRUST_PASSWORD,
)

STORE = JKS.read_bytes()


def test_a_key_is_found_with_its_certificate_and_opened_by_its_password() -> None:
    store = read_store(STORE, STORE_PASSWORD)

    (entry,) = store.keys
    key = load_der_private_key(unlock(entry.locked, KEY_PASSWORD), None)
    certificate = x509.load_der_x509_certificate(entry.chain[0])

    assert store.trusted == ()
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=broker,O=Footfall"


@pytest.mark.parametrize("password", [TRUST_PASSWORD, None])
def test_trusted_certificates_can_be_read_without_a_password(password: str | None) -> None:
    store = read_store(TRUST_JKS.read_bytes(), password)

    assert store.keys == ()
    assert store.trusted == read_store(STORE, None).keys[0].chain


def test_a_wrong_password_opens_neither_store_nor_key() -> None:
    (entry,) = read_store(STORE, STORE_PASSWORD).keys

    with pytest.raises(NotOpened):
        read_store(STORE, "a guess")
    with pytest.raises(NotOpened):
        unlock(entry.locked, STORE_PASSWORD)


@given(st.integers(0, len(STORE) - 1), st.integers(1, 255))
def test_a_store_that_was_changed_is_refused(place: int, change: int) -> None:
    damaged = bytearray(STORE)
    damaged[place] ^= change

    with pytest.raises(NotOpened):
        read_store(bytes(damaged), STORE_PASSWORD)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.integers(0, len(STORE)).map(lambda size: STORE[:size]),
        st.tuples(st.integers(0, 60), st.binary(max_size=8)).map(
            lambda change: STORE[: change[0]] + change[1] + STORE[change[0] + len(change[1]) :]
        ),
    )
)
def test_without_a_password_noise_is_refused_in_words(data: bytes) -> None:
    """Whatever stands there, it ends at once, and as a ValueError if it cannot be read."""
    try:
        store = read_store(data, None)
        for entry in store.keys:
            unlock(entry.locked, KEY_PASSWORD)
    except ValueError:
        return
    assert len(store.keys) + len(store.trusted) <= len(data)
