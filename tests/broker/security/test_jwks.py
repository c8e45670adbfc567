import json
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from broker.security.jwks import keys_of
from broker.security.jwt import Rules, TokenRefused, validate
from tests.support.tokens import encoded, part, token

NOW_MS = 1_700_000_000_000
CLAIMS = {"sub": "alice", "iat": NOW_MS // 1000, "exp": NOW_MS // 1000 + 60}
CURVES: dict[str, tuple[ec.EllipticCurve, str, int]] = {
    "ES256": (ec.SECP256R1(), "P-256", 32),
    "ES384": (ec.SECP384R1(), "P-384", 48),
    "ES512": (ec.SECP521R1(), "P-521", 66),
}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(algorithm: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[algorithm][0])


def number(value: int, size: int = 0) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_entry(bits: int = 2048, **more: Any) -> dict[str, Any]:
    public = rsa_key(bits).public_key().public_numbers()
    return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **more}


def ec_entry(algorithm: str, **more: Any) -> dict[str, Any]:
    _, curve, size = CURVES[algorithm]
    public = ec_key(algorithm).public_key().public_numbers()
    point = {"x": number(public.x, size), "y": number(public.y, size)}
    return {"kty": "EC", "crv": curve, **point, **more}


def signed_token(algorithm: str, **header: Any) -> str:
    signed = f"{part({'alg': algorithm, **header})}.{part(CLAIMS)}"
    hash_type = HASHES[algorithm[2:]]
    if algorithm.startswith("ES"):
        made = ec_key(algorithm).sign(signed.encode(), ec.ECDSA(hash_type))
        size = CURVES[algorithm][2]
        signature = b"".join(one.to_bytes(size, "big") for one in decode_dss_signature(made))
    elif algorithm.startswith("PS"):
        scheme = padding.PSS(padding.MGF1(hash_type), hash_type.digest_size)
        signature = rsa_key(2048).sign(signed.encode(), scheme, hash_type)
    else:
        signature = rsa_key(2048).sign(signed.encode(), padding.PKCS1v15(), hash_type)
    return f"{signed}.{encoded(signature)}"


def key_set(*entries: dict[str, Any]) -> Rules:
    return Rules(keys=keys_of(json.dumps({"keys": entries})))


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_checks_its_signatures(algorithm: str) -> None:
    made = signed_token(algorithm)

    assert validate(made, key_set(rsa_entry()), NOW_MS).subject == "alice"
    with pytest.raises(TokenRefused, match="signature is wrong"):
        validate(made[:-8] + "AAAAAAAA", key_set(rsa_entry()), NOW_MS)


@pytest.mark.parametrize("algorithm", sorted(CURVES))
def test_a_curve_checks_its_signatures(algorithm: str) -> None:
    made = signed_token(algorithm)

    assert validate(made, key_set(ec_entry(algorithm)), NOW_MS).subject == "alice"
    with pytest.raises(TokenRefused, match="signature is wrong"):
        validate(made[:-8] + "AAAAAAAA", key_set(ec_entry(algorithm)), NOW_MS)
    with pytest.raises(TokenRefused, match="signature is wrong"):
        validate(made[:-8], key_set(ec_entry(algorithm)), NOW_MS)


def test_a_public_key_is_never_a_shared_secret() -> None:
    """The classic forgery: HS256 with the bytes of the RSA key that everybody knows."""
    forged = token(rsa_entry()["n"].encode(), CLAIMS, "HS256")

    with pytest.raises(TokenRefused, match="no key for algorithm 'HS256'"):
        validate(forged, key_set(rsa_entry()), NOW_MS)


def test_the_key_is_found_by_its_id() -> None:
    rules = key_set(ec_entry("ES256", kid="a"), rsa_entry(kid="b"))

    assert validate(signed_token("RS256", kid="b"), rules, NOW_MS).subject == "alice"
    with pytest.raises(TokenRefused, match="no key"):
        validate(signed_token("RS256", kid="a"), rules, NOW_MS)


def test_an_algorithm_of_the_key_excludes_the_others() -> None:
    rules = key_set(rsa_entry(alg="RS512"))

    assert validate(signed_token("RS512"), rules, NOW_MS).subject == "alice"
    with pytest.raises(TokenRefused, match="no key"):
        validate(signed_token("RS256"), rules, NOW_MS)


def test_a_shared_secret_may_stand_in_a_key_set() -> None:
    secret = b"s" * 32

    rules = key_set({"kty": "oct", "k": encoded(secret)})

    assert validate(token(secret, CLAIMS), rules, NOW_MS).subject == "alice"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting"),
        ("[]", "not an object with a list"),
        ('{"keys": []}', "not an object with a list"),
        ('{"keys": [3]}', "key 1 cannot be used"),
        ('{"keys": [{}]}', "key 1 cannot be used"),
        ('{"keys": [{"kty": "OKP"}]}', "is not RSA, EC or oct"),
        ('{"keys": [{"kty": "oct", "k": "YQ"}]}', "shorter than 32"),
        ('{"keys": [{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}]}', "key 1 cannot be used"),
    ],
)
def test_a_key_set_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keys_of(text)


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(ValueError, match="1024 bits is shorter than 2048"):
        key_set(rsa_entry(1024))


def test_keys_for_encryption_are_passed_over() -> None:
    assert key_set(rsa_entry(use="enc")).keys == ()
