"""Asks a directory who somebody is. Everything here blocks; the one file that speaks LDAP.

The way of a name and a password: our search account binds, finds the one entry of that name, the
person's password binds as that entry, and our account asks for its groups. With a user_dn the
person binds first, and looks itself up. An entry that is not there is bound as well, under a name
nobody has: an unknown name and a wrong password are the same questions. All of it on one
connection, which TLS protects from its first word to be kept; referrals are not followed, aliases
not either.

ldap3 leaves the host name of a certificate to a copy of what Python did in 2015; here Python's own
`ssl` checks it (docs/adr/0046).
"""

import logging
import math
import re
import secrets
import ssl
from dataclasses import dataclass
from typing import Any, Final

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INVALID_CREDENTIALS,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
    RESULT_UNWILLING_TO_PERFORM,
)

from dashboard.access.ldap.answers import Away, NotOurs, Person
from dashboard.access.ldap.line import Line
from dashboard.access.ldap.names import filled, is_principal, principal
from dashboard.access.ldap.settings import Host
from dashboard.config import LdapConfig
from dashboard.identity import role_among
from tracker.clock import Clock

log = logging.getLogger(__name__)

WRONG: Final = frozenset(
    (
        RESULT_INVALID_CREDENTIALS,
        RESULT_NO_SUCH_OBJECT,
        RESULT_INVALID_DN_SYNTAX,
        RESULT_INAPPROPRIATE_AUTHENTICATION,  # an entry without a password
        RESULT_UNWILLING_TO_PERFORM,  # an account that is switched off
        RESULT_CONSTRAINT_VIOLATION,  # one that is locked (password policies)
    )
)
"""Answers to a person's bind that are about the person, not about the directory."""

SUB_CODE: Final = re.compile(r"^8009030[0-9A-Fa-f]: .*\bdata ([0-9a-f]+),")
BARRED: Final = {
    "530": "The directory does not let this account in at this hour.",
    "531": "The directory does not let this account in from here.",
    "532": "The password has ended at the directory: change it there, then come back.",
    "533": "The account is switched off at the directory.",
    "701": "The account has ended at the directory.",
    "773": "The directory wants the password changed: do so there, then come back.",
}
"""What Active Directory says of a person whose password was right, and of nobody else (Windows
system error codes, in hexadecimal). With a wrong one it says 52e, of a locked account 775."""
LOCKED: Final = "775"

GROUPS_MAX: Final = 1_000  # that somebody is in; as many as Active Directory tells at once
LATELY_MS: Final = 30_000  # for so long a server that did not answer is asked last


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the directory; attributes by their name in small letters."""

    dn: str
    values: dict[str, tuple[str, ...]]

    def of(self, attribute: str) -> tuple[str, ...]:
        return self.values.get(attribute.lower(), ())


class _Verified(ldap3.Tls):  # type: ignore[misc]
    """TLS as Python's own context makes it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        name = connection.server.host
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=name)


class LdapClient:
    """One directory, on one server or several; each sign-in has a connection of its own."""

    def __init__(
        self, config: LdapConfig, hosts: tuple[Host, ...], context: ssl.SSLContext, clock: Clock
    ) -> None:
        self._config = config
        self._hosts = hosts
        self._tls = _Verified(context)
        self._clock = clock
        self._failed_ms: dict[Host, float] = {}
        self._patience_s = config.timeout_s / len(hosts)

    def ask(self, name: str, password: str, line: Line) -> Person | None:
        """None: there is no such name and password. Raises Away, NotOurs.

        An empty password never reaches the directory, which would call the bind a success (RFC 4513
        section 5.1.2); nor does one with a NUL, where some would see the end of an empty one.
        """
        if not name.strip() or not password or "\0" in password or not _is_utf8(name + password):
            return None
        trouble = Away()
        for host in self._in_order():
            try:
                return self._ask(host, name, password, line)
            except Away as away:
                self._failed_ms[host] = self._clock.monotonic_ms()
                if line.is_cut:
                    raise
                trouble = away
        raise trouble

    def _in_order(self) -> list[Host]:
        """Those that failed lately come last."""
        now = self._clock.monotonic_ms()
        lately = {host for host, at in self._failed_ms.items() if now - at < LATELY_MS}
        return sorted(self._hosts, key=lately.__contains__)

    def _ask(self, host: Host, name: str, password: str, line: Line) -> Person | None:
        connection = self._connection(host)
        line.carry(connection)
        try:
            connection.open(read_server_info=False)
            if self._config.start_tls and not host.tls and not connection.start_tls(False):
                raise LDAPException(f"no TLS: {connection.last_error}")
            return Conversation(self._config, connection).person(name, password)
        except Away as away:
            log.warning("directory could not be asked host=%s reason=%s", host, away.__cause__)
            raise
        except NotOurs:
            raise
        except Exception as error:  # whatever it sent: no LDAP at all ends in many ways
            told = isinstance(error, (LDAPException, OSError))
            # of any other error only the kind: it might quote the question, password and all
            reason = repr(error) if told else type(error).__name__
            log.warning("directory does not answer host=%s reason=%s", host, reason)
            raise Away from error
        finally:
            _hang_up(connection)

    def _connection(self, host: Host) -> Any:
        """Not yet open. Seconds of reads are whole ones: the library hands them to the kernel."""
        server = ldap3.Server(
            host.name,
            port=host.port,
            use_ssl=host.tls,
            get_info=ldap3.NONE,
            tls=self._tls,
            connect_timeout=self._patience_s,
        )
        return ldap3.Connection(
            server,
            auto_referrals=False,
            check_names=False,
            auto_escape=False,
            receive_timeout=math.ceil(self._patience_s),
        )


class Conversation:
    """What is asked on one open connection. Raises Away, and whatever ldap3 does."""

    def __init__(self, config: LdapConfig, connection: Any) -> None:
        self._config = config
        self._connection = connection

    def person(self, name: str, password: str) -> Person | None:
        """Raises NotOurs."""
        config = self._config
        found = self._bound(name, password) if config.user_dn else self._looked_up(name, password)
        if found is None:
            return None
        names = found.of(config.name_attribute)
        if not names:
            raise NotOurs(
                f"{name} has no {config.name_attribute} in the directory. Tell an administrator."
            )
        groups = self._groups(found, names[0])
        role = role_among(groups, config)
        if role is None:
            raise NotOurs(
                f"{names[0]} is known, but has no role here. Ask an administrator for one."
            )
        return Person(names[0], role, tuple(sorted(groups)))

    def _looked_up(self, name: str, password: str) -> Entry | None:
        """By our own account, which is who asks again afterwards."""
        self._bind_ourselves()
        entry = self._entry_of(name)
        nobody = f"cn={secrets.token_hex(8)},{self._config.user_base}"
        fits = self._binds(entry.dn if entry is not None else nobody, password)
        if entry is None or not fits:
            return None
        self._bind_ourselves()
        return entry

    def _bound(self, name: str, password: str) -> Entry | None:
        """As the person, who then looks itself up."""
        if is_principal(self._config.user_dn):
            own = principal(self._config.user_dn, name)
            fits = own is not None and self._binds(own, password)
            return self._entry_of(name) if fits else None
        dn = filled(self._config.user_dn, name)
        if not self._binds(dn, password):
            return None
        found = self._search(dn, "(objectClass=*)", self._config.name_attribute, ldap3.BASE)
        return found[0] if found else None

    def _entry_of(self, name: str) -> Entry | None:
        config = self._config
        found = self._search(
            config.user_base, filled(config.user_filter, name), config.name_attribute
        )
        if len(found) > 1:
            log.warning("sign-in refused: user_filter in [ldap] fits more than one entry")
        return found[0] if len(found) == 1 else None

    def _groups(self, person: Entry, name: str) -> set[str]:
        config = self._config
        if not config.group_base:
            return set()
        wanted = filled(config.group_filter, name, person.dn)
        found = self._search(config.group_base, wanted, config.group_attribute, limit=GROUPS_MAX)
        if len(found) == GROUPS_MAX:
            log.warning("more than %d groups of one person: the others do not count", GROUPS_MAX)
        return {group for entry in found for group in entry.of(config.group_attribute)}

    def _bind_ourselves(self) -> None:
        config, connection = self._config, self._connection
        if config.bind_dn:
            secret = config.bind_password.encode()
            connection.rebind(config.bind_dn, secret, ldap3.SIMPLE, read_server_info=False)
        else:
            connection.user = connection.password = None
            connection.rebind(authentication=ldap3.ANONYMOUS, read_server_info=False)
        if connection.result["result"] != RESULT_SUCCESS:
            raise self._refused("The directory refuses Footfall's own account.")

    def _binds(self, dn: str, password: str) -> bool:
        """The password goes as it is: ldap3 would prepare text, and might leave nothing of it."""
        connection = self._connection
        secret = password.encode()
        assert dn and secret
        connection.rebind(dn, secret, ldap3.SIMPLE, read_server_info=False)
        code = connection.result["result"]
        if code != RESULT_SUCCESS and code not in WRONG:
            raise self._refused("The directory does not take passwords from Footfall.")
        if code == RESULT_INVALID_CREDENTIALS:
            self._look_why()
        return bool(code == RESULT_SUCCESS)

    def _look_why(self) -> None:
        """Raises NotOurs where the password was right, and something else bars the account."""
        told = SUB_CODE.match(self._connection.result["message"])
        why = told[1] if told else ""
        if why == LOCKED:
            log.info("directory refuses a password: the account is locked (%s)", LOCKED)
        if why in BARRED:
            raise NotOurs(BARRED[why])

    def _search(
        self, base: str, wanted: str, attribute: str, scope: str = ldap3.SUBTREE, *, limit: int = 2
    ) -> list[Entry]:
        connection = self._connection
        connection.search(
            base,
            wanted,
            search_scope=scope,
            dereference_aliases=ldap3.DEREF_NEVER,
            attributes=[attribute],
            size_limit=limit,
            time_limit=math.ceil(self._config.timeout_s),
        )
        if connection.result["result"] not in (RESULT_SUCCESS, RESULT_SIZE_LIMIT_EXCEEDED):
            raise self._refused("The directory does not answer Footfall's questions.")
        told = [one for one in connection.response if one["type"] == "searchResEntry"]
        return [_entry(one) for one in told if one["dn"]]  # as no DN everybody could bind

    def _refused(self, sentence: str) -> Away:
        """With the directory's own words as its cause, for the log."""
        result = self._connection.result
        away = Away(sentence)
        away.__cause__ = LDAPException(f"{result['description']} {result['message']}".strip())
        return away


def _is_utf8(text: str) -> bool:
    """Not with half a character in it: a directory would not take it, and ldap3 fail over it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(found: Any) -> Entry:
    values = {
        name.lower(): tuple(value.decode("utf-8", "replace") for value in octets)
        for name, octets in found["raw_attributes"].items()
    }
    return Entry(found["dn"], values)


def _hang_up(connection: Any) -> None:
    """Politely where it can be; the socket is closed in any case."""
    wire = connection.socket
    try:
        connection.unbind()
    except (LDAPException, OSError):
        pass  # who does not answer need not be told
    if wire is not None:
        wire.close()
