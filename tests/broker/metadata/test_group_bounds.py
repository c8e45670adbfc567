"""The refusals are those of Apache Kafka 4.2.0 with the same settings of its broker."""

from dataclasses import replace
from typing import Any

import pytest

from broker.config import BrokerConfig
from broker.errors import ErrorCode, KafkaError
from broker.metadata.group_bounds import check_broker_bounds, check_group_configs
from footfall.settings import SettingsError

WIDE = replace(
    BrokerConfig(),
    group_consumer_min_session_timeout_ms=46_000,
    group_consumer_session_timeout_ms=46_000,
    group_consumer_max_heartbeat_interval_ms=55_000,
    group_share_max_heartbeat_interval_ms=50_000,
)
C_SESSION, C_HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
S_SESSION, S_HEARTBEAT = "share.session.timeout.ms", "share.heartbeat.interval.ms"


@pytest.mark.parametrize("protocols", [(), ("consumer",), ("classic", "old")])
def test_classic_groups_cannot_be_switched_off_nor_protocols_be_made_up(
    protocols: tuple[str, ...],
) -> None:
    config = replace(BrokerConfig(), group_coordinator_rebalance_protocols=protocols)

    with pytest.raises(SettingsError, match="must be classic and those wanted of consumer"):
        check_broker_bounds(config)


def test_the_defaults_fit_together() -> None:
    check_broker_bounds(BrokerConfig())
    check_group_configs(BrokerConfig(), {})


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({C_SESSION: "45999"}, f"{C_SESSION} must be greater than or equal to group.consumer.min"),
        ({C_SESSION: "60001"}, f"{C_SESSION} must be less than or equal to group.consumer.max"),
        ({C_HEARTBEAT: "50000"}, f"{C_SESSION} must be greater than {C_HEARTBEAT}"),
        ({C_HEARTBEAT: "46000"}, f"{C_SESSION} must be greater than {C_HEARTBEAT}"),
        ({S_HEARTBEAT: "45000"}, f"{S_SESSION} must be greater than {S_HEARTBEAT}"),
        (
            {"streams.num.standby.replicas": "3"},
            (
                "streams.num.standby.replicas must be less than or equal to"
                " group.streams.max.standby.replicas"
            ),
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    values: dict[str, str | None], refusal: str
) -> None:
    with pytest.raises(KafkaError, match=refusal) as refused:
        check_group_configs(WIDE, values)

    assert refused.value.code is ErrorCode.INVALID_CONFIG


def test_what_a_group_was_not_given_counts_as_the_broker_s_value() -> None:
    check_group_configs(WIDE, {C_HEARTBEAT: "45500"})
    check_group_configs(WIDE, {S_SESSION: "48000", S_HEARTBEAT: "47000"})


def test_for_streams_groups_kafka_s_own_defaults_count() -> None:
    """As in Kafka 4.2: no setting at all can be given to a group until these are given as well."""
    slow = replace(
        BrokerConfig(),
        group_streams_min_heartbeat_interval_ms=6000,
        group_streams_heartbeat_interval_ms=6000,
    )

    with pytest.raises(KafkaError, match=r"streams\.heartbeat\.interval\.ms must be greater"):
        check_group_configs(slow, {"share.isolation.level": "read_committed"})


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (
            {"group_share_session_timeout_ms": 44_000},
            (
                "group_share_session_timeout_ms in [broker] must be greater than or equal to"
                " group_share_min_session_timeout_ms"
            ),
        ),
        (
            {
                "group_consumer_max_heartbeat_interval_ms": 50_000,
                "group_consumer_heartbeat_interval_ms": 45_000,
            },
            (
                "group_consumer_heartbeat_interval_ms in [broker] must be less than"
                " group_consumer_session_timeout_ms"
            ),
        ),
        (
            {"group_share_max_share_sessions": 199},
            (
                "group_share_max_share_sessions in [broker] must be greater than or equal to"
                " group_share_max_size"
            ),
        ),
    ],
)
def test_a_broker_whose_settings_do_not_fit_together_does_not_start(
    changes: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        check_broker_bounds(replace(BrokerConfig(), **changes))

    assert str(refused.value) == refusal
