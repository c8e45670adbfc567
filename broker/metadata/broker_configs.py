"""Every setting of the broker as Kafka names it, and which of them change while it runs.

Most are fields of BrokerConfig; those that Kafka has and this broker does not set stand in
broker_config_table. A value that was changed while the broker ran is in the metadata, for one
broker (its id) or for all of them (the empty name); the first wins.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.broker_config_table import KERBEROS, OTHER_DEFINITIONS, THROTTLES
from broker.metadata.config_definition import (
    ConfigDefinition,
    ConfigType,
    config_text,
    split_list,
)
from broker.metadata.config_table import SMALLEST_SEGMENT_BYTES, TOPIC_CONFIGS
from broker.metadata.listener_configs import (
    LISTENER_BOUNDS,
    OF_ALL_BROKERS,
    TLS,
    setting_of_listener,
)
from broker.metadata.quiet_settings import DYNAMIC as QUIET_DYNAMIC
from broker.metadata.quiet_settings import QUIET

SECRET_SUFFIXES = ("_secret_key", "_password", "_passwords")
"""Broker settings whose values nobody is told."""

_T = ConfigType
_TYPES = {"bool": _T.BOOLEAN, "int": _T.INT, "float": _T.DOUBLE, "str": _T.STRING}
_LONGS = frozenset(
    (
        "connections.max.idle.ms",
        "connections.max.reauth.ms",
        "delegation.token.expiry.check.interval.ms",
        "delegation.token.expiry.time.ms",
        "delegation.token.max.lifetime.ms",
        "log.cleaner.backoff.ms",
        "log.cleaner.delete.retention.ms",
        "log.cleaner.max.compaction.lag.ms",
        "log.cleaner.min.compaction.lag.ms",
        "log.message.timestamp.after.max.ms",
        "log.message.timestamp.before.max.ms",
        "log.retention.bytes",
        "log.retention.check.interval.ms",
        "log.retention.ms",
        "log.roll.ms",
        "log.segment.delete.delay.ms",
        "offsets.retention.check.interval.ms",
        "queued.max.request.bytes",
        "sasl.oauthbearer.jwks.endpoint.refresh.ms",
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
    )
)
_NULL_WHEN_DEFAULT = frozenset(("log.retention.ms", "log.roll.ms"))
"""Kafka counts these in hours until somebody sets milliseconds."""
_NULL_WHEN_EMPTY = frozenset(
    (
        "broker.rack",
        "delegation.token.secret.key",
        "sasl.oauthbearer.expected.issuer",
        "sasl.oauthbearer.jwks.endpoint.url",
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.truststore.certificates",
        "ssl.truststore.location",
        "ssl.truststore.password",
    )
)
IP_OVERRIDES = "max.connections.per.ip.overrides"
CLEANER_BUFFER = "log.cleaner.dedupe.buffer.size"
_LISTS_IN_TEXTS = frozenset(("ssl.cipher.suites",))
_TEXTS_OF_LISTS = frozenset(("listener.security.protocol.map", IP_OVERRIDES))
_FIXED_FAMILIES = ("sasl.", "ssl.")
"""Settings beginning so could only change with listeners made anew."""
_OF_ONE_BROKER = (*_FIXED_FAMILIES, "listeners", "listener.security.", "principal.builder.")
"""Kafka sets those that begin so for a single broker only, never for all at once."""
CHAINS: Mapping[str, tuple[str, ...]] = {
    chain[0]: chain
    for definition in TOPIC_CONFIGS.values()
    if len(chain := definition.broker_chain) > 1
}
"""Settings that take the value of the next one when they have none."""

BOUNDS: Mapping[str, tuple[int, int | None]] = {
    "log.cleaner.backoff.ms": (0, None),
    "log.cleaner.threads": (0, None),
    "max.connection.creation.rate": (0, None),
    "max.connections": (0, None),
    "max.connections.per.ip": (0, None),
    "producer.id.expiration.ms": (1, None),
}
"""Dynamic settings that are no default of a topic, with Kafka's bounds."""

_LOCALHOST = ("127.0.0.1", "::1")
"""The one name that is known without asking anybody."""

THREAD_POOLS = frozenset(
    (
        "background.threads",
        "num.io.threads",
        "num.network.threads",
        "num.recovery.threads.per.data.dir",
        "num.replica.fetchers",
        "remote.log.manager.copier.thread.pool.size",
        "remote.log.manager.expiration.thread.pool.size",
        "remote.log.manager.follower.thread.pool.size",
        "remote.log.reader.threads",
    )
)
"""Sizes that can be given another value, as in Kafka; there are no such pools to resize."""


def _of_field(field: "dataclasses.Field[Any]") -> ConfigDefinition:
    name = field.name.replace("_", ".")
    kind = _TYPES.get(getattr(field.type, "__name__", ""), _T.LIST)
    if field.name.endswith(SECRET_SUFFIXES) or field.metadata["secret"]:
        kind = _T.PASSWORD
    elif name in _LONGS:
        kind = _T.LONG
    elif name in _LISTS_IN_TEXTS:
        kind = _T.LIST
    elif name in _TEXTS_OF_LISTS:
        kind = _T.STRING
    low, high = BOUNDS.get(name, (None, None))
    documentation = field.metadata["help"]
    return ConfigDefinition(
        name,
        kind,
        _default(name, field.default),
        documentation,
        field.name,
        low=low,
        high=high,
        choices=field.metadata["choices"],
    )


def _default(name: str, value: object) -> str | None:
    text = config_text(value)
    if name in _NULL_WHEN_DEFAULT or (name in _NULL_WHEN_EMPTY and not text):
        return None
    return text


BROKER_CONFIGS: Mapping[str, ConfigDefinition] = {
    definition.name: definition
    for definition in sorted(
        (
            *(_of_field(field) for field in dataclasses.fields(BrokerConfig)),
            *OTHER_DEFINITIONS,
            *QUIET,
        ),
        key=lambda definition: definition.name,
    )
}
"""Every setting of the broker by name."""


def _topic_defaults() -> dict[str, ConfigDefinition]:
    """The settings that are defaults of topics, with the bounds that topics have."""
    return {
        definition.broker_chain[0]: dataclasses.replace(
            definition,
            name=definition.broker_chain[0],
            low=None if definition.name in ("retention.ms", "retention.bytes") else definition.low,
        )
        for definition in TOPIC_CONFIGS.values()
        if definition.broker_chain
    }


DYNAMIC_BROKER_CONFIGS: Mapping[str, ConfigDefinition] = {
    **_topic_defaults(),
    **{name: BROKER_CONFIGS[name] for name in (*BOUNDS, IP_OVERRIDES)},
    **{name: BROKER_CONFIGS[name] for name in QUIET_DYNAMIC},
    **{name: dataclasses.replace(BROKER_CONFIGS[name], low=1) for name in THREAD_POOLS},
    **{definition.name: definition for definition in (*THROTTLES, *KERBEROS)},
}
"""Broker settings that can be changed while it runs."""

assert DYNAMIC_BROKER_CONFIGS["log.segment.bytes"].low == SMALLEST_SEGMENT_BYTES


LISTENER_CONFIGS: Mapping[str, ConfigDefinition] = {
    **{name: DYNAMIC_BROKER_CONFIGS[name] for name in OF_ALL_BROKERS},
    **{name: definition for name, definition in BROKER_CONFIGS.items() if name.startswith(TLS)},
}
"""Settings that a single listener can be given while the broker runs."""


def is_dynamic(name: str) -> bool:
    """Whether a broker setting can be changed while it runs."""
    return name in DYNAMIC_BROKER_CONFIGS


def definition_of(name: str) -> ConfigDefinition | None:
    """Of a setting that can be changed while the broker runs, for a listener too, if there is."""
    about = setting_of_listener(name)
    return LISTENER_CONFIGS.get(about[1]) if about else DYNAMIC_BROKER_CONFIGS.get(name)


def check_broker_configs(
    config: BrokerConfig,
    dynamic: Mapping[str, str],
    changed: Mapping[str, str],
    *,
    of_all: bool,
) -> None:
    """Raise INVALID_REQUEST when these cannot be set while the broker runs, or not to this.

    `dynamic`: what was changed before; `of_all`: for all brokers at once. A name that Kafka does
    not know is kept and does nothing, as there, where it may belong to a plugin.
    """
    _check_places(changed, of_all=of_all)
    for name, value in changed.items():
        definition = definition_of(name)
        if definition is None:
            continue
        try:
            definition.check(value)
        except KafkaError as refusal:
            raise KafkaError(ErrorCode.INVALID_REQUEST, refusal.message) from refusal
        if name == "log.cleaner.threads":
            _check_threads(int(value), live_config(config, dynamic).log_cleaner_threads)
        elif name == "log.retention.ms" and int(value) == 0:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or"
                " equal to 1",
            )
        elif name == IP_OVERRIDES:
            ip_bounds(split_list(value))
        elif definition.name in THREAD_POOLS:
            _check_pool(
                definition.name, int(value), int(dynamic.get(name) or definition.default or "1")
            )
    _check_cleaner_buffer(config, {**dynamic, **changed})


def _check_places(changed: Mapping[str, str], *, of_all: bool) -> None:
    """Whether these can be changed while the broker runs, and there."""
    stores = [
        name
        for name in changed
        if name.startswith(("ssl.key", "ssl.truststore")) and name in BROKER_CONFIGS
    ]
    if stores:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "These security configs can be dynamically updated only per-listener using the"
            f" listener prefix: HashSet({', '.join(sorted(stores))})",
        )
    single = sorted(name for name in changed if _is_of_one_broker(name))
    if single and of_all:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "Cannot update these configs at default cluster level, broker id must be specified:"
            f" Set({', '.join(single)})",
        )
    static = sorted(name for name in changed if _is_fixed(name))
    if static:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Cannot update these configs dynamically: Set({', '.join(static)})",
        )


def _is_of_one_broker(name: str) -> bool:
    about = setting_of_listener(name)
    return about[1] not in OF_ALL_BROKERS if about else name.startswith(_OF_ONE_BROKER)


def _is_fixed(name: str) -> bool:
    """Whether a setting is known, or of a known family, and only the settings file has it."""
    about = setting_of_listener(name)
    if about is None:
        known = name in BROKER_CONFIGS or name.startswith(_FIXED_FAMILIES)
        return known and not is_dynamic(name)
    setting = about[1]
    of_mechanism = setting.partition(".")[2]  # listener.name.NAME.MECHANISM.SETTING
    is_known = not BROKER_CONFIGS.keys().isdisjoint((setting, of_mechanism))
    return setting not in LISTENER_CONFIGS and (is_known or setting.startswith(_FIXED_FAMILIES))


def check_doors_stay_open(config: BrokerConfig, values: Mapping[str, str]) -> None:
    """A bound of zero would lock everybody out, also those who could take it back.

    `values`: all that is changed while the broker runs, as it would be; INVALID_REQUEST.
    """
    reason = ""
    for name, value in values.items():
        setting = (setting_of_listener(name) or ("", name))[1]
        if setting in LISTENER_BOUNDS and _is_zero(value):
            reason = (
                f"Invalid value org.apache.kafka.common.config.ConfigException: Invalid {setting} 0"
                " for configuration Invalid dynamic configuration"
            )
    overrides = values.get(IP_OVERRIDES, ",".join(config.max_connections_per_ip_overrides))
    bound = values.get("max.connections.per.ip", str(config.max_connections_per_ip))
    if _is_zero(bound) and not overrides:
        reason = (
            "requirement failed: max.connections.per.ip can be set to zero only if"
            f" {IP_OVERRIDES} property is set."
        )
    if reason:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)


def _is_zero(value: str) -> bool:
    try:
        return int(value) == 0
    except ValueError:  # no number at all is refused elsewhere
        return False


def ip_bounds(overrides: Sequence[str]) -> dict[str, int]:
    """Connections that single addresses may have; INVALID_REQUEST for what is not HOST:NUMBER."""
    bounds = {}
    for item in overrides:
        host, colon, bound = item.rpartition(":")
        if not colon:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Error parsing configuration property '{IP_OVERRIDES}': no colon in {item}",
            )
        if not bound.strip().isdecimal():
            raise KafkaError(ErrorCode.INVALID_REQUEST, f'For input string: "{bound}"')
        for address in _LOCALHOST if host == "localhost" else (host.strip("[]"),):
            bounds[address] = int(bound)
    return bounds


def _check_cleaner_buffer(config: BrokerConfig, wanted: Mapping[str, str]) -> None:
    """Kafka's own cleaner shares one buffer among its threads, and gives each more than 1 MiB."""
    size = wanted.get(CLEANER_BUFFER) or DYNAMIC_BROKER_CONFIGS[CLEANER_BUFFER].default or "0"
    threads = wanted.get("log.cleaner.threads") or config.log_cleaner_threads
    if int(size) // int(threads) <= 1 << 20:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"requirement failed: {CLEANER_BUFFER} must be at least 1MB per cleaner thread.",
        )


def _check_pool(name: str, wanted: int, now: int) -> None:
    """Kafka lets a thread pool at most double, and at most halve, in one step."""
    if wanted > now * 2:
        reason = f"value should not be greater than double the current value {now}"
    elif wanted < now // 2:
        reason = f"value should be at least half the current value {now}"
    else:
        return
    raise KafkaError(
        ErrorCode.INVALID_REQUEST,
        "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update"
        f" validation failed for {name}={wanted}, {reason} for configuration Invalid dynamic"
        " configuration",
    )


def _check_threads(wanted: int, now: int) -> None:
    """Kafka lets a number of threads no more than double, and no more than halve, in one step."""
    reason = ""
    if wanted < 1:
        reason = f"Log cleaner threads should be at least 1, and not {wanted}"
    elif wanted < now // 2:
        reason = f"Log cleaner threads cannot be reduced to less than half the current value {now}"
    elif wanted > now * 2:
        reason = (
            f"Log cleaner threads cannot be increased to more than double the current value {now}"
        )
    if reason:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Invalid value org.apache.kafka.common.config.ConfigException: {reason} for"
            " configuration Invalid dynamic configuration",
        )


def live_config(config: BrokerConfig, dynamic: Mapping[str, str]) -> BrokerConfig:
    """The settings of the file with those that were changed while the broker ran."""
    changes: dict[str, Any] = {}
    for name in BOUNDS:
        if name in dynamic:
            changes[name.replace(".", "_")] = int(dynamic[name])
    if IP_OVERRIDES in dynamic:
        changes["max_connections_per_ip_overrides"] = tuple(split_list(dynamic[IP_OVERRIDES]))
    return dataclasses.replace(config, **changes) if changes else config


def static_values(config: BrokerConfig, place: Mapping[str, str]) -> dict[str, str]:
    """What the settings file gave a value; `place`: what only the running broker knows."""
    values = dict(place)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value != field.default:
            values.setdefault(field.name.replace("_", "."), config_text(value))
    return values


def chain_of(name: str) -> Sequence[str]:
    """A broker setting and those that count when it has no value."""
    return CHAINS.get(name, (name,))
