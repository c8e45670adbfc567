"""SASL SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): both sides prove that they know the
password, and neither sends it. Channel binding is not offered.

    client  n,[a=user],n=user,r=client nonce[,tokenauth=true]
    server  r=client nonce + server nonce,s=salt,i=iterations
    client  c=base64 of `n,[a=user],`,r=both nonces,p=proof
    server  v=signature

For a user that does not exist the exchange goes on with a salt that is always the same for that
name, and fails at the end as with a wrong password: who exists is not told.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from broker.security.credentials import ITERATIONS_MIN, ScramCredential, ScramMechanism
from broker.security.sasl import Identity, SaslRefused, Step

NAMES: Mapping[str, ScramMechanism] = {
    "SCRAM-SHA-256": ScramMechanism.SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SHA_512,
}
_NONCE_BYTES = 24
_PRINTABLE = r"[\x21-\x2b\x2d-\x7e]+"  # RFC 5802: printable, without the comma
_EXTENSIONS = r"(?P<extensions>(?:,[A-Za-z]+=[^,\0]*)*)"
_CLIENT_FIRST = re.compile(
    rf"(?P<header>[ny],(?:a=(?P<authorization>[^,\0]+))?,)"
    rf"(?P<bare>n=(?P<user>[^,\0]+),r=(?P<nonce>{_PRINTABLE}){_EXTENSIONS})"
)
_CLIENT_FINAL = re.compile(
    rf"(?P<without_proof>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>{_PRINTABLE}){_EXTENSIONS})"
    r",p=(?P<proof>[A-Za-z0-9+/=]+)"
)
_ESCAPE = re.compile(r"=(2C|3D)|=")


@dataclass(frozen=True, slots=True)
class Known:
    """A user that may log in, and what with."""

    user: str
    credential: ScramCredential
    by_token: bool = False
    expires_at_ms: int | None = None
    """When the token ends, and the session with it (KIP-368); None: a password has no end."""


Lookup = Callable[[str, ScramMechanism, bool], Known | None]
"""(name, mechanism, whether the name is the id of a delegation token) -> who that is."""


def make_nonce() -> str:
    """A nonce that nobody can guess."""
    return secrets.token_urlsafe(_NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class ScramServer:
    """What all exchanges of a mechanism share."""

    mechanism: ScramMechanism
    lookup: Lookup
    nonce: Callable[[], str] = make_nonce
    decoy_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def find(self, name: str, by_token: bool) -> tuple[Known | None, ScramCredential]:
        """Who logs in, and what the proof is checked with; None: a credential nobody can prove."""
        known = self.lookup(name, self.mechanism, by_token)
        if known is not None:
            return known, known.credential
        size = hashlib.new(self.mechanism.hash_name).digest_size
        salt = hmac.digest(self.decoy_key, name.encode(), "sha256")
        return None, ScramCredential(
            salt, secrets.token_bytes(size), secrets.token_bytes(size), ITERATIONS_MIN
        )


class ScramExchange:
    """One log-in: two tokens."""

    def __init__(self, server: ScramServer) -> None:
        self._server = server
        self._first: re.Match[str] | None = None
        self._known: Known | None = None
        self._credential: ScramCredential | None = None
        self._nonce = ""
        self._server_first = ""

    def respond(self, token: bytes) -> Step:
        try:
            text = token.decode()
        except UnicodeDecodeError as error:
            raise SaslRefused("Invalid SASL/SCRAM message: it is not UTF-8") from error
        return self._answer_first(text) if self._first is None else self._answer_final(text)

    def _answer_first(self, text: str) -> Step:
        first = _CLIENT_FIRST.fullmatch(text)
        if first is None:
            raise SaslRefused("Invalid SCRAM client first message")
        name = unescaped(first["user"])
        if first["authorization"] and unescaped(first["authorization"]) != name:
            raise SaslRefused(
                "Authentication failed: Client requested an authorization id that is different"
                " from username"
            )
        by_token = ",tokenauth=true" in f"{first['extensions']},".lower()
        self._known, self._credential = self._server.find(name, by_token)
        self._first = first
        self._nonce = first["nonce"] + self._server.nonce()
        salt = base64.b64encode(self._credential.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={self._credential.iterations}"
        return Step(self._server_first.encode())

    def _answer_final(self, text: str) -> Step:
        final = _CLIENT_FINAL.fullmatch(text)
        assert self._first is not None and self._credential is not None
        if final is None:
            raise SaslRefused("Invalid SCRAM client final message")
        binding = base64.b64encode(self._first["header"].encode()).decode()
        if final["binding"] != binding:
            raise SaslRefused("Invalid channel binding in SCRAM client final message")
        if not hmac.compare_digest(final["nonce"].encode(), self._nonce.encode()):
            raise SaslRefused("Invalid client nonce in the final client message.")
        signed = f"{self._first['bare']},{self._server_first},{final['without_proof']}".encode()
        if not self._is_proven(final["proof"], signed) or self._known is None:
            number = "256" if self._server.mechanism is ScramMechanism.SHA_256 else "512"
            raise SaslRefused(
                "Authentication failed during authentication due to invalid credentials with SASL"
                f" mechanism SCRAM-SHA-{number}"
            )
        name = self._server.mechanism.hash_name
        signature = hmac.digest(self._credential.server_key, signed, name)
        answer = b"v=" + base64.b64encode(signature)
        known = self._known
        return Step(answer, Identity(known.user, known.expires_at_ms, by_token=known.by_token))

    def _is_proven(self, proof_text: str, signed: bytes) -> bool:
        """Whether the client knows the ClientKey, of which StoredKey is the hash."""
        assert self._credential is not None
        name = self._server.mechanism.hash_name
        try:
            proof = base64.b64decode(proof_text, validate=True)
        except binascii.Error:
            return False
        signature = hmac.digest(self._credential.stored_key, signed, name)
        if len(proof) != len(signature):
            return False
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        stored_key = hashlib.new(name, client_key).digest()
        return hmac.compare_digest(stored_key, self._credential.stored_key)


def unescaped(name: str) -> str:
    """A SASL name as it is meant: `=2C` a comma, `=3D` an equals sign; SaslRefused for another."""

    def meant(match: re.Match[str]) -> str:
        if match[1] is None:
            raise SaslRefused("Invalid SCRAM user name: '=' must be written =3D")
        return "," if match[1] == "2C" else "="

    return _ESCAPE.sub(meant, name)
