"""Asks the bundled broker what became of the records that a share group was given: GET
/share-deliveries on its metrics port (docs/adr/0032). Kafka's protocol tells of the start offset
and of the lag alone, so of no other cluster anybody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from dashboard.asked import Asked
from dashboard.rest import Owner, Rest, RestAccess
from tracker.clock import Clock
from tracker.kafka.admin import ClusterUnavailable
from tracker.topics import TopicPartition

TIMEOUT_S: Final = 1.5
GROUPS_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Delivered:
    """Numbers of offsets from a partition's start offset on; none counts what was never given."""

    in_flight: int  # locked for a member
    again: int  # came back: they are given again
    done: int  # done with, while one before them is not


Deliveries = Mapping[TopicPartition, Delivered]


class DeliveryDesk:
    """One broker's; `url` is that of its metrics."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Raises SettingsError for what is no address."""
        access = RestAccess(url.removesuffix("/").removesuffix("/metrics"))
        self._rest = Rest(access, Owner("role_metrics", "role_metrics"), timeout_s=TIMEOUT_S)
        self._clock = clock
        self._asked: dict[str, Asked[Deliveries]] = {}

    async def of(self, group_id: str) -> Deliveries | None:
        """At most ten seconds old; None when the broker does not tell."""
        if group_id not in self._asked:
            if len(self._asked) >= GROUPS_KEPT:
                self._asked.clear()
            self._asked[group_id] = Asked(partial(self._ask, group_id), self._clock)
        answer = await self._asked[group_id].answer()
        return None if answer.trouble else answer.value

    def _ask(self, group_id: str) -> Deliveries:
        query = urlencode({"group": group_id}, errors="surrogatepass")
        return told(self._rest.ask("GET", f"/share-deliveries?{query}"))


def told(body: Any) -> Deliveries:
    """Raises ClusterUnavailable for what is no answer."""
    found = {}
    rows = body.get("partitions") if isinstance(body, dict) else None
    for row in rows if isinstance(rows, list) else [None]:
        match row:
            case [str(topic), int(index), int(in_flight), int(again), int(done)]:
                found[TopicPartition(topic, index)] = Delivered(in_flight, again, done)
            case _:
                raise ClusterUnavailable("it answered something else than deliveries")
    return found
