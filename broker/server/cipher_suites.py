"""Cipher suites of the settings: by IANA's names, as Apache Kafka wants them, or as OpenSSL's list.

What is left over chooses the versions: without a suite of TLS 1.3 there is no TLS 1.3, and with
nothing else nothing older. Among the suites of TLS 1.3 Python cannot choose: one allows all three.
"""

import re
import ssl

_OF_TLS_1_3 = frozenset(
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
)

BITS_MIN = 128  # also a suite that encrypts nothing has a name


def choose(context: ssl.SSLContext, suites: str) -> None:
    """Allow these suites alone, and the versions that have them; ValueError for unknown ones."""
    names = [name.strip() for name in suites.split(",")]
    if not any(name.startswith("TLS_") for name in names):
        context.set_ciphers(suites)
        return
    older = [name for name in names if name not in _OF_TLS_1_3]
    lowest, highest = context.minimum_version, context.maximum_version
    if not older:
        lowest = ssl.TLSVersion.TLSv1_3
    elif len(older) == len(names):
        highest = ssl.TLSVersion.TLSv1_2
    if lowest > highest:
        raise ValueError("none of these suites is of a version in ssl_enabled_protocols")
    if older:
        _choose_older(context, older)
    context.minimum_version, context.maximum_version = lowest, highest


def _choose_older(context: ssl.SSLContext, names: list[str]) -> None:
    """OpenSSL passes over what it does not know, if only it knows one."""
    context.set_ciphers(":".join(map(openssl_name, names)))
    known = {one["name"] for one in context.get_ciphers() if one["strength_bits"] >= BITS_MIN}
    for name in names:
        if openssl_name(name) not in known:
            raise ValueError(f"{name!r} is not known here, or too weak")


def openssl_name(name: str) -> str:
    """OpenSSL's name of a suite below TLS 1.3, by the rule that holds for all that Java 17 has."""
    exchange, _, cipher = name.removeprefix("TLS_").partition("_WITH_")
    parts = [] if exchange == "RSA" else [exchange]
    if cipher.startswith("CHACHA20_POLY1305"):
        parts.append("CHACHA20_POLY1305")
    elif cipher:
        parts.append(re.sub(r"^AES_(\d+)_(?:CBC_)?", r"AES\1_", cipher))
    return "_".join(parts).replace("_", "-")
