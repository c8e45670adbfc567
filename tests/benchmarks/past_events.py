"""Two years of a busy site and three smaller ones as events, for what reports cost.

Three visitors in ten are bots. People look at one to a dozen of 500 pages, come from 200 sources
and 60 countries, tell how long a page was in view, and now and then do something that has
properties or an amount; if it is wanted, each view of theirs measures five web vitals. The same
every time, but for where it ends.
"""

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from tracker.events import Event
from tracker.rollups import DAY_MS, HOUR_MS

DAYS: Final = 730
SITES: Final = {"big.example": 80, "mid.example": 12, "small.example": 6, "tiny.example": 2}
BIG: Final = "big.example"
EVENTS_A_VISITOR: Final = 3.9
PROPERTIES: Final = {"plan": ("free", "pro", "team"), "step": (1, 2, 3, 4, 5)}
VITALS: Final = {"lcp": 1_800.0, "inp": 120.0, "cls": 0.05, "fcp": 1_200.0, "ttfb": 400.0}
"""Name and median."""
ACTS: Final = ("Outbound Link", "Signup", "Download", "Purchase", "Video", "404")


class Popular:
    """Things of which the n-th is chosen one n-th as often as the first."""

    def __init__(self, chance: random.Random, things: Sequence[str]) -> None:
        self._chance = chance
        self._things = things
        self._reach = list(accumulate(1 / rank for rank in range(1, len(things) + 1)))

    def one(self) -> str:
        return self._things[bisect_left(self._reach, self._chance.random() * self._reach[-1])]


class Visitors:
    """Makes the events of one visitor of one day after the other."""

    def __init__(self, seed: int = 11, *, measuring: bool = False) -> None:
        self._chance = chance = random.Random(seed)
        self._measured = random.Random(seed) if measuring else None
        self._pages = Popular(chance, ["/", *(f"/docs/article-{one}" for one in range(499))])
        self._acts = Popular(chance, ACTS)
        words = {
            "country": [first + last for first in "ABCDEFGHIJ" for last in "CEGILN"],
            "region": [f"Region {one}" for one in range(300)],
            "city": [f"City {one}" for one in range(2_000)],
            "browser": ["Chrome", "Safari", "Edge", "Firefox", "Opera", "Samsung Internet"],
            "os": ["Windows", "iOS", "Android", "macOS", "Linux"],
            "device_type": ["desktop", "mobile", "tablet", "tv", "other"],
            "screen": [f"{width}x900" for width in range(800, 3_200, 60)],
            "language": ["en", "de", "fr", "es", "pt", "ja", "it", "nl"],
        }
        self._traits = {field: Popular(chance, things) for field, things in words.items()}
        arrivals = {
            "source": [f"source-{one}.example" for one in range(200)],
            "channel": ["Organic Search", "Direct", "Referral", "Social", "Email"],
            "referrer_host": [f"source-{one}.example" for one in range(200)],
        }
        self._arrivals = {field: Popular(chance, things) for field, things in arrivals.items()}
        self._campaigns = Popular(chance, [f"campaign-{one}" for one in range(40)])

    def day(self, day: int, visitors: int) -> list[Event]:
        """Of all sites, in order of time."""
        found: list[Event] = []
        for _ in range(visitors):
            at_ms = day * DAY_MS + int(20 * HOUR_MS * self._chance.betavariate(2.2, 1.8))
            found += self._visitor(at_ms)
        found.sort(key=lambda event: event.occurred_at)
        return [one for one in found if one.occurred_at < (day + 1) * DAY_MS]

    def _visitor(self, at_ms: int) -> Iterator[Event]:
        chance = self._chance
        is_bot = chance.random() < 0.3
        common: dict[str, Any] = {field: of.one() for field, of in self._traits.items()}
        common["site_id"] = chance.choices(list(SITES), list(SITES.values()))[0]
        common["visitor_id"] = f"{chance.getrandbits(64):016x}"
        common |= {"is_bot": True, "bot_reason": "user_agent"} if is_bot else {}
        arrival = {field: of.one() for field, of in self._arrivals.items()}
        if chance.random() < 0.2:
            arrival |= {"utm_source": "letter", "utm_medium": chance.choice(("email", "cpc"))}
            arrival["utm_campaign"] = self._campaigns.one()
        for _ in range(1 + min(12, int(chance.expovariate(0.7)))):
            yield from self._view(at_ms, common, arrival)
            arrival = {}
            at_ms += chance.randint(5_000, 200_000) + HOUR_MS * (chance.random() < 0.05)

    def _view(self, at_ms: int, common: dict[str, Any], arrival: dict[str, str]) -> Iterator[Event]:
        """A page view, what it tells of itself, and what is done there."""
        chance = self._chance
        common = {**common, "pathname": self._pages.one(), "page_view_id": self._id()}
        yield self._event("pageview", at_ms, common, arrival)
        if "is_bot" in common:
            return
        if self._measured is not None:
            for name, median in VITALS.items():
                amount = median * self._measured.lognormvariate(0, 0.8)
                found: dict[str, Any] = {"metric_name": name, "metric_value": amount}
                yield self._event("web-vitals", at_ms + 2_000, common, found)
        if chance.random() < 0.7:
            told = {"engagement_ms": chance.randint(500, 60_000), "interactive": False}
            told["scroll_depth"] = chance.randint(5, 100)
            yield self._event("engagement", at_ms + 3_000, common, told)
        if chance.random() < 0.2:
            done: dict[str, Any] = {
                "props": {name: chance.choice(of) for name, of in PROPERTIES.items()}
            }
            name = self._acts.one()
            if name == "Purchase":
                done["revenue_amount"] = f"{chance.randint(100, 20_000) / 100:.2f}"
                done["revenue_currency"] = chance.choice(("EUR", "USD"))
            yield self._event(name, at_ms + 4_000, common, done)

    def _event(self, name: str, at_ms: int, common: dict[str, Any], more: dict[str, Any]) -> Event:
        return Event(
            event_id=self._id(),
            event_name=name,
            received_at=at_ms,
            occurred_at=at_ms,
            **{**common, **more},
        )

    def _id(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128)))


def past_events(count: int, now_ms: int) -> Iterator[list[Event]]:
    """About `count` events, a list a day: more each week, fewer at weekends; the last day is
    today, all of it."""
    first = now_ms // DAY_MS - DAYS + 1
    weights = [0.6 + 0.4 * day / DAYS - 0.2 * (day % 7 > 4) for day in range(DAYS)]
    visitors = count / EVENTS_A_VISITOR / sum(weights)
    made = Visitors()
    for day, weight in enumerate(weights):
        yield made.day(first + day, int(weight * visitors))
