"""Sign-in at an OpenID Connect provider: authorization code with PKCE (RFC 7636), nothing else.

What the provider says of itself is read from its discovery document and kept for an hour, its keys
until a token names one that is not among them. An ID token counts when its signature is by one of
those keys with an asymmetric algorithm and issuer, audience, nonce and times fit (OpenID Connect
Core 3.1.3.7), with a minute for clocks that disagree. Everything else raises `Refusal`, whose text
is for people.
"""

import base64
import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dashboard.access.sessions import Attempts
from dashboard.config import OidcConfig
from dashboard.http_body import whole_body
from dashboard.identity import Role, role_among
from tracker.clock import Clock

log = logging.getLogger(__name__)

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",  # what RFC 9864 calls it
)
TIMEOUT_S: Final = 8.0  # of one question to the provider
BYTES_MAX: Final = 1_048_576  # of one answer
DISCOVERY_MS: Final = 3_600_000
SKEW_S: Final = 60
BEGUN_MS: Final = 600_000  # how long somebody may take at the provider
USED_MAX: Final = 1_000  # sign-ins that came back, remembered so that none does so twice
RETURNS: Final = 20  # of one address in five minutes: each asks the provider
AFTER_BYTES_MAX: Final = 1_000  # of where to go then: it travels in a cookie
AWAY_MS: Final = 10_000  # a provider that did not answer is not asked again before
NAME_LETTERS_MAX: Final = 100
OUTCOMES: Final = ("done", "refused", "away")  # of sign-ins, counted since the start
LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))


class Refusal(Exception):
    """Nobody was signed in; the message says why, and is shown."""


class ProviderAway(Refusal):
    """The provider did not answer, or not as the standard says."""


class Begun(msgspec.Struct, frozen=True):
    """One sign-in under way. It is kept by the browser that began it, in a sealed cookie: so many
    may begin as like, and nobody's beginning costs another his."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    after: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in at the provider."""

    name: str
    role: Role
    id_token: str  # shown to the provider again at sign-out
    after: str  # where to go then
    groups: tuple[str, ...] = ()  # values of the claim that roles come from


class OidcClient:
    """One provider. All that is remembered is in memory; of sign-ins under way nothing is."""

    def __init__(self, config: OidcConfig, clock: Clock) -> None:
        self.config = config
        self._clock = clock
        self._seal = Fernet(Fernet.generate_key())
        self._used: dict[str, None] = {}
        self._described: dict[str, Any] = {}
        self._described_ms = -float(DISCOVERY_MS)
        self._keys: KeySet | None = None
        self._away: tuple[float, ProviderAway] | None = None  # since when it is left alone
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self.returns = Attempts(clock, RETURNS, tries_all=None)

    async def begin(self, redirect_uri: str, after: str) -> tuple[str, str]:
        """Where to send the browser, and the sealed value for its cookie; raises Refusal."""
        provider = await self._provider()
        begun = Begun(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            after=after if len(after.encode()) <= AFTER_BYTES_MAX else "/",
        )
        digest = hashlib.sha256(begun.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.config.scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in provider["authorization_endpoint"] else "?"
        return provider["authorization_endpoint"] + joint + urlencode(query), self._sealed(begun)

    async def finish(self, query: Mapping[str, str], browser: str) -> Person:
        """Who came back from the provider; each sign-in can be finished once. Raises Refusal.

        `browser`: the value of the cookie.
        """
        begun = self._opened(browser)
        if begun is None:
            raise Refusal("This sign-in took too long, or was begun in another browser. Try again.")
        if not secrets.compare_digest(begun.state.encode(), query.get("state", "").encode()):
            raise Refusal("Another sign-in was begun in this browser meanwhile. Try again.")
        if begun.state in self._used:
            raise Refusal("This sign-in was used already. Try again.")
        if len(self._used) >= USED_MAX:
            del self._used[next(iter(self._used))]  # codes are good once at the provider anyhow
        self._used[begun.state] = None
        if query.get("iss", self.config.issuer) != self.config.issuer:  # RFC 9207
            raise Refusal("Another provider than ours answered.")
        if error := query.get("error"):
            said = query.get("error_description", "")
            raise Refusal(f"The sign-in service refused: {error[:100]} {said[:200]}".rstrip() + ".")
        answer = await self._redeem(query.get("code", ""), begun)
        claims = await self._claims(str(answer.get("id_token", "")), begun.nonce)
        wanted = (self.config.roles_claim, self.config.name_claim)
        if any(claim_at(claims, one) is None for one in wanted):
            claims = await self._with_userinfo(claims, str(answer.get("access_token", "")))
        name = str(claim_at(claims, self.config.name_claim) or claims["sub"])[:NAME_LETTERS_MAX]
        roles = claim_at(claims, self.config.roles_claim)
        role = role_of(roles, self.config)
        if role is None:
            raise Refusal(f"{name} is known, but has no role here. Ask an administrator for one.")
        groups = tuple(sorted(values_of(roles)))
        return Person(name, role, str(answer["id_token"]), begun.after, groups)

    def _sealed(self, begun: Begun) -> str:
        now_s = int(self._clock.monotonic_ms() // 1000)
        return self._seal.encrypt_at_time(msgspec.json.encode(begun), now_s).decode()

    def _opened(self, sealed: str) -> Begun | None:
        """None for what we did not seal, or too long ago, or before our restart."""
        now_s = int(self._clock.monotonic_ms() // 1000)
        try:
            plain = self._seal.decrypt_at_time(sealed.encode(), BEGUN_MS // 1000, now_s)
        except (InvalidToken, UnicodeEncodeError):
            return None
        return msgspec.json.decode(plain, type=Begun)

    async def sign_out_url(self, id_token: str, back: str) -> str | None:
        """Where a browser goes to sign out at the provider; None: the provider offers none."""
        try:
            end = (await self._provider()).get("end_session_endpoint")
        except Refusal:
            return None
        if not isinstance(end, str) or not is_safe(end):
            return None
        query = {
            "id_token_hint": id_token,
            "client_id": self.config.client_id,
            "post_logout_redirect_uri": back,
        }
        return end + ("&" if "?" in end else "?") + urlencode(query)

    async def _provider(self) -> dict[str, Any]:
        now = self._clock.monotonic_ms()
        if self._described and now - self._described_ms < DISCOVERY_MS:
            return self._described
        if self._away is not None and now - self._away[0] < AWAY_MS:
            raise ProviderAway(*self._away[1].args)
        try:
            found = await self._discovered()
        except ProviderAway as away:
            self._away = now, away
            raise
        self._described, self._described_ms, self._keys, self._away = found, now, None, None
        return found

    async def _discovered(self) -> dict[str, Any]:
        issuer = self.config.issuer.rstrip("/")
        found = await self._ask("GET", f"{issuer}/.well-known/openid-configuration")
        if found.get("issuer") != self.config.issuer:
            raise ProviderAway(f"The sign-in service calls itself {found.get('issuer')!r}.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str) or not is_safe(found[name]):
                raise ProviderAway(f"The sign-in service names no safe {name}.")
        return found

    async def _redeem(self, code: str, begun: Begun) -> dict[str, Any]:
        """The tokens for a code."""
        provider = await self._provider()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
        }
        headers: dict[str, str] = {}
        methods = provider.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self.config.client_secret and "client_secret_basic" in methods:
            # each part is form-encoded before it goes into the header (RFC 6749, 2.3.1)
            name, secret = self.config.client_id, self.config.client_secret
            basic = aiohttp.encode_basic_auth(quote(name, safe=""), quote(secret, safe=""))
            headers["Authorization"] = basic
        else:
            form["client_id"] = self.config.client_id
            if self.config.client_secret:
                form["client_secret"] = self.config.client_secret
        return await self._ask("POST", provider["token_endpoint"], data=form, headers=headers)

    async def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """What a token of the provider says, once everything about it was checked."""
        for fetch in (self._keys is None, True):
            if fetch:
                self._keys = await self._read_keys()
            assert self._keys is not None
            try:
                token = jwt.decode(id_token, self._keys, algorithms=list(ALGORITHMS))
                break
            except (JoseError, ValueError) as error:
                refusal = error
        else:
            raise Refusal(f"The sign-in service's token is not signed as it must be: {refusal}.")
        claims: dict[str, Any] = dict(token.claims)
        rules = jwt.JWTClaimsRegistry(
            now=lambda: self._clock.now_ms() // 1000,
            leeway=SKEW_S,
            iss={"essential": True, "value": self.config.issuer},
            aud={"essential": True, "value": self.config.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            rules.validate(claims)
        except JoseError as error:
            raise Refusal(f"The sign-in service's token does not fit: {error}.") from error
        if claims.get("azp", self.config.client_id) != self.config.client_id:
            raise Refusal("The sign-in service's token is for another application.")
        return claims

    async def _read_keys(self) -> KeySet:
        body = await self._ask("GET", (await self._provider())["jwks_uri"])
        try:
            return KeySet.import_key_set(body)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway(f"The sign-in service's keys cannot be used: {error}.") from error

    async def _with_userinfo(self, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """The claims and what the provider tells beside the token; the token goes first."""
        where = (await self._provider()).get("userinfo_endpoint")
        if not isinstance(where, str) or not is_safe(where) or not access_token:
            return claims
        found = await self._ask("GET", where, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != claims["sub"]:
            raise Refusal("The sign-in service told of somebody else.")
        return {**found, **claims}

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """A JSON object from the provider; raises ProviderAway."""
        host = urlsplit(url).netloc
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.request(method, url, allow_redirects=False, **options) as answer,
            ):
                raw = await whole_body(answer, BYTES_MAX)
                body = json.loads(raw) if answer.status in (200, 400, 401) else None
        except (TimeoutError, aiohttp.ClientError, ValueError, OSError) as error:
            log.warning("sign-in service does not answer url=%s reason=%r", url, error)
            raise ProviderAway(f"The sign-in service at {host} does not answer.") from error
        if not isinstance(body, dict) or answer.status != 200:
            said = str(body.get("error", ""))[:100] if isinstance(body, dict) else ""
            log.warning("sign-in service refused url=%s status=%d %s", url, answer.status, said)
            raise ProviderAway(f"The sign-in service at {host} answered {answer.status} {said}.")
        return body


def role_of(claim: object, config: OidcConfig) -> Role | None:
    """The highest role that one of the claim's values stands for; None: none at all."""
    return role_among(values_of(claim), config)


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, or the one within others: Keycloak's `realm_access.roles`. Names of
    claims may have dots of their own (`https://example.com/roles`); those go first."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def values_of(claim: object) -> set[str]:
    """A list, or one word."""
    return {str(value) for value in claim} if isinstance(claim, list) else {str(claim)}


def is_safe(url: str) -> bool:
    """TLS, or a provider on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
