"""TLS of one listener by its settings: those of the file, and those changed while the broker runs.

A change is looked at before it is recorded, as in Apache Kafka (KIP-226): the files must fit
together, and the certificate must be the same server's, or clients that know it by its names would
be lost. New connections get what counts then; open ones keep what they have.
"""

import dataclasses
import logging
from collections.abc import Mapping

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.listener_configs import listener_tls
from broker.metrics import BrokerMetrics
from broker.security.certificate import alternative_names, distinguished_name
from broker.server.certificates import Certificates
from broker.server.endpoints import Endpoint
from broker.server.tls import RECEIVE_BYTES, TlsSettings, mapping_rules
from footfall.settings import SettingsError, with_texts

log = logging.getLogger(__name__)

_FIELDS = frozenset(field.name for field in dataclasses.fields(BrokerConfig))


class ListenerTls:
    """How clients of one listener are served; all its methods block as long as the disk does."""

    def __init__(self, endpoint: Endpoint, config: BrokerConfig, metrics: BrokerMetrics) -> None:
        """`config`: the settings of the file for this listener; SettingsError if amiss."""
        self._endpoint = endpoint
        self._of_file = self._config = config
        certificates = Certificates(config, client_auth=self._client_auth(config))
        metrics.certificates_valid_until_s[endpoint.name] = lambda: certificates.valid_until_s
        self.settings = TlsSettings(
            certificates,
            mapping_rules(config),
            metrics.authentications(endpoint.name),
            timeout_s=config.authentication_timeout_ms / 1000,
            failure_delay_s=config.connection_failed_authentication_delay_ms / 1000,
            space=memoryview(bytearray(RECEIVE_BYTES)),
        )

    def check(self, dynamic: Mapping[str, str]) -> None:
        """Raise INVALID_REQUEST when the listener could not be served with these settings."""
        from broker.server.stores import has_authorities  # 9 MB that only listeners with TLS need

        try:
            config = self._with(dynamic)
            if config != self._config:
                asked = "requested" if has_authorities(config) else self._client_auth(config)
                Certificates(config, client_auth=asked)  # reads the authorities if there are any
                mapping_rules(config)
                self._check_same_server(config)
        except SettingsError as error:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                "Invalid value org.apache.kafka.common.config.ConfigException: Validation of"
                f" dynamic config update of SSLFactory failed: {error}"
                " for configuration Invalid dynamic configuration",
            ) from error

    def follow(self, dynamic: Mapping[str, str]) -> None:
        """Serve new connections by these settings; those that cannot be used change nothing."""
        try:
            config = self._with(dynamic)
            if config == self._config:
                return
            rules = mapping_rules(config)
            self.settings.certificates.use(config, client_auth=self._client_auth(config))
        except SettingsError as error:
            log.error("settings are not used listener=%s reason=%s", self._endpoint.name, error)
            return
        self._config, self.settings.rules = config, rules
        log.info("TLS settings changed listener=%s", self._endpoint.name)

    def _client_auth(self, config: BrokerConfig) -> str:
        """As in Apache Kafka: where clients log in by SASL, they are asked for no certificate."""
        return "none" if self._endpoint.protocol.has_sasl else config.ssl_client_auth

    def _with(self, dynamic: Mapping[str, str]) -> BrokerConfig:
        """The settings of the file with those of `dynamic` for this listener."""
        own = listener_tls(dynamic, self._endpoint.name)
        texts = {name.replace(".", "_"): text for name, text in own.items()}
        known = {name: text for name, text in texts.items() if name in _FIELDS}
        return with_texts(self._of_file, known, f"listener {self._endpoint.name}")

    def _check_same_server(self, config: BrokerConfig) -> None:
        """Raise when the certificate would have another subject, or fewer names, than now."""
        from broker.server.stores import own_certificate

        try:
            now, then = own_certificate(self._config), own_certificate(config)
            names = distinguished_name(now), distinguished_name(then)
            lost = alternative_names(now) - alternative_names(then)
        except (OSError, ValueError):
            return  # nothing is known of one of them; that they can be used was seen
        if names[0].lower() != names[1].lower() and not config.ssl_allow_dn_changes:
            raise SettingsError(
                "Keystore DistinguishedName does not match:"
                f" existing={{DN={names[0]}}}, new={{DN={names[1]}}}"
            )
        if lost and not config.ssl_allow_san_changes:
            shown = ", ".join(name for _, name in sorted(lost))
            raise SettingsError(f"Keystore SubjectAltNames do not match: missing={shown}")
