"""The broker's certificate: what is read, what is refused, and its renewal at run time."""

import logging
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from broker.config import BrokerConfig
from broker.security.certificate import valid_until_s
from broker.server.certificates import Certificates
from footfall.settings import SettingsError
from tests.support.certificates import Authority, Pair

PASSWORD = "the password of the key"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def certificates_of(client_auth: str = "none", **files: Any) -> Certificates:
    settings: dict[str, Any] = {f"ssl_{name}": str(value) for name, value in files.items()}
    config = BrokerConfig(**settings)
    return Certificates(config, client_auth=client_auth)


def replace(pair: Pair, by: Pair) -> None:
    """As a tool that renews certificates does it: both files, each at once."""
    shutil.copy(by.certificate, pair.certificate)
    shutil.copy(by.key, pair.key)


def shown_by(certificates: Certificates, authority: Authority) -> bytes:
    """The certificate that a client is shown now, DER."""
    server_in, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.context.wrap_bio(server_in, server_out, server_side=True)
    client = authority.context().wrap_bio(server_out, server_in, server_hostname="localhost")
    for one in (client, server, client):
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = client.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def first_of(pair: Pair) -> bytes:
    """The certificate in a file, DER."""
    text = pair.certificate.read_text()
    return ssl.PEM_cert_to_DER_cert(
        text[: text.index("-----END") + len("-----END CERTIFICATE-----")]
    )


def test_certificate_and_key_may_be_one_file_or_two(authority: Authority) -> None:
    pair = authority.broker()

    one = certificates_of(keystore_location=pair.in_one())
    two = certificates_of(keystore_location=pair.certificate, key_location=pair.key)

    assert shown_by(one, authority) == shown_by(two, authority) == first_of(pair)
    assert one.valid_until_s == two.valid_until_s == valid_until_s(first_of(pair))


def test_an_encrypted_key_is_opened_by_its_password(authority: Authority) -> None:
    pair = authority.broker()
    key = pair.encrypted(PASSWORD.encode())

    made = certificates_of(
        keystore_location=pair.certificate, key_location=key, key_password=PASSWORD
    )

    assert shown_by(made, authority) == first_of(pair)


@pytest.mark.parametrize("password", ["", "a guess"])
def test_a_key_that_stays_shut_is_told_and_nobody_is_asked(
    authority: Authority, password: str
) -> None:
    pair = authority.broker()
    key = pair.encrypted(PASSWORD.encode())

    with pytest.raises(SettingsError, match=r"certificate or key of .* cannot be used") as told:
        certificates_of(keystore_location=pair.certificate, key_location=key, key_password=password)

    assert "guess" not in str(told.value)


@pytest.mark.parametrize(
    ("client_auth", "settings", "message"),
    [
        ("none", {}, "needs ssl_keystore_location"),
        ("none", {"keystore_location": "/no/such/file"}, "cannot be used: .*No such file"),
        ("required", {}, "'required' in .* needs ssl_truststore_location"),
        ("required", {"truststore_location": "/no/such/file"}, "ssl_truststore_location in"),
        ("none", {"enabled_protocols": ("TLSv1",)}, "must be of TLSv1.2, TLSv1.3"),
        ("none", {"enabled_protocols": ()}, "must be of TLSv1.2, TLSv1.3"),
        ("none", {"cipher_suites": "NO-SUCH-SUITE"}, "ssl_cipher_suites"),
    ],
)
def test_what_is_missing_or_unknown_is_told(
    authority: Authority, client_auth: str, settings: dict[str, Any], message: str
) -> None:
    fields = {f"ssl_{name}": value for name, value in settings.items()}
    if message != "needs ssl_keystore_location":
        fields.setdefault("ssl_keystore_location", str(authority.broker().in_one()))

    with pytest.raises(SettingsError, match=message):
        Certificates(BrokerConfig(**fields), client_auth=client_auth)


def test_a_renewed_certificate_is_shown_from_then_on(authority: Authority) -> None:
    pair, newer = authority.broker(), authority.broker("newer")
    made = certificates_of(keystore_location=pair.certificate, key_location=pair.key)
    before = shown_by(made, authority)
    replace(pair, newer)

    renewed = made.renew()

    assert renewed
    assert shown_by(made, authority) == first_of(newer) != before
    assert made.valid_until_s == valid_until_s(first_of(newer))


def test_files_that_did_not_change_are_not_read_again(authority: Authority) -> None:
    made = certificates_of(keystore_location=authority.broker().in_one())
    context = made.context

    assert not made.renew()
    assert made.context is context


def test_a_certificate_without_its_key_changes_nothing_until_the_key_comes(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Two files are never replaced in one moment; each half is told once."""
    caplog.set_level(logging.WARNING)
    pair, newer = authority.broker(), authority.broker("newer")
    made = certificates_of(keystore_location=pair.certificate, key_location=pair.key)
    old = shown_by(made, authority)

    shutil.copy(newer.certificate, pair.certificate)
    half = [made.renew(), made.renew()]
    meanwhile = shown_by(made, authority)
    shutil.copy(newer.key, pair.key)
    whole = made.renew()

    assert (half, whole) == ([False, False], True)
    assert meanwhile == old
    assert shown_by(made, authority) == first_of(newer)
    assert caplog.text.count("renewed certificate is not used") == 1


def test_a_file_that_went_away_changes_nothing(authority: Authority) -> None:
    pair = authority.broker()
    made = certificates_of(keystore_location=pair.certificate, key_location=pair.key)
    old = shown_by(made, authority)
    pair.key.unlink()

    assert not made.renew()
    assert shown_by(made, authority) == old
