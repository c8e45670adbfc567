"""Which SASL mechanisms are offered, and what each one asks: files of the settings, and the users
that the cluster knows."""

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.security.credentials import ScramMechanism
from broker.security.jaas import options_of
from broker.security.jwt import Claims, Key, KeyMissed, Rules, shared_secret, validate
from broker.security.key_ring import KeyRing
from broker.security.sasl import USER_PREFIX, Exchange, Mechanisms
from broker.security.sasl_oauthbearer import OauthBearerExchange
from broker.security.sasl_plain import PlainExchange, PlainUsers, users_of
from broker.security.sasl_scram import NAMES, Known, ScramExchange, ScramServer
from broker.security.security import Security
from footfall.settings import SettingsError

PLAIN, OAUTHBEARER = "PLAIN", "OAUTHBEARER"
T = TypeVar("T")
_MODULES = {
    PLAIN: "plain.PlainLoginModule",
    OAUTHBEARER: "oauthbearer.OAuthBearerLoginModule",
    **dict.fromkeys(NAMES, "scram.ScramLoginModule"),
}
MECHANISMS = tuple(_MODULES)
_USER = "user_"
_UNSECURED = "unsecuredValidator"


@dataclass(frozen=True, slots=True)
class OfMechanism:
    """What a listener sets for one mechanism alone (listener.name.X.MECHANISM.*)."""

    jaas: str = field(default="", repr=False)
    """Its sasl.jaas.config."""
    session_ms_max: int | None = None
    """Its connections.max.reauth.ms; None: that of the listener."""


@dataclass(frozen=True, slots=True)
class SaslSources:
    """What was read from files and settings, once, when the broker started."""

    users: PlainUsers | None = None
    tokens: Rules = field(default_factory=Rules)
    ring: KeyRing | None = None
    """Keys that are fetched, beside those of `tokens`."""
    sessions_ms_max: Mapping[str, int] = field(default_factory=dict)
    """Of mechanisms that have a bound of their own."""


def load_sources(
    config: BrokerConfig, own: Mapping[str, OfMechanism] = MappingProxyType({})
) -> SaslSources:
    """Read what the enabled mechanisms need; SettingsError tells what is missing or unsafe.

    `own`: what is set for single mechanisms, by their names.
    """
    sources = _sources(config, {name: one.jaas for name, one in own.items() if one.jaas})
    bounds = {name: one.session_ms_max for name, one in own.items()}
    return replace(
        sources,
        sessions_ms_max={name: bound for name, bound in bounds.items() if bound is not None},
    )


def _sources(config: BrokerConfig, jaas: Mapping[str, str]) -> SaslSources:
    enabled = config.sasl_enabled_mechanisms
    for name in enabled:
        if name not in MECHANISMS:
            raise SettingsError(
                f"sasl_enabled_mechanisms in [broker]: {name!r} is not one of"
                f" {', '.join(sorted(MECHANISMS))}"
            )
    if not enabled:
        raise SettingsError("sasl_enabled_mechanisms in [broker] is empty: nobody could log in")
    options = {name: _options(name, text) for name, text in jaas.items()}
    users = None
    if PLAIN in enabled:
        users = PlainUsers(
            _users_of_jaas(options[PLAIN])
            if PLAIN in options
            else _parsed(
                "sasl_plain_users_file", config.sasl_plain_users_file, users_of, private=True
            )
        )
    if OAUTHBEARER not in enabled:
        return SaslSources(users)
    url = config.sasl_oauthbearer_jwks_endpoint_url
    if "@" in url.partition("?")[0]:
        raise SettingsError(
            "sasl_oauthbearer_jwks_endpoint_url in [broker] has a name or a password in it, but the"
            " log and DescribeConfigs tell the address: keys of tokens are public"
        )
    if url and not url.lower().startswith(("https://", "http://")):
        raise SettingsError(
            f"sasl_oauthbearer_jwks_endpoint_url = {url!r} in [broker] is no https:// address"
        )
    return SaslSources(users, _rules(config), KeyRing() if url else None)


def build_mechanisms(
    config: BrokerConfig, sources: SaslSources, security: Security, clock: Clock
) -> Mechanisms:
    """What a listener with SASL offers."""

    def lookup(name: str, mechanism: ScramMechanism, by_token: bool) -> Known | None:
        if by_token:
            found = security.tokens.scram(name, mechanism, clock.now_ms())
            if found is None:
                return None
            return Known(
                found.owner.removeprefix(USER_PREFIX),
                found.credential,
                by_token=True,
                expires_at_ms=found.expires_at_ms,
            )
        credential = security.credentials.scram(name, mechanism)
        return None if credential is None else Known(name, credential)

    offered: dict[str, Callable[[], Exchange]] = {}
    for name in config.sasl_enabled_mechanisms:
        if name in NAMES:
            offered[name] = _scram(ScramServer(NAMES[name], lookup))
        elif name == PLAIN and sources.users is not None:
            offered[name] = _plain(sources.users)
        elif name == OAUTHBEARER:
            offered[name] = lambda: OauthBearerExchange(
                lambda token: _validated(token, sources, clock)
            )
    return Mechanisms(offered, clock, config.connections_max_reauth_ms, sources.sessions_ms_max)


def _options(mechanism: str, text: str) -> Mapping[str, str]:
    """Of a `sasl.jaas.config`, as far as it means something here; SettingsError if it does not."""
    place = f"{mechanism.lower()}.sasl.jaas.config of listener_settings in [broker]"
    try:
        options = options_of(text, _MODULES[mechanism])
    except ValueError as error:
        raise SettingsError(f"{place}: {error}") from error
    if mechanism == OAUTHBEARER and any(name.startswith(_UNSECURED) for name in options):
        raise SettingsError(f"{place}: tokens are checked by sasl.oauthbearer.* alone")
    return options


def _users_of_jaas(options: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who may log in by PLAIN: user_NAME="password"."""
    return [
        (name.removeprefix(_USER), password)
        for name, password in options.items()
        if name.startswith(_USER) and password
    ]


def _validated(token: str, sources: SaslSources, clock: Clock) -> Claims:
    rules, ring, now_ms = sources.tokens, sources.ring, clock.now_ms()
    if ring is None:
        return validate(token, rules, now_ms)
    try:
        return validate(token, replace(rules, keys=rules.keys + ring.keys), now_ms)
    except KeyMissed as refusal:
        ring.missed(refusal.key_id, clock.monotonic_ms())
        raise


def _scram(server: ScramServer) -> Callable[[], Exchange]:
    return lambda: ScramExchange(server)


def _plain(users: PlainUsers) -> Callable[[], Exchange]:
    return lambda: PlainExchange(users)


def _rules(config: BrokerConfig) -> Rules:
    keys: tuple[Key, ...] = ()
    if config.sasl_oauthbearer_jwks_file:
        from broker.security.jwks import keys_of  # 60 ms and 10 MB that only this needs

        keys += _parsed(
            "sasl_oauthbearer_jwks_file", config.sasl_oauthbearer_jwks_file, keys_of, private=False
        )
    if config.sasl_oauthbearer_secret_file:
        keys += _parsed(
            "sasl_oauthbearer_secret_file",
            config.sasl_oauthbearer_secret_file,
            lambda text: (shared_secret(text.strip().encode()),),
            private=True,
        )
    if not (keys or config.sasl_oauthbearer_jwks_endpoint_url or config.sasl_oauthbearer_unsecured):
        raise SettingsError(
            "OAUTHBEARER needs sasl_oauthbearer_jwks_endpoint_url, sasl_oauthbearer_jwks_file or"
            " sasl_oauthbearer_secret_file in [broker], to check signatures with"
        )
    return Rules(
        keys=keys,
        issuer=config.sasl_oauthbearer_expected_issuer,
        audiences=frozenset(config.sasl_oauthbearer_expected_audience),
        subject_claim=_claim(config, "sasl_oauthbearer_sub_claim_name"),
        scope_claim=_claim(config, "sasl_oauthbearer_scope_claim_name"),
        skew_ms=config.sasl_oauthbearer_clock_skew_seconds * 1000,
        unsecured=config.sasl_oauthbearer_unsecured,
    )


def _claim(config: BrokerConfig, key: str) -> str:
    name: str = getattr(config, key).strip()
    if not name:
        raise SettingsError(f"{key} in [broker] is blank: it must name a claim")
    return name


def _parsed(key: str, name: str, parse: Callable[[str], T], *, private: bool) -> T:
    """What stands in a file of the settings; its content is never part of an error."""
    place = f"{key} = {name!r} in [broker]"
    if not name:
        raise SettingsError(f"{key} in [broker] must name a file")
    path = Path(name)
    try:
        if private and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(f"{place} can be read by others: chmod 600 it")
        return parse(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{place} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{place} is not UTF-8") from error
    except ValueError as error:
        raise SettingsError(f"{place} cannot be used: {error}") from error
