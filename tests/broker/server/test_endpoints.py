"""Which listeners the settings ask for, and what clients are told about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.config import BrokerConfig
from broker.server.endpoints import Endpoint, SecurityProtocol, endpoints_of
from footfall.settings import SettingsError


def test_without_listeners_there_is_one_on_host_and_port() -> None:
    assert endpoints_of(BrokerConfig(host="127.0.0.1", port=9092)) == (
        Endpoint("PLAINTEXT", SecurityProtocol.PLAINTEXT, "127.0.0.1", 9092, "127.0.0.1", 9092),
    )


def test_several_listeners_are_each_told_under_their_own_address() -> None:
    """A client inside hears another address than one that comes in by a proxy."""
    config = BrokerConfig(
        listeners=("INSIDE://0.0.0.0:9092", "OUTSIDE://0.0.0.0:9093", "SSL://[::1]:9094"),
        advertised_listeners=("INSIDE://kafka.internal:9092", "OUTSIDE://kafka.example.org:443"),
        listener_security_protocol_map=("INSIDE:PLAINTEXT", "OUTSIDE:SASL_SSL"),
    )

    inside, outside, tls = endpoints_of(config)

    assert (inside.advertised_host, inside.advertised_port) == ("kafka.internal", 9092)
    assert (outside.advertised_host, outside.advertised_port) == ("kafka.example.org", 443)
    assert (tls.advertised_host, tls.advertised_port) == ("::1", 9094)
    assert [one.protocol for one in (inside, outside, tls)] == ["PLAINTEXT", "SASL_SSL", "SSL"]


def test_a_listener_of_controllers_speaks_plaintext_until_the_map_says_otherwise() -> None:
    listeners = ("SSL://127.0.0.1:1", "QUORUM://127.0.0.1:2")
    mapped = ("SSL:SSL", "QUORUM:SASL_SSL")

    plain = endpoints_of(BrokerConfig(listeners=listeners, controller_listener_names=("quorum",)))
    told = endpoints_of(
        BrokerConfig(
            listeners=listeners,
            controller_listener_names=("QUORUM",),
            listener_security_protocol_map=mapped,
        )
    )

    assert [one.is_controller for one in plain] == [one.is_controller for one in told]
    assert [one.is_controller for one in plain] == [False, True]
    assert [one.protocol.value for one in (plain[1], told[1])] == ["PLAINTEXT", "SASL_SSL"]


def test_advertised_host_and_port_are_short_for_one_listener() -> None:
    config = BrokerConfig(host="0.0.0.0", port=9092, advertised_host="a.example.org")

    (only,) = endpoints_of(config)

    assert (only.advertised_host, only.advertised_port) == ("a.example.org", 0)


@pytest.mark.parametrize(
    ("protocol", "has_tls", "has_sasl"),
    [
        ("PLAINTEXT", False, False),
        ("SSL", True, False),
        ("SASL_PLAINTEXT", False, True),
        ("SASL_SSL", True, True),
    ],
)
def test_a_protocol_says_what_clients_pass(protocol: str, has_tls: bool, has_sasl: bool) -> None:
    (made,) = endpoints_of(BrokerConfig(listeners=(f"{protocol}://127.0.0.1:0",)))

    assert (made.protocol.has_tls, made.protocol.has_sasl) == (has_tls, has_sasl)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("broker.example.org", False),
    ],
)
def test_only_this_machine_reaches_the_loopback(host: str, loopback: bool) -> None:
    (made,) = endpoints_of(BrokerConfig(listeners=(f"PLAINTEXT://{host}:9092",)))

    assert made.is_loopback is loopback


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"listeners": ("SSL://127.0.0.1:1", "SSL://127.0.0.1:2")}, "a name to two listeners"),
        ({"listeners": ("ODD://127.0.0.1:1",)}, "ODD .* is no security protocol"),
        ({"listeners": ("SSL:127.0.0.1:1",)}, "is not NAME://HOST:PORT"),
        ({"listeners": ("SSL://127.0.0.1",)}, "is not NAME://HOST:PORT"),
        ({"listeners": ("SSL://127.0.0.1:65536",)}, "is not NAME://HOST:PORT"),
        ({"listeners": ("PLAINTEXT://0.0.0.0:9092",)}, "advertised_listeners .* must say"),
        ({"listeners": ("PLAINTEXT://:9092",)}, "advertised_listeners .* must say"),
        (
            {"listeners": ("SSL://127.0.0.1:1",), "advertised_listeners": ("OUT://a:1",)},
            "names OUT, which is not in listeners",
        ),
        (
            {"listeners": ("SSL://127.0.0.1:1",), "controller_listener_names": ("QUORUM",)},
            "controller_listener_names .* names QUORUM, which is not in listeners",
        ),
        ({"controller_listener_names": ("PLAINTEXT",)}, "names every listener: clients need one"),
        (
            {
                "listeners": ("PLAINTEXT://127.0.0.1:1", "QUORUM://127.0.0.1:2"),
                "controller_listener_names": ("QUORUM",),
                "listener_security_protocol_map": ("PLAINTEXT:PLAINTEXT",),
            },
            "QUORUM .* is no security protocol",
        ),
        ({"listener_security_protocol_map": ("IN=SSL",)}, "is not NAME:PROTOCOL"),
        ({"listener_security_protocol_map": ("IN:TLS",)}, "is not NAME:PROTOCOL"),
    ],
)
def test_what_clients_could_not_use_is_told(
    settings: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        endpoints_of(BrokerConfig(**settings))  # type: ignore[arg-type]


@given(st.text())
def test_any_text_is_a_listener_or_told_to_be_none(text: str) -> None:
    try:
        made = endpoints_of(BrokerConfig(listeners=(text,)))
    except SettingsError:
        return

    assert made[0].advertised_host
