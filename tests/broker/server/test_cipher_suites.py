"""Which suites and versions a listener allows, by what the settings name."""

import ssl

import pytest

from broker.server.cipher_suites import choose, openssl_name

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context(lowest: ssl.TLSVersion = OLD, highest: ssl.TLSVersion = NEW) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = lowest, highest
    return made


def older(made: ssl.SSLContext) -> list[str]:
    """The suites below TLS 1.3 that it allows."""
    return [str(one["name"]) for one in made.get_ciphers() if one["protocol"] != "TLSv1.3"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "DHE-RSA-AES128-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
    ],
)
def test_a_suite_of_iana_has_its_name_of_openssl(name: str, wanted: str) -> None:
    assert openssl_name(name) == wanted


@pytest.mark.parametrize(
    ("suites", "allowed", "versions"),
    [
        ("ECDHE-RSA-AES256-GCM-SHA384", ["ECDHE-RSA-AES256-GCM-SHA384"], (OLD, NEW)),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ["ECDHE-RSA-AES256-GCM-SHA384"], (OLD, OLD)),
        (
            "TLS_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ["ECDHE-RSA-AES128-GCM-SHA256"],
            (OLD, NEW),
        ),
    ],
)
def test_what_is_named_is_allowed(
    suites: str, allowed: list[str], versions: tuple[ssl.TLSVersion, ssl.TLSVersion]
) -> None:
    made = context()

    choose(made, suites)

    assert older(made) == allowed
    assert (made.minimum_version, made.maximum_version) == versions


def test_suites_of_tls_1_3_alone_allow_nothing_older() -> None:
    made = context()

    choose(made, "TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256")

    assert made.minimum_version == NEW


@pytest.mark.parametrize(
    ("suites", "lowest", "highest"),
    [
        ("TLS_AES_256_GCM_SHA384", OLD, OLD),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NEW, NEW),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,bogus", OLD, NEW),
        ("TLS_RSA_WITH_NULL_SHA256", OLD, NEW),
        ("TLS_AES_256_GCM_SHA384,", OLD, NEW),
    ],
)
def test_what_cannot_be_is_refused(
    suites: str, lowest: ssl.TLSVersion, highest: ssl.TLSVersion
) -> None:
    with pytest.raises((ValueError, ssl.SSLError)):
        choose(context(lowest, highest), suites)
