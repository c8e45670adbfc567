"""Certificates made when a test runs: an authority, a broker's, and clients' of it."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files of a certificate chain and its private key."""

    certificate: Path
    key: Path

    def encrypted(self, password: bytes) -> Path:
        """The key in a file that only this password opens (PKCS #8)."""
        key = load_pem_private_key(self.key.read_bytes(), None)
        path = self.key.with_suffix(".encrypted.key")
        form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
        path.write_bytes(key.private_bytes(*form))
        return path

    def in_one(self) -> Path:
        """Both in one file, key first, as Kafka's PEM key stores are."""
        path = self.certificate.with_suffix(".store.pem")
        path.write_bytes(self.key.read_bytes() + self.certificate.read_bytes())
        return path


class Authority:
    """Signs certificates and writes them into a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA()
        self.certificate = directory / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.certificate))

    def broker(self, name: str = "broker") -> Pair:
        """For 127.0.0.1 and localhost; a new one each time, in files of this name."""
        made = self._ca.issue_cert(
            "127.0.0.1",
            "localhost",
            organization_name="Footfall, Ltd",
            organization_unit_name="Broker",
        )
        return self._write(name, made)

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        """Of a client that trusts this authority, and shows a certificate if it has one."""
        made = ssl.create_default_context(cafile=str(self.certificate))
        if client is not None:
            made.load_cert_chain(client.certificate, client.key)
        return made

    def client(self, name: str, unit: str = "Tests") -> Pair:
        """Subject CN=name, OU=unit, and an organization."""
        made = self._ca.issue_cert(
            f"{name}.example.org",
            common_name=name,
            organization_name="Footfall, Ltd",
            organization_unit_name=unit,
        )
        return self._write(name, made)

    def _write(self, name: str, made: trustme.LeafCert) -> Pair:
        pair = Pair(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        os.chmod(pair.key, 0o600)
        return pair
