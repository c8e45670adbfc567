"""Which listeners the settings ask for: Kafka's `listeners`, or one on `host` and `port`.

A listener is NAME://HOST:PORT. Its name is a security protocol, or `listener_security_protocol_map`
says which one it speaks. Clients are told the address of the listener that they came in by. Those
of `controller_listener_names` answer as a controller.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.config import BrokerConfig
from footfall.settings import SettingsError

ANY_ADDRESS = ("0.0.0.0", "::", "")


class SecurityProtocol(StrEnum):
    """How a listener is protected."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def has_tls(self) -> bool:
        return self in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def has_sasl(self) -> bool:
        return self in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listener as it is asked for; advertised port 0: the one that is taken."""

    name: str
    protocol: SecurityProtocol
    host: str
    port: int
    advertised_host: str
    advertised_port: int
    is_controller: bool = False
    """Whether it answers as a controller and not as a broker."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def endpoints_of(config: BrokerConfig) -> tuple[Endpoint, ...]:
    """The listeners of a broker, never none; SettingsError when clients could not use them."""
    controllers = {name.strip().upper() for name in config.controller_listener_names}
    protocols = dict(_protocols(config.listener_security_protocol_map))
    if not config.listener_security_protocol_map:  # as in Kafka
        protocols = dict.fromkeys(controllers, SecurityProtocol.PLAINTEXT) | protocols
    advertised = {
        name: (host, port)
        for name, host, port in _addresses(config.advertised_listeners, "advertised_listeners")
    }
    if config.listeners:
        wanted = list(_addresses(config.listeners, "listeners"))
    else:
        wanted = [(SecurityProtocol.PLAINTEXT.value, config.host, config.port)]
        if config.advertised_host or config.advertised_port:
            advertised.setdefault(
                SecurityProtocol.PLAINTEXT.value,
                (config.advertised_host or config.host, config.advertised_port),
            )
    names = [name for name, _, _ in wanted]
    if len(set(names)) < len(names):
        raise SettingsError("listeners in [broker] gives a name to two listeners")
    if unknown := advertised.keys() - set(names):
        raise SettingsError(
            f"advertised_listeners in [broker] names {', '.join(sorted(unknown))}, which is not in"
            " listeners"
        )
    _check_controllers(controllers, names)
    return tuple(
        replace(
            _endpoint(one, protocols, advertised.get(one[0], (one[1], one[2]))),
            is_controller=one[0] in controllers,
        )
        for one in wanted
    )


def _check_controllers(controllers: set[str], names: list[str]) -> None:
    if unknown := controllers - set(names):
        raise SettingsError(
            f"controller_listener_names in [broker] names {', '.join(sorted(unknown))}, which is"
            " not in listeners"
        )
    if not set(names) - controllers:
        raise SettingsError(
            "controller_listener_names in [broker] names every listener: clients need one too"
        )


def _endpoint(
    wanted: tuple[str, str, int], protocols: dict[str, SecurityProtocol], told: tuple[str, int]
) -> Endpoint:
    name, host, port = wanted
    protocol = protocols.get(name)
    if protocol is None:
        raise SettingsError(
            f"listener {name} in [broker] is no security protocol"
            f" ({', '.join(SecurityProtocol)}) and not in listener_security_protocol_map"
        )
    if told[0] in ANY_ADDRESS:
        raise SettingsError(
            f"listener {name} in [broker] listens on every address ({host!r}), so"
            " advertised_listeners (or advertised_host) must say which one clients are to use"
        )
    return Endpoint(name, protocol, host, port, *told)


def _addresses(texts: Iterable[str], key: str) -> Iterator[tuple[str, str, int]]:
    for text in texts:
        name, scheme_end, rest = text.strip().partition("://")
        host, colon, port = rest.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (name and scheme_end and colon and port.isdecimal() and int(port) <= 65535):
            raise SettingsError(f"{text!r} of {key} in [broker] is not NAME://HOST:PORT")
        yield name.upper(), host, int(port)


def _protocols(texts: Iterable[str]) -> Iterator[tuple[str, SecurityProtocol]]:
    for protocol in SecurityProtocol:
        yield protocol.value, protocol
    for text in texts:
        name, _, protocol_name = text.strip().partition(":")
        try:
            yield name.upper(), SecurityProtocol(protocol_name.upper())
        except ValueError as error:
            raise SettingsError(
                f"{text!r} of listener_security_protocol_map in [broker] is not NAME:PROTOCOL with"
                f" one of {', '.join(SecurityProtocol)}"
            ) from error
