"""Asks the bundled broker when it appended what groups wait for: POST /append-times on its metrics
port (docs/adr/0032). No other broker answers this; one that does not costs a look nothing but that.
"""

import json
import logging
from collections.abc import Mapping
from typing import Final

import aiohttp

from dashboard.cluster.lag import Appended, Place
from dashboard.http_body import whole_body

log = logging.getLogger(__name__)

PATH: Final = "/append-times"
PLACES_MAX: Final = 2_000  # of one question, as the broker takes them
PLACES_PER_LOOK_MAX: Final = 10_000  # the others keep what is known of them until the next
TIMEOUT_S: Final = 1.5
ANSWER_BYTES_MAX: Final = 1 << 20


class AppendTimes:
    """One broker's; `url` is that of its metrics."""

    def __init__(self, url: str) -> None:
        self._url = url.removesuffix("/").removesuffix("/metrics") + PATH

    async def told(self, wanted: Mapping[Place, int]) -> dict[Place, Appended]:
        """When the record at each offset was appended; places of which nothing is known left out.

        Empty when the broker does not answer.
        """
        asked = list(wanted.items())[:PLACES_PER_LOOK_MAX]
        found: dict[Place, Appended] = {}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                for begin in range(0, len(asked), PLACES_MAX):
                    found |= await self._ask(session, asked[begin : begin + PLACES_MAX])
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.debug("append times not told reason=%s", error)
        return found

    async def _ask(
        self, session: aiohttp.ClientSession, asked: list[tuple[Place, int]]
    ) -> dict[Place, Appended]:
        places = [[place[0].topic, place[0].partition, offset] for place, offset in asked]
        async with session.post(self._url, json={"places": places}) as answer:
            if answer.status != 200:
                raise aiohttp.ClientError(f"status {answer.status}")
            body = await whole_body(answer, ANSWER_BYTES_MAX)
        return _told(asked, body)


def _told(asked: list[tuple[Place, int]], body: bytes) -> dict[Place, Appended]:
    """ValueError for what is not an answer."""
    match json.loads(body):
        case {"times": list(times)} if len(times) == len(asked):
            return {
                place: Appended(offset, int(time[0]), int(time[1]))
                for (place, offset), time in zip(asked, times, strict=True)
                if isinstance(time, list) and len(time) == 2
            }
    raise ValueError("no times in the answer")
