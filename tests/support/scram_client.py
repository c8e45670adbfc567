"""The client's half of SCRAM (RFC 5802), for tests of the server's."""

import base64
import hashlib
import hmac
from collections.abc import Callable

from broker.security.credentials import ScramMechanism, salted


def final_of(
    mechanism: ScramMechanism, client_first: bytes, server_first: bytes, password: bytes
) -> bytes:
    """What a client sends that knows the password, by RFC 5802 section 3."""
    name = mechanism.hash_name
    header, bare = (
        client_first[: client_first.index(b"n=")],
        client_first[client_first.index(b"n=") :],
    )
    parts = dict(part.split(b"=", 1) for part in server_first.split(b","))
    secret = salted(mechanism, password, base64.b64decode(parts[b"s"]), int(parts[b"i"]))
    client_key = hmac.digest(secret, b"Client Key", name)
    without_proof = b"c=" + base64.b64encode(header) + b",r=" + parts[b"r"]
    signature = hmac.digest(
        hashlib.new(name, client_key).digest(),
        b",".join((bare, server_first, without_proof)),
        name,
    )
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return without_proof + b",p=" + base64.b64encode(proof)


def log_in(
    respond: Callable[[bytes], bytes],
    mechanism: ScramMechanism,
    name: str,
    password: bytes,
    extensions: str = "",
) -> bytes:
    """Both tokens of a client; `respond` answers each. The server's last answer."""
    first = f"n,,n={name},r=a-client-nonce{extensions}".encode()
    return respond(final_of(mechanism, first, respond(first), password))
