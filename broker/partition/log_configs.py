"""From a topic's settings, as text in the metadata, to the numbers its logs work with."""

import dataclasses
from collections.abc import Mapping

from broker.config import BrokerConfig
from broker.metadata.config_definition import split_list
from broker.storage.log import LogConfig

METADATA_MESSAGE_BYTES_MAX = 2**31 - 1  # a snapshot of the metadata is one batch


def log_config(values: Mapping[str, str], config: BrokerConfig) -> LogConfig:
    """`values` are all settings of a topic under Kafka's names, checked when they were set."""
    numbers = {}
    for field in dataclasses.fields(LogConfig):
        text = values.get(field.name.replace("_", "."))
        if text is None:
            continue
        kind = type(field.default)
        if kind in (int, float, str):
            numbers[field.name] = kind(text)
    return dataclasses.replace(
        LogConfig(),
        cleanup_policy=frozenset(split_list(values["cleanup.policy"])),
        producer_id_expiration_ms=config.producer_id_expiration_ms,
        **numbers,
    )


def metadata_log_config(config: BrokerConfig) -> LogConfig:
    """The metadata log is kept whole; it is begun anew by snapshots, never by age."""
    return LogConfig(
        retention_ms=-1,
        max_message_bytes=METADATA_MESSAGE_BYTES_MAX,
        producer_id_expiration_ms=config.producer_id_expiration_ms,
    )
