"""How librdkafka reaches a cluster: what all clients of ours share, from the settings."""

from typing import Any

from tracker.config import KafkaConfig


def client_options(settings: KafkaConfig, client_id: str) -> dict[str, Any]:
    """A client heals within a second when the cluster comes back."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "security.protocol": settings.security_protocol,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl.mechanism"] = settings.sasl_mechanism
        options["sasl.username"] = settings.sasl_username
        options["sasl.password"] = settings.sasl_password
    for name in ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location"):
        if value := getattr(settings, name):
            options[name.replace("_", ".")] = value
    return options
