"""No bytes whatever bring the decoder down: it answers a message or ProtocolError, in bounds."""

import random
import zlib

import pytest

from broker.protocol.codec import decode, encode_bytes
from broker.protocol.primitives import ProtocolError
from tests.support.random_messages import (
    Declared,
    declared_messages,
    declared_name,
    random_message,
)

MUTATIONS = 40  # per (message, version)
TRUNCATIONS = 20

ALL = declared_messages()


def seeded(declared: Declared, purpose: str) -> random.Random:
    return random.Random(zlib.crc32(f"{declared_name(declared)} {purpose}".encode()))


def damaged(data: bytes, dice: random.Random) -> bytes:
    """`data` with a byte, a length or a piece changed."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        position = dice.randrange(len(out) + 1)
        match dice.randrange(4):
            case 0:
                out[position : position + 1] = dice.randbytes(1)
            case 1:
                out[position : position + 4] = dice.choice(
                    (
                        b"\x7f\xff\xff\xff",
                        b"\xff\xff\xff\xff",
                        b"\x80\x00\x00\x00",
                        b"\x00\x00\x00\x00",
                    )
                )
            case 2:
                out[position:position] = dice.randbytes(dice.randint(1, 8))
            case _:
                del out[position : position + dice.randint(1, 8)]
    return bytes(out)


def assert_settled(declared: Declared, data: bytes) -> None:
    """Refused, or a message like any other: encoded and decoded, it is the same.

    Compared as bytes, since a float may be no number, which is not even itself.
    """
    message_type, version = declared
    try:
        message = decode(message_type, version, data)
    except ProtocolError:
        return
    encoded = encode_bytes(message, version)
    assert encode_bytes(decode(message_type, version, encoded), version) == encoded


@pytest.mark.parametrize("declared", ALL, ids=declared_name)
def test_damaged_message_is_decoded_or_refused(declared: Declared) -> None:
    message_type, version = declared
    dice = seeded(declared, "damage")
    whole = encode_bytes(random_message(message_type, version, dice), version)

    for _ in range(MUTATIONS):
        assert_settled(declared, damaged(whole, dice))


@pytest.mark.parametrize("declared", ALL, ids=declared_name)
def test_noise_is_decoded_or_refused(declared: Declared) -> None:
    dice = seeded(declared, "noise")

    for _ in range(MUTATIONS):
        assert_settled(declared, dice.randbytes(dice.randint(0, 200)))


@pytest.mark.parametrize("declared", ALL, ids=declared_name)
def test_truncated_message_is_refused(declared: Declared) -> None:
    message_type, version = declared
    dice = seeded(declared, "truncation")
    whole = encode_bytes(random_message(message_type, version, dice), version)

    for _ in range(TRUNCATIONS if whole else 0):
        with pytest.raises(ProtocolError):
            decode(message_type, version, whole[: dice.randrange(len(whole))])
