"""Looks once a minute how many visitors each site has, for alerts and metrics."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from dashboard.activity.desk import ReportDesk, Unreadable
from tracker.reports.crowds import Crowd

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 60.0


class CrowdWatch:
    """What was seen last; nothing while the figures cannot be read."""

    def __init__(self) -> None:
        self.seen: Sequence[Crowd] = ()

    async def run(self, desk: ReportDesk) -> None:
        """Looks until cancelled."""
        while True:
            await self.look(desk)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, desk: ReportDesk) -> None:
        try:
            self.seen = await desk.crowds()
        except Unreadable as error:
            log.debug("visitors of sites not read reason=%s", error)
            self.seen = ()
