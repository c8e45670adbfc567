"""The broker's own certificate, its key, and the authorities it trusts: read from files, and again
when they are renewed.

Whoever renews a certificate replaces the files; connections made from then on get the new one, and
those that are open keep theirs. Files that do not fit together change nothing.
"""

import logging
import ssl
from pathlib import Path

from broker.config import BrokerConfig
from broker.security.certificate import valid_until_s
from broker.server.cipher_suites import choose
from footfall.settings import SettingsError

log = logging.getLogger(__name__)

CHECK_S = 10.0  # between looks at the files
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {
    "none": ssl.CERT_NONE,
    "requested": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
Stamps = tuple[tuple[int, int, int], ...]


class Certificates:
    """What a listener with TLS shows and trusts now."""

    def __init__(self, config: BrokerConfig, *, client_auth: str) -> None:
        """SettingsError when a file is missing or does not fit the others."""
        self._config = config
        self._client_auth = client_auth
        self._seen = self._stamps()
        self.context = server_context(config, client_auth=client_auth)
        self.valid_until_s = _valid_until_s(config)
        """Seconds since 1970."""

    def use(self, config: BrokerConfig, *, client_auth: str) -> None:
        """Read the files of other settings; SettingsError, and nothing is changed, if amiss.

        Blocks as long as the disk does, like `renew`.
        """
        made = Certificates(config, client_auth=client_auth)
        self._config, self._client_auth = config, client_auth
        self._seen, self.context = made._seen, made.context
        self.valid_until_s = made.valid_until_s

    def renew(self) -> bool:
        """Read the files again if they were replaced; whether that was so and they are in use.

        Blocks as long as the disk does: not to be called on the event loop.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            context = server_context(self._config, client_auth=self._client_auth)
            self.valid_until_s = _valid_until_s(self._config)
        except SettingsError as error:
            log.warning("renewed certificate is not used: %s", error)
            return False
        self.context = context
        log.info("certificate renewed file=%s", self._config.ssl_keystore_location)
        return True

    def _stamps(self) -> Stamps:
        """What changes when one of the files is replaced or written; a missing one has none."""
        config, stamps = self._config, []
        for name in (
            config.ssl_keystore_location,
            config.ssl_key_location,
            config.ssl_truststore_location,
        ):
            try:
                seen = Path(name).stat() if name else None
            except OSError:
                seen = None
            stamps.append((seen.st_ino, seen.st_size, seen.st_mtime_ns) if seen else (0, 0, 0))
        return tuple(stamps)


def server_context(config: BrokerConfig, *, client_auth: str) -> ssl.SSLContext:
    """The certificate, the authorities and the versions of the settings; SettingsError if amiss."""
    from broker.server import stores  # 60 ms and 9 MB that only listeners with TLS need

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    versions = [_VERSIONS[name] for name in config.ssl_enabled_protocols if name in _VERSIONS]
    if len(versions) < len(config.ssl_enabled_protocols) or not versions:
        raise SettingsError(f"ssl_enabled_protocols in [broker] must be of {', '.join(_VERSIONS)}")
    context.minimum_version, context.maximum_version = min(versions), max(versions)
    if config.ssl_cipher_suites:
        try:
            choose(context, config.ssl_cipher_suites)
        except (OSError, ValueError) as error:
            raise SettingsError(f"ssl_cipher_suites in [broker]: {error}") from error
    stores.load_identity(context, config)
    if client_auth != "none":
        if not stores.has_authorities(config):
            raise SettingsError(
                f"ssl_client_auth = {client_auth!r} in [broker] needs ssl_truststore_location"
            )
        stores.load_authorities(context, config)
    context.verify_mode = _CLIENT_AUTH[client_auth]
    return context


def _valid_until_s(config: BrokerConfig) -> float:
    """Infinite if it cannot be read."""
    from broker.server.stores import own_certificate

    try:
        return valid_until_s(own_certificate(config))
    except (OSError, ValueError):
        return float("inf")
