"""The smallest parts of Kafka's wire format that are more than a `struct` code.

Unsigned varints (lengths, counts and tags of flexible versions), zigzag varints (in records), UUID
text, and Java's String.hashCode, which decides the partition of a group's coordinator.
"""

import base64
from collections.abc import Collection
from functools import lru_cache

ZERO_UUID = bytes(16)  # means "no id"

Buffer = bytes | bytearray | memoryview

_UVARINT32_BYTES_MAX = 5


class ProtocolError(Exception):
    """Bytes that are not what the protocol says; the only answer is to close the connection."""


def uvarint_rest(buffer: Buffer, position: int, first: int) -> tuple[int, int]:
    """Value and end of an unsigned varint whose first byte, `first` > 127, was read already."""
    value = first & 0x7F
    shift = 7
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift >= 7 * _UVARINT32_BYTES_MAX:
            raise ProtocolError(f"varint before position {position} is longer than 5 bytes")


def read_uvarint(buffer: Buffer, position: int) -> tuple[int, int]:
    """Value of the unsigned varint at `position`, and the position after it."""
    first = buffer[position]
    if first < 0x80:
        return first, position + 1
    return uvarint_rest(buffer, position + 1, first)


def write_uvarint(out: bytearray, value: int) -> None:
    """Append a non-negative `value` in groups of 7 bits, least first."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def skip_tagged_fields(buffer: Buffer, position: int, end: int) -> int:
    """Position after the tagged fields that start at `position`; what they say is not known."""
    count, position = read_uvarint(buffer, position)
    for _ in range(count):
        _, position = read_uvarint(buffer, position)
        size, position = read_uvarint(buffer, position)
        position += size
        if position > end:
            raise ProtocolError(f"tagged field of {size} bytes ends at {position}, after {end}")
    return position


def uuid_text(uuid: bytes) -> str:
    """The 22 letters by which Kafka's tools write an id: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode()


def uuid_bytes(text: str) -> bytes:
    """The 16 bytes that `text` of 22 letters stands for; ValueError if it stands for none."""
    try:
        # Letters of plain base64 become others that are no base64 at all.
        url_safe = text.replace("+", "?").replace("/", "?")
        uuid = base64.b64decode(url_safe + "==", altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an id of 22 base64 letters: {error}") from error
    if len(uuid) != 16:
        raise ValueError(f"{text!r} stands for {len(uuid)} bytes, an id has 16")
    return uuid


def java_string_hash(text: str) -> int:
    """Java's String.hashCode: over UTF-16 code units, wrapped to a signed 32-bit integer."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def partitions_of_name(text: str, count: int) -> tuple[int, int]:
    """Which partition of an internal topic of `count` has what goes by this name: now, and before.

    Kafka takes the absolute value of the hash (`Utils.abs`: 0 for the one that has none). This
    broker once took the hash less its sign bit, which is another for half of all names: what an
    old data directory holds there is still looked for.

    Asked for every request of a group or a transaction, and a tenth of the time of a small one: the
    names that come again are remembered, unless they are longer than anybody's who means well.
    """
    if len(text) > _REMEMBERED_LENGTH_MAX:
        return _hashed_partitions(text, count)
    return _remembered_partitions(text, count)


def _hashed_partitions(text: str, count: int) -> tuple[int, int]:
    value = java_string_hash(text)
    distance = 0 if value == -(1 << 31) else abs(value)
    return distance % count, (value & 0x7FFFFFFF) % count


_REMEMBERED_LENGTH_MAX = 255  # characters; 4096 of them are a few megabytes
_remembered_partitions = lru_cache(maxsize=4096)(_hashed_partitions)


def java_map_order(texts: Collection[str]) -> list[str]:
    """In the order in which a java.util.HashMap goes through them; of one bucket by their names."""
    buckets = 16
    while len(texts) > buckets * 3 // 4:  # it grows when it is fuller than that
        buckets *= 2
    return sorted(texts, key=lambda text: (java_hash_bucket(text, buckets), text))


def java_hash_bucket(text: str, buckets: int = 16) -> int:
    """Where a java.util.HashMap of this size (a power of two; 16 at first) keeps the text."""
    value = java_string_hash(text) & 0xFFFFFFFF
    return (value ^ value >> 16) & (buckets - 1)
