"""Places of a log at which readers met damage: each is told once, however often it is met."""

import logging

from broker.errors import DamagedLog
from broker.storage.log import Log
from broker.storage.segment import LOG_SUFFIX

PLACES_MAX = 100
"""So many places of a partition are told; `footfall doctor` names all of them."""

log = logging.getLogger(__name__)


class Damages:
    """Those of one partition. Readers in several threads report here."""

    def __init__(self, partition: object) -> None:
        """`partition`: as lines of the log name it."""
        self._partition = partition
        self._met: dict[tuple[str, int], DamagedLog] = {}

    def met(self, damage: DamagedLog) -> None:
        """Tell it, unless it was told before or too many others were."""
        place = (damage.path, damage.position)
        if place in self._met or len(self._met) > PLACES_MAX:
            return
        self._met[place] = damage
        if len(self._met) <= PLACES_MAX:
            log.critical("damage read: %s partition=%s", damage, self._partition)
        else:
            log.critical(
                "damage read at more than %d places, no more are told partition=%s",
                PLACES_MAX,
                self._partition,
            )

    def still_in(self, stored: Log) -> str:
        """The last that was met in a segment that is still there; "" when none."""
        if not self._met:
            return ""
        there = {segment.path(LOG_SUFFIX) for segment in stored.segments}
        still = [damage for damage in tuple(self._met.values()) if damage.path in there]
        return str(still[-1]) if still else ""
