"""Numbers and texts of Kafka's formats, read from bytes that may be anything."""

import struct
from base64 import urlsafe_b64encode
from typing import Final

ARRAY_MAX: Final = 10_000
UUID_BYTES: Final = 16


class NotKnown(Exception):
    """These bytes are not what they should be."""


class KafkaBytes:
    """Read from the front; refuses what is not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str) -> int:
        size = struct.calcsize(form)
        if self._at + size > len(self._data):
            raise NotKnown
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += size
        return int(value)

    def int8(self) -> int:
        return self.number(">b")

    def int16(self) -> int:
        return self.number(">h")

    def int32(self) -> int:
        return self.number(">i")

    def int64(self) -> int:
        return self.number(">q")

    def text(self) -> str | None:
        return self._letters(self.int16())

    def compact_text(self) -> str | None:
        return self._letters(self.uvarint() - 1)

    def uvarint(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.number(">B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise NotKnown

    def uuid(self) -> str:
        """In Kafka's letters."""
        return urlsafe_b64encode(self.take(UUID_BYTES)).rstrip(b"=").decode()

    def count(self, length: int) -> range:
        if not 0 <= length <= ARRAY_MAX:
            raise NotKnown
        return range(length)

    def _letters(self, length: int) -> str | None:
        if length == -1:
            return None
        return self.take(length).decode("utf-8", "replace")

    def take(self, length: int) -> bytes:
        if length < 0 or self._at + length > len(self._data):
            raise NotKnown
        self._at += length
        return self._data[self._at - length : self._at]
