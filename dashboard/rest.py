"""REST with JSON, as Kafka Connect workers and schema registries speak it: bounded, with a log-in.

Every call blocks, at most about `TIMEOUT_S`; call it from a thread. What the other side refuses
raises Refused with its own words; no answer raises ClusterUnavailable, and then nobody knows
whether a change was made.
"""

import base64
import http.client
import json
import logging
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final
from urllib.parse import quote, urlsplit

from footfall.settings import SettingsError
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

TIMEOUT_S: Final = 8.0
BYTES_MAX: Final = 16_777_216
REFUSAL_LETTERS: Final = 2_000
_EXCEPTIONS: Final = re.compile(r"^(?:[\w.$]{1,200}(?:Exception|Error): )+")  # Java, before words


_TITLE: Final = re.compile(r"<title>(?:Error \d+ )?([^<]{1,200})</title>")


class Endless(TimeoutError):
    """It answers, but not to the end."""


_AWAY: Final = (
    (Endless, "its answer does not end"),
    (TimeoutError, "no answer in time"),
    (ConnectionRefusedError, "no program listens at its address"),
    (ConnectionError, "it ended the connection"),
    (http.client.IncompleteRead, "it ended the connection"),
    (socket.gaierror, "no address is known for its name"),
    (ssl.SSLError, "it does not speak TLS as we do"),
    (OSError, "no way leads to its address"),
)
"""What the network says, the first that fits, and half a sentence for it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestAccess:
    """Where the other side is, and who asks."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Owner:
    """The settings that an address comes from, for messages: connect_urls, connect_username."""

    address: str
    username: str


class NotThere(Refused):
    """404: there is no such thing."""


class Rest:
    """One address."""

    def __init__(
        self,
        access: RestAccess,
        owner: Owner,
        *,
        timeout_s: float = TIMEOUT_S,
        told: Callable[[str], str] = str,
    ) -> None:
        """`told`: what may be shown of a refusal. Raises SettingsError for what is no address."""
        parts = urlsplit(access.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{owner.address} has {access.url!r}, which is no http address")
        if parts.username or parts.password:
            raise SettingsError(f"a log-in stands in {owner.username}, not in the address")
        self._access = access
        self._timeout_s = timeout_s
        self._told = told
        self._logged = ""  # what the log has been told last
        self.url = access.url.rstrip("/")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, or None where it has no body."""
        request = self._request(method, path, body)
        try:
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                    raw = self._body(answer, BYTES_MAX + 1)
            except urllib.error.HTTPError as refusal:
                raise self._refusal(refusal) from refusal
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._log(error)
            raise ClusterUnavailable(why_away(error)) from error
        self._logged = ""
        if len(raw) > BYTES_MAX:
            raise ClusterUnavailable(f"it answered more than {BYTES_MAX} bytes")
        try:
            return json.loads(raw) if raw.strip() else None
        except (ValueError, RecursionError) as error:
            raise ClusterUnavailable("it answered something else than JSON") from error

    def _log(self, error: Exception) -> None:
        """In the words of the network, once until it answers again."""
        if (said := repr(error)) != self._logged:
            log.warning("no answer url=%s reason=%s", self.url, said)
            self._logged = said

    def _request(self, method: str, path: str, body: Any) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Accept", "application/json")
        request.add_header("Content-Type", "application/json")
        if self._access.username:
            pair = f"{self._access.username}:{self._access.password}".encode()
            told = f"Basic {base64.b64encode(pair).decode()}"
            request.add_unredirected_header("Authorization", told)  # for this address only
        return request

    def _body(self, answer: Any, bytes_max: int) -> bytes:
        """What comes within the time-out, however slowly it trickles; raises Endless for more."""
        until, body = time.monotonic() + self._timeout_s, bytearray()
        while len(body) < bytes_max and (piece := answer.read1(65_536)):
            body += piece
            if time.monotonic() > until:
                raise Endless
        return bytes(body)

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        with error:
            raw = self._body(error, 65_536)
        try:
            said = str(json.loads(raw)["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            title = _TITLE.search(raw.decode("latin-1"))  # of a page for people, as Jetty has them
            why = unescape(title[1]) if title else error.reason
            said = f"it answered {error.code} ({why})" if why else f"it answered {error.code}"
        said = _EXCEPTIONS.sub("", " ".join(said.split()))
        said = self._told(said[:REFUSAL_LETTERS])
        if error.code == 404:
            return NotThere(said)
        if error.code >= 500 and not raw.strip():
            return ClusterUnavailable(said)
        return Refused(said)


def why_away(error: Exception) -> str:
    """Half a sentence for people about what the network said; the log has its own words."""
    cause = getattr(error, "reason", error)  # urllib wraps what happened
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    return next((words for kind, words in _AWAY if isinstance(cause, kind)), "it speaks no HTTP")


def part(name: str) -> str:
    """`name` as one part of a path: things may be called anything, `..` and `a/b` as well."""
    return quote(name, safe="").replace(".", "%2E")
