"""HTTP requests that nobody should send to the endpoint: damaged, noise, wrong lengths, bombs."""

import gzip
import json
import random
from typing import Any, Final

from tests.fuzz.frames import damaged
from tests.support.visitors import event_body

PATHS: Final = (
    "/api/event",
    "/api/events",
    "/api/send",
    "/px.gif",
    "/js/s.js",
    "/readyz",
    "/%00",
    "/",
)
METHODS: Final = ("POST", "POST", "POST", "GET", "HEAD", "OPTIONS", "PUT", "PRI", "BREW")
TYPES: Final = (
    "text/plain",
    "application/json",
    "application/x-ndjson",
    "image/png",
    "a/b; charset=x",
)
ENCODINGS: Final = ("", "gzip", "deflate", "br", "zstd", "gzip, gzip", "identity")
LENGTHS: Final = (-1, 0, 1, 10**6, 10**12, 2**64)
SITES: Final = ("fuzz.example", "", "x" * 5_000, "\ud800", "a\0b", "localhost")
NESTED: Final = b'{"v":1,"events":' + b"[" * 50_000
BOMB: Final = gzip.compress(bytes(5_000_000))


def body(dice: random.Random) -> bytes:
    """JSON of the beacon's kind, mostly; some of it no JSON, some a bomb."""
    match dice.randrange(8):
        case 0:
            return NESTED
        case 1:
            return BOMB
        case 2:
            return dice.randbytes(dice.randrange(300))
        case 3:
            many = [json.loads(event_body("fuzz.example", str(n)))["events"][0] for n in range(60)]
            return json.dumps({"v": 1, "events": many}).encode()
        case 4:
            odd: dict[str, Any] = {
                "name": dice.choice((None, 7, [], "p" * 9_999)),
                "site": dice.choice(SITES),
            }
            return json.dumps({**odd, "url": "https://\u202e/", "ts": -(10**30)}).encode()
        case _:
            return event_body(dice.choice(SITES), str(dice.getrandbits(64))).encode()


def request(dice: random.Random) -> bytes:
    """One request, whole and well-formed on the wire; what it says may be wrong."""
    content = body(dice)
    packed = dice.random() < 0.2
    head = [
        f"{dice.choice(METHODS)} {dice.choice(PATHS)} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {dice.choice(TYPES)}",
    ]
    if packed:
        head.append(f"Content-Encoding: {dice.choice(ENCODINGS)}")
        content = gzip.compress(content) if dice.random() < 0.7 else content
    if dice.random() < 0.2:
        head.append("Transfer-Encoding: chunked")
        content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    else:
        length = dice.choice(LENGTHS) if dice.random() < 0.05 else len(content)
        head.append(f"Content-Length: {length}")
    if dice.random() < 0.05:
        head.append("X-Long: " + "y" * dice.choice((100, 9_000, 70_000)))
    if dice.random() < 0.1:
        head.append("X-Forwarded-For: " + dice.choice(("::1", "1.2.3.4, " * 500, "\u00e9")))
    return "\r\n".join(head).encode("utf-8") + b"\r\n\r\n" + content


def burst(dice: random.Random) -> bytes:
    """What one connection sends: some requests behind each other, the last one perhaps damaged."""
    made = [request(dice) for _ in range(dice.choice((1, 1, 2, 5, 20)))]
    if dice.random() < 0.4:
        made[-1] = damaged(made[-1], dice)
    if dice.random() < 0.1:
        made.append(dice.randbytes(dice.randrange(200)))
    return b"".join(made)
