"""Java's own key stores (JKS, before PKCS #12 became its default): certificates, and a locked key.

The form is what Java's `KeyStore` of type JKS reads and writes: a header, entries, and at the end a
SHA-1 over the password and all before. A key is locked by a stream of SHA-1 over its password.
There is no well-kept library for it; keytool -importkeystore makes PKCS #12 of such a store.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass

from broker.security.certificate import elements

MAGIC = b"\xfe\xed\xfe\xed"
_VERSIONS = (1, 2)
_KEY, _CERTIFICATE = 1, 2
_DIGEST_BYTES = 20
_WHITENER = b"Mighty Aphrodite"
"""Stands between password and content in the digest: part of the form."""
_OCTETS = 0x04


class NotOpened(ValueError):
    """The password is wrong, or the store was changed by somebody without it."""


@dataclass(frozen=True, slots=True)
class LockedKey:
    """A private key that its password opens, and its certificates, the own one first (DER)."""

    locked: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class JavaStore:
    """What a store holds, in its order."""

    keys: tuple[LockedKey, ...]
    trusted: tuple[bytes, ...]
    """Certificates of others, DER."""


def read_store(data: bytes, password: str | None) -> JavaStore:
    """All of a store; without a password nobody knows whether it was changed, as in Java.

    NotOpened: not with this password; ValueError: it is none.
    """
    if password is not None:
        _check_digest(data, password)
    reader = _Reader(data[: -_DIGEST_BYTES or None])
    if reader.take(4) != MAGIC:
        raise ValueError("no Java key store")
    version, count = reader.numbers(">II")
    if version not in _VERSIONS:
        raise ValueError(f"a Java key store of version {version}")
    keys, trusted = [], []
    for _ in range(count):
        (kind,) = reader.numbers(">I")
        reader.text()  # the alias
        reader.take(8)  # when it was made
        if kind == _KEY:
            locked = reader.sized()
            (length,) = reader.numbers(">I")
            chain = [reader.certificate(version) for _ in range(length)]
            keys.append(LockedKey(locked, tuple(chain)))
        elif kind == _CERTIFICATE:
            trusted.append(reader.certificate(version))
        else:
            raise ValueError(f"an entry of kind {kind}")
    return JavaStore(tuple(keys), tuple(trusted))


def unlock(locked: bytes, password: str) -> bytes:
    """The private key in PKCS #8 (DER); NotOpened: not with this password."""
    try:
        ((_, info),) = elements(locked)
        _, (tag, content) = elements(info)
    except IndexError as error:
        raise ValueError("a key that cannot be read") from error
    if tag != _OCTETS or len(content) < 2 * _DIGEST_BYTES:
        raise ValueError("a key that cannot be read")
    salt, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:-_DIGEST_BYTES]
    secret, stream, last = password.encode("utf-16-be"), bytearray(), salt
    while len(stream) < len(body):
        last = _sha1(secret + last)
        stream += last
    key = bytes(one ^ other for one, other in zip(body, stream, strict=False))
    if not hmac.compare_digest(_sha1(secret + key), content[-_DIGEST_BYTES:]):
        raise NotOpened("the password does not open the key")
    return key


def _check_digest(data: bytes, password: str) -> None:
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    made = _sha1(password.encode("utf-16-be") + _WHITENER + body)
    if not hmac.compare_digest(made, digest):
        raise NotOpened("the store was changed, or its password is another")


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


class _Reader:
    """Java's DataInput over bytes; ValueError at the end of them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise ValueError("the store ends too early")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> bytes:
        (size,) = self.numbers(">H")
        return self.take(size)

    def sized(self) -> bytes:
        (size,) = self.numbers(">I")
        return self.take(size)

    def certificate(self, version: int) -> bytes:
        """Since version 2 its form is told; there is X.509 alone."""
        if version > 1:
            self.text()
        return self.sized()
