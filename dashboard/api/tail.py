"""GET /api/v1/topics/<name>/tail: the newest records of a topic as server-sent events.

    event: rows   data: {"rows": [...], "passed": offsets that nobody read, "missed": looks,
                         "untested": records that the expression fails on, "why"}
    event: end    data: {"why": "..."}, then the stream is closed

Filters are those of the message browser. A stream ends by itself after ten minutes.
"""

import asyncio
import contextlib
import json
from collections import Counter
from typing import Final

from aiohttp import web

from dashboard.cluster.fitting import Wish
from dashboard.cluster.follow import Followed, Turn
from dashboard.filters.expressions import TooCostly
from dashboard.pages import messages
from dashboard.pages.page import NotFound, Visit, poller_of
from dashboard.state import State
from dashboard.stream import HEADERS, push
from tracker.kafka.admin import ClusterUnavailable

WATCHERS_MAX: Final = 100
TOPICS_MAX: Final = 20
LASTS_MS: Final = 600_000
PING_TURNS: Final = 15

_Place = tuple[str, str]
"""cluster, topic"""


class Tail:
    """Who follows what."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._followed: dict[_Place, Followed] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send rows until the page goes away, the topic does, or ten minutes are over."""
        name = request.match_info["name"] or request.query.get("name", "")
        poller = poller_of(self._state, request.query)
        visit = Visit(self._state, poller, request.query, name)
        if visit.snapshot is None or name not in visit.snapshot.topics:
            raise NotFound(f"There is no topic {name!r} in this cluster.")
        if why := messages.why_not(visit, name):
            raise web.HTTPForbidden(text=why)
        messages.refuse_unknown_partition(visit, visit.snapshot.topics[name])
        wish = messages.wish(visit)
        await self._state.browser(poller).check(wish)
        followed = self._follow((poller.settings.name, name), visit)
        response = web.StreamResponse(headers=HEADERS)
        followed.watchers += 1
        try:
            with contextlib.suppress(ClusterUnavailable):  # the next look says it in the stream
                await followed.after(followed.sequence, visit.snapshot.topics[name])
            await response.prepare(request)  # what arrives from here on is shown
            why = await self._send(response, followed, visit, request)
            end = f"event: end\ndata: {json.dumps({'why': why})}\n\n"
            await push(request, response, end.encode())
        except ConnectionResetError:
            pass  # the page is closed, or was cut
        finally:
            followed.watchers -= 1
            if not followed.watchers:
                self._followed.pop((poller.settings.name, name), None)
        return response

    def _follow(self, place: _Place, visit: Visit) -> Followed:
        """Raises HTTPServiceUnavailable when too many follow already."""
        watchers = sum(one.watchers for one in self._followed.values())
        full = place not in self._followed and len(self._followed) >= TOPICS_MAX
        if full or watchers >= WATCHERS_MAX:
            raise web.HTTPServiceUnavailable(
                text="too many pages follow topics", headers={"Retry-After": "30"}
            )
        if place not in self._followed:
            browser = self._state.browser(visit.poller)
            self._followed[place] = Followed(browser, self._state.clock)
        return self._followed[place]

    async def _send(
        self,
        response: web.StreamResponse,
        followed: Followed,
        visit: Visit,
        request: web.Request,
    ) -> str:
        """Returns why it is over."""
        wish, clock = messages.wish(visit), self._state.clock
        until_ms = clock.monotonic_ms() + LASTS_MS
        seen, quiet = followed.sequence, 0
        while clock.monotonic_ms() < until_ms:
            topic = visit.snapshot.topics.get(visit.name) if visit.snapshot is not None else None
            if topic is None:
                return "The topic is gone."
            if not self._state.guard.still_in(request):
                return "Signed out."
            try:
                turns, missed = await followed.after(seen, topic)
                await followed.test(turns, wish)
            except ClusterUnavailable as error:
                return f"The cluster did not answer: {error}."
            except TooCostly as error:
                return f"Paused: {error}."
            quiet = 0 if turns else quiet + 1
            if turns:
                seen = turns[-1].sequence
                await push(request, response, _event(turns, missed, wish))
            elif quiet == 1 or quiet % PING_TURNS == 0:
                await push(request, response, b": nothing new\n\n")
            await asyncio.sleep(followed.wait_s())
        return "Paused by itself after 10 minutes."


def _event(turns: list[Turn], missed: int, wish: Wish) -> bytes:
    rows = ",".join(row for turn in turns for row in turn.rows(wish))
    looked = sum(len(turn.records) for turn in turns)
    passed = sum(turn.passed for turn in turns)
    untested = sum((turn.untested(wish) for turn in turns), Counter())
    told = {
        "looked": looked,
        "passed": passed,
        "missed": missed,
        "untested": untested.total(),
        "why": next((why for why, _ in untested.most_common(1)), ""),
    }
    body = f'{{"rows":[{rows}],{json.dumps(told)[1:]}'
    return f"event: rows\ndata: {body}\n\n".encode()
