"""Settings of the tracker's roles: how they reach the broker, and how ingest serves.

Each dataclass is one section of footfall.toml, read by `footfall.settings.load`.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from footfall.settings import load, peek, setting
from tracker.config_check import FILES, check_addresses, check_file, check_sign_in

KIB: Final = 1024
LOOPBACK_OF: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where to reach a broker of this machine that listens on all addresses."""


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """[kafka]: how every role but the broker reaches it. Names are librdkafka's."""

    bootstrap_servers: str = setting(
        "127.0.0.1:9092",
        "brokers to ask first, host:port,host:port; not named: as host and port of [broker] say",
    )
    security_protocol: str = setting(
        "PLAINTEXT",
        "how to talk to them",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    sasl_mechanism: str = setting(
        "PLAIN", "how to sign in", choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    )
    sasl_username: str = setting("", "user name; used with SASL_* only")
    sasl_password: str = setting(
        "", "the password; better set as FOOTFALL_KAFKA__SASL_PASSWORD", secret=True
    )
    ssl_ca_location: str = setting("", "file of certificate authorities; empty: the system's")
    ssl_certificate_location: str = setting("", "our certificate, for mutual TLS")
    ssl_key_location: str = setting("", "our private key, for mutual TLS")
    replication_factor: int = setting(
        -1, "copies of a topic we create; -1: the broker's default", low=-1, high=32767
    )


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """[ingest]: the HTTP endpoint that beacons post to."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8090, "port to listen on; 0: any free one", low=0, high=65535)
    metrics_host: str = setting("127.0.0.1", "address of Prometheus metrics")
    metrics_port: int = setting(9102, "port of Prometheus metrics; 0: any free", low=0, high=65535)
    workers: int = setting(1, "processes that share the port", low=1, high=64)
    node: str = setting("", "name written into events as ingest_node; empty: the host's name")
    script_path: str = setting("/js/s.js", "where the beacon script is served")
    vitals_path: str = setting("/js/v.js", "where the script of web vitals is served")
    event_path: str = setting("/api/event", "where the beacon posts to")
    trusted_proxies: tuple[str, ...] = setting(
        (), "addresses or networks whose X-Forwarded-For is trusted"
    )
    country_header: str = setting(
        "", "header of a trusted proxy that names the country, such as CF-IPCountry"
    )
    geoip_database: str = setting(
        "", "file (.mmdb) that names regions and cities of addresses; empty: countries alone"
    )
    blocked_addresses: tuple[str, ...] = setting(
        (), "addresses or networks whose events are not counted"
    )
    honour_gpc: bool = setting(
        False, "drop events of browsers that send Sec-GPC: 1 (the script does so by itself)"
    )
    api_tokens: tuple[str, ...] = setting(
        (), "bearer tokens of server-side senders to /api/events; none: nobody may use it"
    )
    max_body_bytes: int = setting(
        64 * KIB, "largest body a browser may post", low=KIB, high=KIB * KIB
    )
    max_batch_bytes: int = setting(
        KIB * KIB, "largest body of /api/events, unpacked", low=KIB, high=64 * KIB * KIB
    )
    max_in_flight_events: int = setting(
        20_000, "events that wait for the broker, a worker; more are answered 503", low=1
    )
    max_requests_per_second: int = setting(
        0, "requests a second one address may send, a worker; 0: no limit", low=0
    )
    acknowledge_timeout_ms: int = setting(
        5_000, "how long a request waits for the broker before 503", low=100, high=120_000
    )
    linger_ms: int = setting(
        2,
        "least time between batches where events come together: the next ones wait, too",
        low=0,
        high=1_000,
    )
    retry_after_seconds: int = setting(
        5, "what 503 and 429 tell the sender to wait", low=1, high=3600
    )


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """[stream]: the aggregator that turns events into rollups.db."""

    metrics_host: str = setting("127.0.0.1", "address of Prometheus metrics")
    metrics_port: int = setting(9103, "port of Prometheus metrics; 0: any free", low=0, high=65535)
    flush_interval_ms: int = setting(
        250, "how long events are gathered before they are counted", low=10, high=10_000
    )
    batch_events_max: int = setting(
        5_000, "most events counted in one transaction", low=1, high=100_000
    )
    repeat_window_days: int = setting(
        7, "how long event ids are kept to recognise repeats", low=1, high=365
    )


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """[export]: the exporter that writes every event into a warehouse."""

    metrics_host: str = setting("127.0.0.1", "address of Prometheus metrics")
    metrics_port: int = setting(9104, "port of Prometheus metrics; 0: any free", low=0, high=65535)
    flush_interval_ms: int = setting(
        250, "how long events are gathered before they are written", low=10, high=10_000
    )
    batch_events_max: int = setting(
        5_000, "most events written in one transaction", low=1, high=100_000
    )


def load_kafka(path: Path | None, environ: Mapping[str, str] = os.environ) -> KafkaConfig:
    """Section [kafka]; where it does not name bootstrap_servers, those of the bundled broker.

    So a broker on another port is found by every role and command without a second setting.
    Raises SettingsError.
    """
    found = _resolved(load("kafka", KafkaConfig, path, environ), path, environ)
    check_kafka(found, "[kafka]")
    return found


def _resolved(config: KafkaConfig, path: Path | None, environ: Mapping[str, str]) -> KafkaConfig:
    port = peek("broker", "port", 9092, path, environ)
    if peek("kafka", "bootstrap_servers", "", path, environ) or port == 0:
        return config
    host = peek("broker", "host", "127.0.0.1", path, environ)
    host = LOOPBACK_OF.get(host, host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return dataclasses.replace(config, bootstrap_servers=address)


def check_kafka(config: KafkaConfig, place: str) -> None:
    """Raises SettingsError for what no client could be made of; `place` is the section."""
    protocol = config.security_protocol
    check_addresses(config.bootstrap_servers, place)
    check_sign_in(protocol, config.sasl_username, config.sasl_password, place)
    for key in FILES if protocol.endswith("SSL") else ():
        check_file(key, getattr(config, key), place)


def child_environment(**extra: str) -> dict[str, str]:
    """This process's environment with `extra` in it, for a worker process."""
    return {**os.environ, **extra}
