"""Frames that nobody should send: requests with plausible content, damaged; noise; wrong sizes.

What a frame asks for is likely to exist (topics, groups, ids that were just handed out), so that
damage is met deep inside the handlers and not only by the decoder.
"""

import random
import struct
from dataclasses import fields, is_dataclass
from typing import Any, Final

from broker.handlers import HANDLERS
from broker.protocol.codec import encode_bytes
from broker.protocol.frame import RequestHeader
from broker.protocol.primitives import ProtocolError
from broker.protocol.schema import RECORDS, is_flexible
from broker.records.batch import build_batch
from broker.records.record import Record
from tests.support.random_messages import random_message
from tests.support.request_header import encode_request_header

TOPIC: Final = "orders"
NAMES: Final = (TOPIC, "orders", "team", "bank", "", "consumer", "range", "é", "1", "x" * 300)
NUMBERS: Final = (-2, -1, 0, 1, 2, 3, 100, 1000, 1001, 2**15 - 1)
LENGTHS: Final = tuple(
    struct.pack(">i", number) for number in (2**31 - 1, -1, -(2**31), 0, 1, 2**24, 2**16)
)
VARINTS: Final = (b"\xff\xff\xff\xff\x0f", b"\xff" * 10, b"\x80" * 5 + b"\x01", b"\x00", b"\x01")
SIZES: Final = (-(2**31), -1, 0, 1, 9, 104_857_601, 2**31 - 1)
POOL: Final = 400


def request(dice: random.Random, topic_id: bytes) -> bytes:
    """A frame, without its size, that decodes: any API in any version that is served.

    `topic_id`: of the topic that exists.
    """
    handler = dice.choice(HANDLERS)
    version = dice.randint(handler.versions.min, handler.versions.max)
    message = random_message(handler.request_type, version, dice)
    _make_plausible(message, dice, topic_id)
    header = RequestHeader(handler.api_key, version, dice.randrange(1000), "fuzz")
    flexible = is_flexible(handler.request_type, version)
    return encode_request_header(header, flexible) + encode_bytes(message, version)


def _make_plausible(message: Any, dice: random.Random, topic_id: bytes) -> None:
    """Put things that exist where random ones stand."""
    for field in fields(message):
        value = getattr(message, field.name)
        wire = field.metadata.get("wire")
        if is_dataclass(value):
            _make_plausible(value, dice, topic_id)
        elif isinstance(value, list):
            setattr(message, field.name, [_plausible(one, dice, topic_id) for one in value])
        elif wire is not None and wire.type is RECORDS and value is not None:
            setattr(message, field.name, records(dice))
        else:
            setattr(message, field.name, _plausible(value, dice, topic_id))


def _plausible(value: Any, dice: random.Random, topic_id: bytes) -> Any:
    if is_dataclass(value):
        _make_plausible(value, dice, topic_id)
    elif isinstance(value, bytes) and len(value) == len(topic_id) and dice.random() < 0.8:
        return topic_id
    elif isinstance(value, str) and dice.random() < 0.8:
        return dice.choice(NAMES)
    elif isinstance(value, int) and not isinstance(value, bool) and dice.random() < 0.8:
        number = dice.choice(NUMBERS)
        fits_a_byte = -128 <= number <= 127
        return number if fits_a_byte or not -128 <= value <= 127 else value
    return value


def records(dice: random.Random) -> bytes:
    """One or two batches, now and then damaged."""
    made = b""
    for _ in range(dice.choice((1, 1, 1, 2))):
        batch = build_batch(
            [
                Record(
                    0, dice.choice((-1, 0, 1_700_000_000_000)), dice.choice((None, b"k")), b"v" * n
                )
                for n in range(dice.randint(1, 4))
            ],
            producer_id=dice.choice((-1, -1, 0, 1, 1000)),
            producer_epoch=dice.choice((-1, 0, 1)),
            base_sequence=dice.choice((-1, 0, 1)),
            codec=dice.choice((0, 0, 1, 2, 3, 4)),
            transactional=dice.random() < 0.2,
        )
        made += damaged(batch, dice) if dice.random() < 0.3 else batch
    return made


def damaged(data: bytes, dice: random.Random) -> bytes:
    """`data` with up to three bytes, lengths or pieces changed."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        position = dice.randrange(len(out) + 1)
        match dice.randrange(6):
            case 0:
                out[position : position + 1] = dice.randbytes(1)
            case 1:
                out[position : position + 4] = dice.choice(LENGTHS)
            case 2:
                out[position:position] = dice.choice(VARINTS)
            case 3:
                out[position:position] = dice.randbytes(dice.randint(1, 8))
            case 4:
                del out[position : position + dice.randint(1, 8)]
            case _:
                piece = out[position : position + dice.randint(1, 40)]
                out[position:position] = piece
    return bytes(out)


class Frames:
    """An endless supply; keeps a pool of good requests, since those take long to make."""

    def __init__(self, dice: random.Random, topic_id: bytes) -> None:
        self.dice = dice
        self._topic_id = topic_id
        self._pool: list[bytes] = []

    def burst(self) -> list[bytes]:
        """Frames for one connection: good requests, and at the end what may close it."""
        dice = self.dice
        good = [self._good() for _ in range(dice.choice((0, 1, 2, 3, 10)))]
        return [struct.pack(">i", len(body)) + body for body in good] + [self._bad()]

    def _bad(self) -> bytes:
        """The bytes of one frame, its size in front; both may be wrong."""
        dice = self.dice
        if dice.random() < 0.10:
            body = dice.randbytes(dice.choice((0, 1, 7, 8, 20, 200, 5000)))
        else:
            body = damaged(self._good(), dice)
        size = dice.choice(SIZES) if dice.random() < 0.03 else len(body)
        return struct.pack(">i", size) + body

    def _good(self) -> bytes:
        dice = self.dice
        if len(self._pool) < POOL or dice.random() < 0.05:
            try:
                made = request(dice, self._topic_id)
            except (ProtocolError, struct.error, ValueError, OverflowError):
                return b""  # a number that does not fit where it was put
            self._pool.append(made)
            if len(self._pool) > POOL:
                del self._pool[dice.randrange(POOL)]
        return dice.choice(self._pool)
