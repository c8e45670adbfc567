"""What a setting is: Kafka's name, type, bounds, and where its value comes from without one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from broker.config import INT32_MAX, INT64_MAX, BrokerConfig
from broker.errors import ErrorCode, KafkaError


class ConfigType(IntEnum):
    """Kafka's numbers in DescribeConfigs v3."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


WIDTHS = {
    ConfigType.SHORT: (-(2**15), 2**15 - 1),
    ConfigType.INT: (-(2**31), INT32_MAX),
    ConfigType.LONG: (-(2**63), INT64_MAX),
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DOUBLE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_REPLICAS = re.compile(r"\d+:\d+")


@dataclass(frozen=True, slots=True)
class ConfigDefinition:
    """One setting. `default` None: it has no value until it is given one."""

    name: str
    type: ConfigType
    default: str | None
    documentation: str
    broker_field: str = ""
    """The field of BrokerConfig that holds its default; "" when there is none."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    broker_names: tuple[str, ...] = ()
    """Broker settings that count when this one has no value, first come, first served."""
    besides: int | None = None
    """A value that is allowed outside the bounds."""

    @property
    def broker_chain(self) -> tuple[str, ...]:
        """Kafka's names of the broker settings behind this one; empty when there are none."""
        if self.broker_names or not self.broker_field:
            return self.broker_names
        return (self.broker_field.replace("_", "."),)

    def default_of(self, config: BrokerConfig, dynamic: Mapping[str, str]) -> str:
        """The value of a topic that has none of its own; `dynamic`: broker settings by name."""
        for name in self.broker_chain:
            if name in dynamic:
                return dynamic[name]
        if self.broker_field:
            return config_text(getattr(config, self.broker_field))
        assert self.default is not None
        return self.default

    def check(self, value: str) -> None:
        """Raise INVALID_CONFIG when `value` cannot be a value of this setting."""
        if self.type in WIDTHS:
            low, high = WIDTHS[self.type]
            if _INTEGER.fullmatch(value.strip()) is None or not low <= int(value) <= high:
                raise self._refused(value, f"Not a number of type {self.type.name}")
            self._check_bounds(str(int(value)), int(value))
        elif self.type is ConfigType.DOUBLE:
            if _DOUBLE.fullmatch(value.strip()) is None:
                raise self._refused(value, "Not a number of type DOUBLE")
            self._check_bounds(str(float(value)), float(value))
        elif self.type is ConfigType.BOOLEAN:
            if value.strip().lower() not in ("true", "false"):
                raise self._refused(value, "Expected value to be either true or false")
        elif self.type is ConfigType.LIST:
            for item in split_list(value):
                self._check_choice(item)
        else:
            self._check_choice(value)

    def _check_bounds(self, value: str, number: float) -> None:
        if self.besides is not None:
            if number != self.besides and not self._is_within(number):
                raise self._refused(
                    value,
                    f"Value must be between {self.low} and {self.high} or equal to {self.besides}",
                )
        elif self.low is not None and number < self.low:
            raise self._refused(value, f"Value must be at least {self.low}")
        elif self.high is not None and number > self.high:
            raise self._refused(value, f"Value must be no more than {self.high}")

    def _is_within(self, number: float) -> bool:
        assert self.low is not None
        assert self.high is not None
        return self.low <= number <= self.high

    def _check_choice(self, value: str) -> None:
        if self.choices and value not in self.choices:
            raise self._refused(value, f"String must be one of: {', '.join(self.choices)}")

    def _refused(self, value: str, reason: str) -> KafkaError:
        return KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Invalid value {value} for configuration {self.name}: {reason}",
        )


def check_throttled_replicas(name: str, value: str) -> None:
    """INVALID_CONFIG unless the value is `*` or a list of partition:broker pairs."""
    items = split_list(value)
    if value.strip() != "*" and any(_REPLICAS.fullmatch(item) is None for item in items):
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Invalid value [{', '.join(items)}] for configuration {name}: {name} must be the"
            " literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],"
            "[partitionId]:[brokerId],...",
        )


def config_text(value: object) -> str:
    """A setting as Kafka writes it: lower-case booleans, lists with commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def split_list(value: str) -> list[str]:
    """The items of a list setting."""
    return [item.strip() for item in value.split(",") if item.strip()]
