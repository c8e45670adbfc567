import logging
from collections.abc import Iterator

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.metadata.broker_loggers import alter_loggers, logger_levels
from broker.metadata.config_changes import AlterOperation, ConfigChange

NAME = "broker.made.for.a.test"
SET, DELETE, APPEND = AlterOperation.SET, AlterOperation.DELETE, AlterOperation.APPEND


@pytest.fixture(autouse=True)
def made() -> Iterator[logging.Logger]:
    """A logger that has no level of its own, and a root that gets its own back."""
    root_level = logging.getLogger().level
    logger = logging.getLogger(NAME)
    yield logger
    logger.setLevel(logging.NOTSET)
    logging.getLogger().setLevel(root_level)


def alter(*changes: ConfigChange, broker: str = "1", validate_only: bool = False) -> None:
    alter_loggers(broker, changes, 1, validate_only=validate_only)


@pytest.mark.parametrize(
    ("level", "python"),
    [("TRACE", 5), ("DEBUG", 10), ("INFO", 20), ("WARN", 30), ("ERROR", 40), ("FATAL", 50)],
)
def test_a_level_counts_at_once_and_is_told(made: logging.Logger, level: str, python: int) -> None:
    alter(ConfigChange(NAME, SET, level))

    assert made.level == python
    assert logger_levels()[NAME] == level


def test_without_a_level_of_its_own_a_logger_has_that_of_root() -> None:
    alter(ConfigChange(NAME, SET, "DEBUG"), ConfigChange("root", SET, "ERROR"))
    alter(ConfigChange(NAME, DELETE, None))

    assert (logger_levels()["root"], logger_levels()[NAME]) == ("ERROR", "ERROR")


def test_levels_between_kafkas_are_told_as_the_next_one_below(made: logging.Logger) -> None:
    made.setLevel(25)
    between = logger_levels()[NAME]
    made.setLevel(1)

    assert (between, logger_levels()[NAME]) == ("INFO", "TRACE")


def test_one_refusal_refuses_all_and_a_trial_changes_nothing(made: logging.Logger) -> None:
    with pytest.raises(KafkaError):
        alter(ConfigChange(NAME, SET, "DEBUG"), ConfigChange("nobody", SET, "DEBUG"))
    alter(ConfigChange(NAME, SET, "DEBUG"), validate_only=True)

    assert made.level == logging.NOTSET


@pytest.mark.parametrize(
    ("changes", "broker", "code"),
    [
        ([(NAME, SET, "DEBUG")], "2", ErrorCode.INVALID_REQUEST),
        ([(NAME, SET, "DEBUG")], "", ErrorCode.INVALID_REQUEST),
        ([(NAME, SET, "DEBUG")] * 2, "1", ErrorCode.INVALID_REQUEST),
        ([(NAME, APPEND, "DEBUG")], "1", ErrorCode.INVALID_REQUEST),
        ([(NAME, 9, "DEBUG")], "1", ErrorCode.INVALID_REQUEST),
        ([(NAME, SET, None)], "1", ErrorCode.INVALID_REQUEST),
        ([(NAME, SET, "debug")], "1", ErrorCode.INVALID_CONFIG),
        ([("nobody", DELETE, None)], "1", ErrorCode.INVALID_CONFIG),
        ([("root", DELETE, None)], "1", ErrorCode.INVALID_REQUEST),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    changes: list[tuple[str, int, str | None]], broker: str, code: ErrorCode
) -> None:
    with pytest.raises(KafkaError) as refusal:
        alter(*(ConfigChange(*change) for change in changes), broker=broker)

    assert refusal.value.code is code
