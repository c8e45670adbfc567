"""Whether a cluster can be asked as its section says, told before anything starts."""

from pathlib import Path
from typing import Final

from footfall.settings import SettingsError

PORT_MAX: Final = 65_535
FILES: Final = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location")


def check_addresses(servers: str, place: str) -> None:
    """`servers` as host:port,host:port; the port may be left out. Raises SettingsError."""
    for server in servers.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not colon or server.strip().endswith("]"):
            host, port = server.strip(), "9092"
        is_port = port.isascii() and port.isdigit() and 0 < int(port[:9]) <= PORT_MAX
        if not host or any(letter.isspace() for letter in host) or not is_port:
            raise SettingsError(f"bootstrap_servers in {place}: {server!r} is not host:port")


def check_sign_in(protocol: str, username: str, password: str, place: str) -> None:
    """Raises SettingsError where somebody has to sign in and nobody is named."""
    if protocol.startswith("SASL") and not (username and password):
        needed = "sasl_username and sasl_password are needed"
        raise SettingsError(f"{place} has security_protocol {protocol}: {needed}")


def check_file(key: str, path: str, place: str) -> None:
    """Raises SettingsError for a file that is named and not there."""
    try:
        there = not path or Path(path).exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise SettingsError(f"{key} in {place}: there is no {path!r}, or it cannot be read")
