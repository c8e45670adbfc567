"""Certificates with any subject, made without an authority."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())
BEGINS = datetime.datetime(2026, 1, 1)
ONE_DAY = datetime.timedelta(days=1)


def certificate(
    *parts: list[x509.NameAttribute[str]], ends: datetime.datetime = BEGINS + ONE_DAY
) -> bytes:
    """A certificate (DER) with these parts of its subject, from the most general one."""
    subject = x509.Name([x509.RelativeDistinguishedName(part) for part in parts])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(BEGINS)
        .not_valid_after(ends)
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def attribute(oid: x509.ObjectIdentifier, value: str) -> list[x509.NameAttribute[str]]:
    return [x509.NameAttribute(oid, value)]
