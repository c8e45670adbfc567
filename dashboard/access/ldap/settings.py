"""What [ldap] must be before anybody signs in: told at the start, by the name of the key."""

import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn

from dashboard.access.ldap.names import DN, USERNAME, filled, is_principal
from dashboard.config import LdapConfig
from footfall.settings import SettingsError

LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
PORTS: Final = {"ldap": 389, "ldaps": 636}
EVERYBODY: Final = "*"


@dataclass(frozen=True, slots=True)
class Host:
    """One server of the directory."""

    name: str
    port: int
    tls: bool  # from the first byte

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


def hosts(config: LdapConfig) -> tuple[Host, ...]:
    """The servers to ask, in their order. Raises SettingsError, also for what is said of them."""
    found = tuple(_host(url) for url in config.urls)
    open_ones = [url for url, host in zip(config.urls, found, strict=True) if not host.tls]
    if config.start_tls and not open_ones:
        raise _wrong("start_tls", "is for addresses that begin with ldap://")
    far = [url for url in open_ones if _host(url).name not in LOOPBACK]
    if far and not config.start_tls and not config.allow_plain:
        raise _wrong(
            "urls",
            f"{far[0]!r} would get passwords in the clear: take ldaps:// or start_tls = true"
            " (or say allow_plain = true)",
        )
    return found


def context(config: LdapConfig) -> ssl.SSLContext:
    """Checks chain and host name of the directory's certificate; raises SettingsError."""
    try:
        return ssl.create_default_context(cafile=config.ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        shown = f"{config.ca_file!r} holds no certificates that can be read: {error}"
        raise _wrong("ca_file", shown) from error


def check(config: LdapConfig) -> None:
    """Who is looked up where; raises SettingsError."""
    if config.user_dn and config.bind_dn:
        raise _wrong("user_dn", "and bind_dn are two ways: set one of them")
    if bool(config.bind_dn) != bool(config.bind_password):
        pair = ("bind_password", "bind_dn")
        missing, other = pair if config.bind_dn else reversed(pair)
        raise _wrong(missing, f"is missing beside {other}")
    if config.user_dn and USERNAME not in config.user_dn:
        raise _wrong("user_dn", f"{config.user_dn!r} has no {USERNAME} in it")
    principal = is_principal(config.user_dn)
    if not config.user_dn or principal:
        _check_dn("user_base", config.user_base)
        _check_filter("user_filter", config.user_filter, (USERNAME,))
    own = f"(userPrincipalName={config.user_dn})"
    if principal and own not in config.user_filter:
        # else the entry found might be another's than that of whom the password was asked
        raise _wrong("user_filter", f"must have {own} in it, as user_dn is no DN")
    if config.user_dn and not principal:
        _check_dn("user_dn", filled(config.user_dn, "x"))
    if not config.name_attribute:
        raise _wrong("name_attribute", "is empty")
    _check_groups(config)


def _check_groups(config: LdapConfig) -> None:
    named = {*config.admins, *config.editors, *config.viewers}
    if not named:
        raise SettingsError("[ldap] gives nobody a role: set admins, editors or viewers")
    if config.group_base:
        _check_dn("group_base", config.group_base)
        _check_filter("group_filter", config.group_filter, (DN, USERNAME))
        if not config.group_attribute:
            raise _wrong("group_attribute", "is empty")
    elif set(named) != {EVERYBODY}:
        raise _wrong("group_base", "is missing: admins, editors and viewers are names of groups")


def _host(url: str) -> Host:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise _wrong("urls", f"{url!r} is no address: {error}") from error
    rest = parts.path.strip("/") + parts.query + parts.fragment + (parts.username or "")
    if parts.scheme not in PORTS or not parts.hostname or rest:
        raise _wrong("urls", f"{url!r} is not like ldaps://host or ldap://host:389")
    return Host(parts.hostname, port, parts.scheme == "ldaps")


def _check_dn(key: str, dn: str) -> None:
    if not dn:
        raise _wrong(key, "is missing, such as ou=people,dc=example,dc=com")
    try:
        parse_dn(dn)
    except LDAPException as error:
        raise _wrong(key, f"{dn!r} is no DN: {error}") from error


def _check_filter(key: str, template: str, needs: tuple[str, ...]) -> None:
    """At least one of the placeholders, or everybody would be found."""
    if not any(word in template for word in needs):
        raise _wrong(key, f"{template!r} has no {' or '.join(needs)} in it")
    try:
        parse_filter(filled(template, "x", "x"), None, False, True, None, False)
    except LDAPException as error:
        raise _wrong(key, f"{template!r} is no filter: {error}") from error


def _wrong(key: str, said: str) -> SettingsError:
    return SettingsError(f"{key} in [ldap] {said}")
