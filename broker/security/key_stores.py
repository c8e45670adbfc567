"""Key stores as Apache Kafka takes them: PEM texts, PKCS #12 and JKS, from bytes to certificates.

Of PKCS #12 and JKS Java opens either under both names, so the content says which one it is. No
message has a password, a key or what stands in a store.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from broker.security.jks import MAGIC, NotOpened, read_store, unlock

_BLOCK = re.compile(
    r"-----BEGIN (?P<name>[A-Z0-9 ]+)-----(?P<body>[A-Za-z0-9+/=\s]*)-----END (?P=name)-----"
)
_LINE = 64
_CERTIFICATE, _KEY = "CERTIFICATE", "PRIVATE KEY"
_PEM = b"-----BEGIN "


class UnusableStore(ValueError):
    """A store that cannot be used; the message says why, and tells no secret."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and its certificates, the own one first."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)

    def sealed(self, password: bytes) -> bytes:
        """Both as PEM; only this password opens the key."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
        certificates = b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)
        return self.key.private_bytes(*form) + certificates


def is_pem(data: bytes) -> bool:
    """Whether these bytes have a PEM block and no binary store around it."""
    return _PEM in data and not data.startswith((MAGIC, b"0"))


def identity_of_texts(chain: str, key: str, password: str) -> Identity:
    """Of PEM texts, in one line as well; `password` "": the key is not locked."""
    keys = _blocks(key, _KEY)
    if not keys:
        raise UnusableStore("No matching PRIVATE KEY entries in PEM file")
    if len(keys) > 1:
        raise UnusableStore(f"Expected one private key, but found {len(keys)}")
    try:
        opened = load_pem_private_key(keys[0], password.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableStore("Private key could not be loaded") from error
    return _identity(certificates_of_text(chain), opened)


def certificates_of_text(text: str) -> list[x509.Certificate]:
    """Of a PEM text; there must be one at least."""
    blocks = _blocks(text, _CERTIFICATE)
    if not blocks:
        raise UnusableStore("No matching CERTIFICATE entries in PEM file")
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError as error:
        raise UnusableStore("a certificate cannot be read") from error


def identity_of_store(data: bytes, password: str, key_password: str) -> Identity:
    """The first key of a store with its certificates; `key_password` "": that of the store."""
    if data.startswith(MAGIC):
        return _identity_of_jks(data, password, key_password or password)
    if key_password not in ("", password):
        raise UnusableStore("the key of a PKCS #12 store has the password of the store")
    store = _open_pkcs12(data, password)
    if store.key is None or store.cert is None:
        raise UnusableStore("no private key in the store")
    return _identity(
        _in_order(store.cert.certificate, [one.certificate for one in store.additional_certs]),
        store.key,
    )


def authorities_of_store(data: bytes, password: str) -> list[x509.Certificate]:
    """Whom a store trusts: its certificates, and of its keys (JKS) the own ones, as Java does.

    A PKCS #12 store with a key does not tell the certificates that it trusts from those that its
    key came with: it is refused, rather than trusting all that their authority ever signs.
    """
    if data.startswith(MAGIC):
        try:
            held = read_store(data, password or None)
            owns = [key.chain[0] for key in held.keys if key.chain]
            found = [x509.load_der_x509_certificate(one) for one in (*held.trusted, *owns)]
        except ValueError as error:
            raise _unusable(error) from error
    else:
        store = _open_pkcs12(data, password)
        if store.key is not None:
            raise UnusableStore("a trust store of PKCS #12 must have no private key in it")
        others = [one.certificate for one in store.additional_certs]
        found = [*([store.cert.certificate] if store.cert else []), *others]
    if not found:
        raise UnusableStore("no certificate in the store")
    return found


def _identity_of_jks(data: bytes, password: str, key_password: str) -> Identity:
    try:
        held = read_store(data, password)
        entry = next((key for key in held.keys if key.chain), None)
        if entry is None:
            raise UnusableStore("no private key in the store")
        chain = [x509.load_der_x509_certificate(one) for one in entry.chain]
    except ValueError as error:
        raise _unusable(error) from error
    try:
        key = load_der_private_key(unlock(entry.locked, key_password), None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableStore("Cannot recover key") from error
    return _identity(chain, key)


def _open_pkcs12(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        return pkcs12.load_pkcs12(data, password.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "password" in str(error).lower():
            raise UnusableStore("keystore password was incorrect") from error
        raise UnusableStore("Invalid keystore format") from error


def _identity(chain: Iterable[x509.Certificate], key: PrivateKeyTypes) -> Identity:
    """UnusableStore when the key is not that of the first certificate."""
    certificates = tuple(chain)
    if certificates[0].public_key() != key.public_key():
        raise UnusableStore("the private key is not that of the certificate")
    return Identity(certificates, key)


def _in_order(
    own: x509.Certificate, others: Iterable[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The own certificate, then always who issued the last one; what does not belong is left."""
    chain, left = [own], list(others)
    while issuer := next((one for one in left if one.subject == chain[-1].issuer), None):
        left.remove(issuer)
        chain.append(issuer)
    return tuple(chain)


def _blocks(text: str, kind: str) -> list[bytes]:
    """The PEM blocks whose names end so, with their lines as everybody writes them."""
    found = []
    for block in _BLOCK.finditer(text):
        name, body = block["name"], "".join(block["body"].split())
        if name.endswith(kind):
            lines = [body[at : at + _LINE] for at in range(0, len(body), _LINE)]
            whole = "\n".join((f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""))
            found.append(whole.encode("ascii"))
    return found


def _unusable(error: Exception) -> UnusableStore:
    if isinstance(error, UnusableStore):
        return error
    if isinstance(error, NotOpened):
        return UnusableStore("Keystore was tampered with, or password was incorrect")
    return UnusableStore("Invalid keystore format")
