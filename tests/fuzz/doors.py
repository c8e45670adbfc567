"""Ways in for those who should not come in: plainly, through TLS, and half way through a log-in."""

import asyncio
import base64
import random
import ssl
import struct
from pathlib import Path
from typing import Any, Final

from broker.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from broker.protocol.messages.sasl_handshake import SaslHandshakeRequest
from tests.fuzz.frames import damaged
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.raw_client import request_frame

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "GSSAPI", "")
NESTED: Final = base64.urlsafe_b64encode(b'{"a":' + b"[" * 20_000)
TOKENS: Final = (
    b"\0ann\0pencil",
    b"\0ann\0pen",
    b"n,,n=ann,r=0123456789abcdef",
    b"c=biws,r=0123456789abcdef,p=AAAA",
    b"n,,\x01auth=Bearer " + NESTED + b"." + NESTED + b".x\x01\x01",
    b"n,,\x01auth=Bearer e30.e30.e30\x01\x01",
    b"",
)
PLAIN_SHARE: Final = 0.8
"""Of the connections; a TLS handshake costs some hundred frames."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Doors:
    """Listeners of a broker process, and what its settings must be for them."""

    def __init__(self, directory: Path, port: int) -> None:
        """`port`: of the plain listener."""
        authority = Authority(directory)
        users, secret = directory / "users", directory / "secret"
        for path, text in ((users, "ann:pencil\n"), (secret, "s" * 40)):
            path.touch(mode=0o600)
            path.write_text(text)
        ports = [free_port() for _ in range(3)]
        protocols = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")
        others = [f"{name}://127.0.0.1:{at}" for name, at in zip(protocols, ports, strict=True)]
        self.settings: dict[str, Any] = {
            "listeners": ",".join([f"PLAINTEXT://127.0.0.1:{port}", *others]),
            "ssl_keystore_location": authority.broker().in_one(),
            "sasl_enabled_mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
            "sasl_plain_users_file": users,
            "sasl_oauthbearer_secret_file": secret,
        }
        self._plain = port
        self._tls, self._sasl, self._sasl_tls = ports
        self._context = authority.context()

    async def open(self, dice: random.Random) -> tuple[Streams, bytes, bool]:
        """A connection, what to send before any frame, and whether it is the plain listener's."""
        if dice.random() < PLAIN_SHARE:
            return await asyncio.open_connection("127.0.0.1", self._plain), b"", True
        match dice.randrange(4):
            case 0:
                return await self._to(self._tls, self._context), b"", False
            case 1:  # no TLS behind it, or only its beginning
                hello = damaged(_client_hello(self._context), dice)
                return await self._to(self._tls), dice.choice((b"", hello)), False
            case 2:
                return await self._to(self._sasl), log_in(dice), False
            case _:
                return await self._to(self._sasl_tls, self._context), log_in(dice), False

    @staticmethod
    async def _to(port: int, context: ssl.SSLContext | None = None) -> Streams:
        return await asyncio.open_connection("127.0.0.1", port, ssl=context)


def _client_hello(context: ssl.SSLContext) -> bytes:
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="127.0.0.1")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def log_in(dice: random.Random) -> bytes:
    """A log-in that is right, wrong, damaged, or left half way."""
    version = dice.randrange(2)
    handshake = SaslHandshakeRequest(dice.choice(MECHANISMS))
    made = request_frame(handshake, version, 1, "fuzz")
    for number in range(dice.randrange(4)):
        token = dice.choice(TOKENS)
        token = damaged(token, dice) if dice.random() < 0.4 else token
        if version == 0:
            made += struct.pack(">i", len(token)) + token
        else:
            answer = SaslAuthenticateRequest(token)
            made += request_frame(answer, dice.randrange(3), 2 + number, "fuzz")
    return damaged(made, dice) if dice.random() < 0.2 else made
