"""What pages ask of single brokers when somebody looks: settings, and racks of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from dashboard.asked import Asked
from tracker.clock import Clock
from tracker.kafka.answers import ConfigValue

ASK_S: Final = 5.0
BROKERS_KEPT: Final = 1_000

Settings = Mapping[str, ConfigValue]


class BrokerQuestions(Protocol):
    """Answered by tracker.kafka.admin.Admin."""

    def broker_configs(
        self, broker_ids: Sequence[int], timeout_s: float
    ) -> dict[str, dict[str, ConfigValue]]: ...
    def racks(self, timeout_s: float) -> dict[int, str]: ...


@dataclass(frozen=True, slots=True)
class BrokerDesk:
    """One cluster's brokers."""

    admin: BrokerQuestions
    clock: Clock
    racks: Asked[dict[int, str]]
    _settings: dict[int, Asked[Settings]] = field(default_factory=dict)

    def settings(self, broker_id: int) -> Asked[Settings]:
        """Of a broker that is there; what is remembered of those that are gone is bounded."""
        if broker_id not in self._settings:
            if len(self._settings) >= BROKERS_KEPT:
                self._settings.clear()
            self._settings[broker_id] = Asked(partial(self._ask, broker_id), self.clock)
        return self._settings[broker_id]

    def forget(self) -> None:
        """After a change."""
        for asked in self._settings.values():
            asked.forget()

    def _ask(self, broker_id: int) -> Settings:
        return self.admin.broker_configs([broker_id], ASK_S).get(str(broker_id), {})


def broker_desk(admin: BrokerQuestions, clock: Clock) -> BrokerDesk:
    return BrokerDesk(admin, clock, Asked(lambda: admin.racks(ASK_S), clock))
