"""JSON web key sets (RFC 7517, 7518): public keys that tokens are checked with.

RSA (RS and PS algorithms), EC on P-256, P-384 and P-521 (ES), and `oct` for shared secrets (HS).
"""

import base64
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from broker.security.jwt import Key, shared_secret

RSA_BITS_MIN = 2048  # RFC 7518 section 3.3
_HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
}


def keys_of(text: str) -> tuple[Key, ...]:
    """The signing keys of a key set; ValueError tells what is wrong with it."""
    keys = []
    for number, entry in enumerate(_entries(text), start=1):
        try:
            if entry.get("use", "sig") == "sig":
                keys.append(_key(entry))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"key {number} cannot be used: {error}") from error
    return tuple(keys)


def usable_keys_of(text: str) -> tuple[Key, ...]:
    """Those signing keys that can be used here: RFC 7517 section 5 asks to pass over the others.

    ValueError: it is no key set.
    """
    keys = []
    for entry in _entries(text):
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            if entry.get("use", "sig") == "sig":
                keys.append(_key(entry))
    return tuple(keys)


def _entries(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ValueError('it is not an object with a list "keys" of at least one key')
    return entries


def _key(entry: Mapping[str, Any]) -> Key:
    kind = entry["kty"]
    if kind == "RSA":
        key = _rsa(entry)
    elif kind == "EC":
        key = _elliptic(entry)
    elif kind == "oct":
        key = shared_secret(_bytes(entry["k"]))
    else:
        raise ValueError(f"its type {kind!r} is not RSA, EC or oct")
    algorithms = key.algorithms
    if "alg" in entry:
        algorithms &= {entry["alg"]}
        if not algorithms:
            raise ValueError(f"algorithm {entry['alg']!r} does not belong to type {kind}")
    return Key(algorithms, key.is_signature, entry.get("kid"))


def _rsa(entry: Mapping[str, Any]) -> Key:
    public = rsa.RSAPublicNumbers(_number(entry["e"]), _number(entry["n"])).public_key()
    if public.key_size < RSA_BITS_MIN:
        raise ValueError(f"an RSA key of {public.key_size} bits is shorter than {RSA_BITS_MIN}")

    def is_signature(algorithm: str, signed: bytes, signature: bytes) -> bool:
        hash_type = _HASHES[algorithm[2:]]()
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            scheme = padding.PSS(padding.MGF1(hash_type), hash_type.digest_size)
        try:
            public.verify(signature, signed, scheme, hash_type)
        except InvalidSignature:
            return False
        return True

    return Key(
        frozenset(f"{kind}{bits}" for kind in ("RS", "PS") for bits in _HASHES), is_signature
    )


def _elliptic(entry: Mapping[str, Any]) -> Key:
    curve, name = _CURVES[entry["crv"]]
    point = ec.EllipticCurvePublicNumbers(_number(entry["x"]), _number(entry["y"]), curve)
    public = point.public_key()
    half_bytes = (curve.key_size + 7) // 8

    def is_signature(algorithm: str, signed: bytes, signature: bytes) -> bool:
        if len(signature) != 2 * half_bytes:
            return False
        first = int.from_bytes(signature[:half_bytes], "big")
        second = int.from_bytes(signature[half_bytes:], "big")
        hash_type = _HASHES[algorithm[2:]]()
        try:
            public.verify(encode_dss_signature(first, second), signed, ec.ECDSA(hash_type))
        except InvalidSignature:
            return False
        return True

    return Key(frozenset({name}), is_signature)


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
