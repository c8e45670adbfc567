import pytest

from broker.config import BrokerConfig
from broker.security.mechanisms import OfMechanism
from broker.server.listener_settings import own_settings
from footfall.settings import SettingsError

NAMES = "INSIDE", "OUTSIDE"


def test_a_setting_of_a_listener_stands_before_that_of_all() -> None:
    config = BrokerConfig(
        ssl_client_auth="none",
        sasl_enabled_mechanisms=("PLAIN",),
        listener_settings=(
            "listener.name.outside.ssl.client.auth=required",
            "listener.name.outside.sasl.enabled.mechanisms=SCRAM-SHA-256, SCRAM-SHA-512",
            "listener.name.inside.connections.max.reauth.ms = 5000",
        ),
    )

    own = own_settings(config, NAMES)

    inside, outside = (own[name].config for name in NAMES)
    assert (inside.ssl_client_auth, outside.ssl_client_auth) == ("none", "required")
    assert inside.sasl_enabled_mechanisms == ("PLAIN",)
    assert outside.sasl_enabled_mechanisms == ("SCRAM-SHA-256", "SCRAM-SHA-512")
    assert (inside.connections_max_reauth_ms, outside.connections_max_reauth_ms) == (5000, 0)


def test_a_setting_of_a_mechanism_stands_before_that_of_its_listener() -> None:
    config = BrokerConfig(
        listener_settings=(
            "listener.name.inside.plain.sasl.jaas.config=one",
            "listener.name.inside.oauthbearer.sasl.oauthbearer.expected.issuer=of tokens",
            "listener.name.inside.sasl.oauthbearer.expected.issuer=of the listener",
            "listener.name.inside.scram-sha-256.connections.max.reauth.ms=5000",
            "listener.name.inside.connections.max.reauth.ms=9000",
        ),
    )

    inside, outside = (own_settings(config, NAMES)[name] for name in NAMES)

    assert inside.mechanisms == {
        "PLAIN": OfMechanism(jaas="one"),
        "SCRAM-SHA-256": OfMechanism(session_ms_max=5000),
    }
    assert inside.config.connections_max_reauth_ms == 9000
    assert inside.config.sasl_oauthbearer_expected_issuer == "of tokens"
    assert (outside.mechanisms, outside.config) == ({}, config)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("outside.ssl.client.auth=none", "is not listener.name.NAME.SETTING=VALUE"),
        ("listener.name.outside.ssl.client.auth", "is not listener.name.NAME.SETTING=VALUE"),
        ("listener.name.nowhere.ssl.client.auth=none", "names no listener: inside, outside"),
        ("listener.name.outside.node.id=2", "cannot be set for a single listener"),
        ("listener.name.outside.ssl.client.auth=maybe", "is not one of"),
        ("listener.name.outside.connections.max.reauth.ms=soon", "is not a number"),
        ("listener.name.outside.plain.connections.max.reauth.ms=-1", "below the minimum 0"),
        ("listener.name.outside.sasl.jaas.config=x", "cannot be set for a single listener"),
        ("listener.name.outside.gssapi.sasl.jaas.config=x", "cannot be set for a single listener"),
        ("listener.name.outside.plain.ssl.client.auth=none", "cannot be set for a single"),
        ("listener.name.outside.plain.sasl.oauthbearer.sub.claim.name=x", "cannot be set for a"),
        ("listener.name.outside.oauthbearer.sasl.oauthbearer.nix=x", "cannot be set for a single"),
    ],
)
def test_what_is_no_setting_of_a_listener_is_refused(item: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        own_settings(BrokerConfig(listener_settings=(item,)), NAMES)


@pytest.mark.parametrize(
    "items",
    [
        ("listener.name.nowhere.ssl.key.password=open sesame",),
        ("listener.name.outside.ssl.key.password=open", "sesame"),
        ("listener.name.outside.ssl.key.password: open sesame",),
    ],
)
def test_a_password_is_in_no_error_and_in_no_print_of_the_settings(items: tuple[str, ...]) -> None:
    config = BrokerConfig(listener_settings=items)

    with pytest.raises(SettingsError) as told:
        own_settings(config, NAMES)

    assert "sesame" not in str(told.value)
    assert "sesame" not in repr(config)
