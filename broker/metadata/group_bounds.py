"""Which settings of groups fit together: the broker's own, and those of a single group (Kafka 4.2).

The broker says how low and how high a group may go, and its own value must lie between; a member
must be able to send a heartbeat before its session ends. A group is checked as a whole: what it was
not given counts as the broker's value, but for streams groups, where Kafka takes its own default.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import ge, gt, le, lt

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.group_configs import GROUP_CONFIGS, check_group_config, default_value
from footfall.settings import SettingsError

_INTERVALS = ("heartbeat_interval_ms", "session_timeout_ms")
Comparison = Callable[[int, int], bool]
_WORDS: dict[Comparison, str] = {
    ge: "greater than or equal to",
    le: "less than or equal to",
    lt: "less than",
    gt: "greater than",
}
_KINDS = ("consumer", "share", "streams")
_PROTOCOLS = ("classic", *_KINDS)


def check_broker_bounds(config: BrokerConfig) -> None:
    """SettingsError when settings of the broker that concern groups do not fit together."""
    for name, comparison, bound in _broker_rules():
        if not comparison(getattr(config, name), getattr(config, bound)):
            raise SettingsError(f"{name} in [broker] must be {_WORDS[comparison]} {bound}")
    protocols = config.group_coordinator_rebalance_protocols
    if "classic" not in protocols or not set(protocols) <= set(_PROTOCOLS):
        raise SettingsError(
            "group_coordinator_rebalance_protocols in [broker] must be classic and those wanted of "
            + ", ".join(_KINDS)
        )


def _broker_rules() -> Iterator[tuple[str, Comparison, str]]:
    yield "group_share_record_lock_duration_ms", ge, "group_share_min_record_lock_duration_ms"
    yield "group_share_max_record_lock_duration_ms", ge, "group_share_record_lock_duration_ms"
    yield "group_share_max_share_sessions", ge, "group_share_max_size"
    for kind in _KINDS:
        for rest in _INTERVALS:
            name, low, high = (f"group_{kind}_{limit}{rest}" for limit in ("", "min_", "max_"))
            yield high, ge, low
            yield name, ge, low
            yield name, le, high
        heartbeat, session = (f"group_{kind}_{rest}" for rest in _INTERVALS)
        yield heartbeat, lt, session
    yield "group_streams_num_standby_replicas", le, "group_streams_max_standby_replicas"


def check_group_configs(config: BrokerConfig, values: Mapping[str, str | None]) -> None:
    """INVALID_CONFIG when a group cannot have these settings together: all that it would have."""
    for name in values:
        if name not in GROUP_CONFIGS:
            check_group_config(name, "")  # unknown: told before any value
    for name, value in values.items():
        check_group_config(name, value)
    own = {name: value for name, value in values.items() if value is not None}
    for kind in _KINDS:
        for rest in ("heartbeat.interval.ms", "session.timeout.ms", "record.lock.duration.ms"):
            if f"{kind}.{rest}" in GROUP_CONFIGS:
                _check_bounds(config, f"{kind}.{rest}", own)
    _check_bounds(config, "streams.num.standby.replicas", own)
    for kind in _KINDS:
        session, heartbeat = f"{kind}.session.timeout.ms", f"{kind}.heartbeat.interval.ms"
        if _value(config, session, own) <= _value(config, heartbeat, own):
            raise _refusal(session, gt, heartbeat)


def _check_bounds(config: BrokerConfig, name: str, own: Mapping[str, str]) -> None:
    value = _value(config, name, own)
    setting = GROUP_CONFIGS[name]
    if setting.low_field and value < getattr(config, setting.low_field):
        raise _refusal(name, ge, setting.low_field.replace("_", "."))
    if setting.high_field and value > getattr(config, setting.high_field):
        raise _refusal(name, le, setting.high_field.replace("_", "."))


def _value(config: BrokerConfig, name: str, own: Mapping[str, str]) -> int:
    defaults = _KAFKAS_OWN if name.startswith("streams.") else config
    return int(own.get(name, default_value(defaults, name)))


def _refusal(name: str, comparison: Comparison, bound: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_CONFIG, f"{name} must be {_WORDS[comparison]} {bound}")


_KAFKAS_OWN = BrokerConfig()
