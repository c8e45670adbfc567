"""Levels of the loggers of this process (resource type 8), under Kafka's names of levels.

Loggers are Python's: `broker.server.connection`, the libraries' own, and `root`, which all others
take their level from until they are given one. Nothing of it outlives the process, as in Kafka.
"""

import logging
from collections.abc import Sequence

from broker.errors import ErrorCode, KafkaError
from broker.metadata.config_changes import AlterOperation, ConfigChange, check_steps

ROOT = "root"
TRACE = 5
"""Below DEBUG; Python knows none, and nothing here logs with it."""
LEVELS = {
    "DEBUG": logging.DEBUG,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "INFO": logging.INFO,
    "TRACE": TRACE,
    "WARN": logging.WARNING,
}


def logger_levels() -> dict[str, str]:
    """The level that counts for each logger there is, by name."""
    known = sorted(logging.root.manager.loggerDict.items())
    loggers = {name: logger for name, logger in known if isinstance(logger, logging.Logger)}
    return {
        name: _level_name(logger.getEffectiveLevel())
        for name, logger in {ROOT: logging.getLogger(), **loggers}.items()
    }


def alter_loggers(
    broker: str, changes: Sequence[ConfigChange], node_id: int, *, validate_only: bool
) -> None:
    """Set and unset levels, all or none. Raises INVALID_REQUEST or INVALID_CONFIG."""
    check_steps(changes)
    _check_node(broker, node_id)
    for change in changes:
        _check(change)
    if validate_only:
        return
    for change in changes:
        level = logging.NOTSET
        if change.operation == AlterOperation.SET:
            level = LEVELS[change.value or ""]
        logging.getLogger(None if change.name == ROOT else change.name).setLevel(level)


def _check_node(broker: str, node_id: int) -> None:
    if not broker.removeprefix("-").isdecimal():
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Node id must be an integer, but it is: {broker}"
        )
    if int(broker) != node_id:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Unexpected node id. Expected {node_id}, but received {broker}",
        )


def _check(change: ConfigChange) -> None:
    name, operation = change.name, change.operation
    if operation not in list(AlterOperation):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown operations type {operation}")
    if operation in (AlterOperation.APPEND, AlterOperation.SUBTRACT):
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"{AlterOperation(operation).name} operation is not allowed for the BROKER_LOGGER"
            " resource",
        )
    if name not in logger_levels():
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Logger {name} does not exist!")
    if operation == AlterOperation.DELETE and name == ROOT:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, "Removing the log level of the root logger is not allowed"
        )
    if operation == AlterOperation.SET and change.value not in LEVELS:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Cannot set the log level of {name} to {change.value} as it is not a supported log"
            f" level. Valid log levels are {', '.join(LEVELS)}",
        )


def _level_name(level: int) -> str:
    """Kafka's name of the highest level that lets through no more than this one."""
    at_most = [(value, name) for name, value in LEVELS.items() if value <= level]
    return max(at_most)[1] if at_most else "TRACE"
