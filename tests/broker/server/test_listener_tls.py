"""TLS of a listener whose settings change while the broker runs."""

import re
import ssl
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metrics import BrokerMetrics
from broker.security.principals import rules_of
from broker.server.endpoints import endpoints_of
from broker.server.listener_tls import ListenerTls
from tests.support.certificates import Authority, Pair
from tests.support.key_stores import PKCS12, STORE_PASSWORD

PREFIX = "listener.name.ssl.ssl."


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.broker()


@pytest.fixture
def metrics() -> BrokerMetrics:
    return BrokerMetrics(CollectorRegistry())


@pytest.fixture
def tls(authority: Authority, pair: Pair, metrics: BrokerMetrics) -> ListenerTls:
    config = BrokerConfig(
        listeners=("SSL://127.0.0.1:0",),
        ssl_keystore_location=str(pair.in_one()),
        ssl_truststore_location=str(authority.certificate),
    )
    (endpoint,) = endpoints_of(config)
    return ListenerTls(endpoint, config, metrics)


def changes(**settings: str | Path) -> dict[str, str]:
    """Settings of the listener as the metadata has them: `_` stands for `.`."""
    return {PREFIX + name.replace("_", "."): str(value) for name, value in settings.items()}


def context_of(tls: ListenerTls) -> ssl.SSLContext:
    return tls.settings.certificates.context


def refusal(tls: ListenerTls, dynamic: dict[str, str]) -> str:
    with pytest.raises(KafkaError) as told:
        tls.check(dynamic)
    assert told.value.code is ErrorCode.INVALID_REQUEST
    return told.value.message


def test_another_file_is_used_until_it_is_taken_away(
    tls: ListenerTls, authority: Authority, metrics: BrokerMetrics
) -> None:
    before = context_of(tls)
    ends = metrics.certificates_valid_until_s["SSL"]()
    dynamic = changes(keystore_location=authority.broker("newer").in_one())

    tls.check(dynamic)
    checked = context_of(tls)
    tls.follow(dynamic)
    changed, then = context_of(tls), metrics.certificates_valid_until_s["SSL"]()
    tls.follow({})

    assert checked is before
    assert changed is not before
    assert context_of(tls) not in (before, changed)
    assert then == pytest.approx(ends, abs=60)


def test_settings_of_other_listeners_change_nothing(tls: ListenerTls) -> None:
    before = context_of(tls)
    dynamic = {
        "listener.name.other.ssl.keystore.location": "/no/such/file",
        "listener.name.ssl.max.connections": "5",
    }

    tls.check(dynamic)
    tls.follow(dynamic)

    assert context_of(tls) is before


def test_what_clients_must_show_and_may_speak_changes_for_one_listener(tls: ListenerTls) -> None:
    dynamic = changes(
        client_auth="required",
        enabled_protocols="TLSv1.3",
        principal_mapping_rules="RULE:^CN=(.*?),.*$/$1/L",
    )

    tls.check(dynamic)
    tls.follow(dynamic)

    assert context_of(tls).verify_mode is ssl.CERT_REQUIRED
    assert context_of(tls).minimum_version is ssl.TLSVersion.TLSv1_3
    assert tls.settings.rules == rules_of("RULE:^CN=(.*?),.*$/$1/L")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"keystore_location": "/no/such/file"}, "cannot be used: .*No such file"),
        ({"truststore_location": "/no/such/file"}, "ssl_truststore_location in .* cannot be used"),
        ({"keystore_type": "BCFKS"}, "BCFKS not found"),
        ({"truststore_password": "open sesame"}, "store password cannot be specified for PEM"),
        ({"enabled_protocols": "SSLv3"}, "ssl_enabled_protocols"),
        ({"principal_mapping_rules": "RULE:("}, "ssl_principal_mapping_rules"),
    ],
)
def test_what_could_not_be_served_is_refused(
    tls: ListenerTls, settings: dict[str, str], words: str
) -> None:
    told = refusal(tls, changes(**settings))

    assert "Validation of dynamic config update of SSLFactory failed" in told
    assert re.search(words, told)
    assert "sesame" not in told


def test_a_store_of_keytool_and_texts_take_the_place_of_files(
    tls: ListenerTls, authority: Authority, pair: Pair
) -> None:
    other = {"allow_dn_changes": "true", "allow_san_changes": "true"}
    store = changes(keystore_location=PKCS12, keystore_password=STORE_PASSWORD, **other)
    texts = changes(
        truststore_type="PEM",
        truststore_location="",
        truststore_certificates=authority.certificate.read_text(),
        client_auth="required",
    )

    tls.check(store | texts)
    tls.follow(store | texts)

    assert context_of(tls).verify_mode is ssl.CERT_REQUIRED
    assert context_of(tls).cert_store_stats()["x509_ca"] == 1


def test_a_certificate_of_another_server_is_refused_unless_that_is_allowed(
    tls: ListenerTls, authority: Authority
) -> None:
    """Clients that look at names would not know it again."""
    dynamic = changes(keystore_location=authority.client("another").in_one())
    allowed = dynamic | changes(allow_dn_changes="true")

    subject = refusal(tls, dynamic)
    names = refusal(tls, allowed)
    tls.check(allowed | changes(allow_san_changes="true"))

    assert "DistinguishedName does not match" in subject
    assert "CN=another" in subject
    assert "SubjectAltNames do not match: missing=localhost, 127.0.0.1" in names


def test_settings_that_cannot_be_used_any_more_are_told_and_the_old_ones_stay(
    tls: ListenerTls, caplog: pytest.LogCaptureFixture
) -> None:
    """As at a start, when a file that was there once is gone."""
    before = context_of(tls)

    tls.follow(changes(keystore_location="/no/such/file"))

    assert context_of(tls) is before
    assert "settings are not used listener=SSL" in caplog.text
