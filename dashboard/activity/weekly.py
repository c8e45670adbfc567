"""Every Monday morning (06:00 UTC) a letter about the week that is over goes to who wants it.

Which week each way was told is kept in a file, so that a restart tells none twice and an away mail
server gets it when it is back. A way that is new begins with the next week.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dashboard.activity.desk import Question, Report, ReportDesk, Unreadable
from dashboard.activity.interval import Interval
from dashboard.activity.letter import TABLES, Letter, Week, last_week, letter
from dashboard.alerts.courier import FAILURES, SEND_TIMEOUT_S
from tracker.clock import Clock
from tracker.json_file import VERSION, refuse_newer
from tracker.rollups import HOUR_MS, MINUTE_MS
from tracker.secret_file import replace_file

log = logging.getLogger(__name__)

MORNING_MS: Final = 6 * HOUR_MS
LOOK_EVERY_S: Final = 60.0
SENT, FAILED = "sent", "failed"
AGAIN_AFTER_MS: Final = 10 * MINUTE_MS
STORE: Final = 1  # version of the file

Deliver = Callable[[Letter], Awaitable[None]]
"""Raises one of FAILURES."""


class WeeklyPost:
    """`run` for as long as the dashboard does."""

    def __init__(
        self, desk: ReportDesk, ways: Mapping[str, Deliver], kept: Path, clock: Clock, base_url: str
    ) -> None:
        self._desk = desk
        self._ways = ways
        self._kept = kept
        self._clock = clock
        self._base_url = base_url
        self._not_before_ms = 0
        self._told = self._read()
        self.outcomes = {(name, how): 0 for name in ways for how in (SENT, FAILED)}

    @property
    def ways(self) -> tuple[str, ...]:
        """How letters go: mail, chat."""
        return tuple(self._ways)

    async def run(self) -> None:
        """Looks once a minute until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Sends what is due; what fails is tried again after ten minutes."""
        now_ms = self._clock.now_ms()
        week = last_week(now_ms - MORNING_MS)
        for name in self._ways.keys() - self._told.keys():
            await self._note(name, week)
        due = [name for name in self._ways if self._told[name] < week.first_day]
        if not due or now_ms < self._not_before_ms:
            return
        self._not_before_ms = now_ms + AGAIN_AFTER_MS
        try:
            what = letter(week, await self._reports(week), self._base_url)
        except Unreadable as error:
            log.warning("the letter about the week waits: %s", error)
            return
        for name in due:
            if what is None or not await self._deliver(name, what):
                await self._note(name, week)

    async def send_now(self) -> list[tuple[str, str]] | None:
        """The letter about the last week that is over, to everybody: ways, and what went wrong.

        None where there is nothing to tell. What is due on Monday goes then as well. Raises
        Unreadable.
        """
        week = last_week(self._clock.now_ms())
        what = letter(week, await self._reports(week), self._base_url)
        if what is None:
            return None
        return [(name, await self._deliver(name, what)) for name in self._ways]

    async def _reports(self, week: Week) -> list[tuple[str, Report]]:
        found = []
        for row in await self._desk.sites():
            before = (2 * week.start_ms - week.end_ms, week.start_ms)
            question = Question(
                row.site,
                week.start_ms,
                week.end_ms,
                Interval.DAY,
                tuple(dimension for dimension, _ in TABLES),
                before=before,
            )
            found.append((row.site, await self._desk.report(question)))
        return found

    async def _deliver(self, name: str, what: Letter) -> str:
        """Why it did not go; empty when it went."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._ways[name](what)
        except FAILURES as error:
            log.warning("letter about the week not sent way=%s reason=%s", name, error)
            self.outcomes[name, FAILED] += 1
            return str(error) or type(error).__name__
        self.outcomes[name, SENT] += 1
        return ""

    async def _note(self, name: str, week: Week) -> None:
        self._told[name] = week.first_day
        try:
            kept = msgspec.json.encode({VERSION: STORE} | self._told)
            await asyncio.to_thread(replace_file, self._kept, kept)
        except OSError as error:
            log.warning("a restart may send the letter about the week again: %s", error)

    def _read(self) -> dict[str, int]:
        """By way, the first day of the week told last. Raises StoreTooNew."""
        try:
            body = msgspec.json.decode(self._kept.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.DecodeError):
            return {}
        refuse_newer(body, self._kept, STORE)
        body.pop(VERSION, None)
        return body
