"""What a listener with TLS shows and trusts, by its settings: PEM files and texts, PKCS #12, JKS.

Which of the settings go together, and the words for those that do not, are Apache Kafka's. A file
of PEM needs no type: it is known by its content.
"""

import os
import secrets
import ssl
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from broker.config import BrokerConfig
from broker.security.key_stores import (
    Identity,
    UnusableStore,
    authorities_of_store,
    certificates_of_text,
    identity_of_store,
    identity_of_texts,
    is_pem,
)
from footfall.settings import SettingsError

_PEM, _BINARY = "PEM", ("JKS", "PKCS12")
_STORE_BYTES_MAX = 16 * 1024 * 1024
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def load_identity(context: ssl.SSLContext, config: BrokerConfig) -> None:
    """Have `context` show the broker's certificate; SettingsError if it cannot be used."""
    identity = _identity(config)
    if identity is not None:
        _load_sealed(context, identity)
        return
    try:
        context.load_cert_chain(
            config.ssl_keystore_location,
            config.ssl_key_location or None,
            lambda: config.ssl_key_password,  # never asked for on a terminal
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"certificate or key of [broker] cannot be used: {error}") from error


def load_authorities(context: ssl.SSLContext, config: BrokerConfig) -> None:
    """Have `context` trust those of the trust store, and as in Java nobody above them.

    SettingsError if it cannot be used.
    """
    try:
        context.load_verify_locations(cadata=_authorities(config))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"ssl_truststore_location in [broker] cannot be used: {error}"
        ) from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def has_authorities(config: BrokerConfig) -> bool:
    """Whether there is a trust store; SettingsError if it has a password and no place."""
    has_any = bool(config.ssl_truststore_location or config.ssl_truststore_certificates)
    if config.ssl_truststore_password and not has_any:
        raise SettingsError(
            "SSL trust store is not specified, but trust store password is specified."
        )
    return has_any


def own_certificate(config: BrokerConfig) -> bytes:
    """The first of the chain, which is the broker's own, in DER; OSError or ValueError if amiss."""
    try:
        identity = _identity(config)
    except SettingsError as error:
        raise ValueError(str(error)) from error
    if identity is not None:
        return identity.chain[0].public_bytes(Encoding.DER)
    data = _read(config.ssl_keystore_location)
    begin = data.index(_BEGIN)
    end = data.index(_END, begin) + len(_END)
    return ssl.PEM_cert_to_DER_cert(data[begin:end].decode("ascii", "replace"))


def _identity(config: BrokerConfig) -> Identity | None:
    """Of texts in the settings, or of a binary store; None: it is for OpenSSL to read PEM files."""
    kind, place = _kind(config.ssl_keystore_type), config.ssl_keystore_location
    key, chain = config.ssl_keystore_key, config.ssl_keystore_certificate_chain
    password = config.ssl_keystore_password
    if key or chain:
        _check_texts(config)
        try:
            return identity_of_texts(chain, key, config.ssl_key_password)
        except UnusableStore as error:
            raise SettingsError(f"Invalid PEM keystore configs: {error}") from error
    if not place:
        if password:
            raise SettingsError(
                "SSL key store is not specified, but key store password is specified."
            )
        raise SettingsError("a listener with TLS needs ssl_keystore_location in [broker]")
    try:
        data = _read(place)
        if kind == _PEM or is_pem(data):
            if password:
                raise SettingsError(
                    "SSL key store password cannot be specified with PEM format,"
                    " only key password may be specified"
                )
            return None
        if not password:
            raise SettingsError(
                "SSL key store is specified, but key store password is not specified."
            )
        return identity_of_store(data, password, config.ssl_key_password)
    except OSError as error:
        raise SettingsError(f"certificate or key of [broker] cannot be used: {error}") from error
    except UnusableStore as error:
        raise SettingsError(
            f"Failed to load SSL keystore {place} of type {kind}: {error}"
        ) from error


def _check_texts(config: BrokerConfig) -> None:
    """What a key or a chain in the settings goes together with."""
    kind, reason = _kind(config.ssl_keystore_type), ""
    if not config.ssl_keystore_key:
        reason = "SSL certificate chain is specified, but private key is not specified"
    elif kind != _PEM:
        reason = f"SSL private key can be specified only for PEM, but key store type is {kind}."
    elif not config.ssl_keystore_certificate_chain:
        reason = "SSL private key is specified, but certificate chain is not specified."
    elif config.ssl_keystore_location:
        reason = "Both SSL key store location and separate private key are specified."
    elif config.ssl_keystore_password:
        reason = (
            "SSL key store password cannot be specified with PEM format,"
            " only key password may be specified."
        )
    if reason:
        raise SettingsError(reason)


def _authorities(config: BrokerConfig) -> bytes | str:
    """The certificates of the trust store, DER in a row or PEM; OSError if it cannot be read."""
    kind, place = _kind(config.ssl_truststore_type), config.ssl_truststore_location
    texts, password = config.ssl_truststore_certificates, config.ssl_truststore_password
    if texts and kind != _PEM:
        raise SettingsError(
            f"SSL trust store certs can be specified only for PEM, but trust store type is {kind}."
        )
    if texts and place:
        raise SettingsError(
            "Both SSL trust store location and separate trust certificates are specified."
        )
    data = b"" if texts else _read(place)
    is_text = bool(texts) or kind == _PEM or is_pem(data)
    if is_text and password:
        raise SettingsError("SSL trust store password cannot be specified for PEM format.")
    if is_text and not texts:
        return data.decode("ascii", "replace")
    try:
        found = certificates_of_text(texts) if texts else authorities_of_store(data, password)
    except UnusableStore as error:
        which = (
            "Invalid PEM truststore configs" if texts else f"Failed to load SSL keystore {place}"
        )
        raise SettingsError(f"{which}{'' if texts else f' of type {kind}'}: {error}") from error
    return b"".join(one.public_bytes(Encoding.DER) for one in found)


def _kind(name: str) -> str:
    kind = name.upper()
    if kind not in (_PEM, *_BINARY):
        raise SettingsError(f"{name} not found: a store is of type PEM, PKCS12 or JKS")
    return kind


def _read(place: str) -> bytes:
    """A whole file; OSError also for what is no file, or too large to be a store."""
    path = Path(place)
    seen = path.stat()
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > _STORE_BYTES_MAX:
        raise OSError(f"{place} is no file, or larger than {_STORE_BYTES_MAX} bytes")
    return path.read_bytes()


def _load_sealed(context: ssl.SSLContext, identity: Identity) -> None:
    """OpenSSL is given a key in a file alone: one that only a password of the moment opens."""
    password = secrets.token_urlsafe(32)
    descriptor, name = tempfile.mkstemp(prefix="footfall-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(identity.sealed(password.encode()))
        context.load_cert_chain(name, password=password)
    except (OSError, ValueError) as error:
        raise SettingsError(f"certificate or key of [broker] cannot be used: {error}") from error
    finally:
        os.unlink(name)
