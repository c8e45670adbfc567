"""Events for tests: plain defaults, and Hypothesis strategies that make a small busy world."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tracker.events import Event

DAY_MS = 86_400_000
YEAR_10000_MS = 253_402_300_800_000
MIDNIGHT_MS = 20_000 * DAY_MS  # 2024-10-04T00:00Z, a whole UTC day


def made_event(number: int = 0, **fields: Any) -> Event:
    """An event whose id is `number`; every field can be said."""
    base: dict[str, Any] = {
        "event_id": str(UUID(int=number)),
        "event_name": "pageview",
        "site_id": "example.com",
        "received_at": MIDNIGHT_MS,
        "occurred_at": MIDNIGHT_MS,
        "visitor_id": "00000000000000aa",
        "pathname": "/",
        "source": "Direct",
    }
    return Event(**{**base, **fields})


@st.composite
def events(draw: st.DrawFn, max_size: int = 40) -> list[Event]:
    """Events of two sites, few visitors and pages, over three days; visitor ids change daily."""
    count = draw(st.integers(0, max_size))
    found = []
    for number in range(count):
        at_ms = MIDNIGHT_MS + draw(
            st.one_of(
                st.integers(0, 3 * DAY_MS - 1),
                st.integers(0, 72).map(lambda hour: min(hour * 3_600_000, 3 * DAY_MS - 1)),
                st.integers(DAY_MS - 3_600_000, DAY_MS + 3_600_000),
            )
        )
        is_bot = draw(st.integers(0, 9)) == 0
        found.append(
            made_event(
                number + 1,
                event_name=draw(
                    st.sampled_from(["pageview"] * 4 + ["Signup", "engagement", "asset"])
                ),
                site_id=draw(st.sampled_from(["example.com", "other.org"])),
                occurred_at=at_ms,
                visitor_id=f"{at_ms // DAY_MS}-{draw(st.integers(0, 3))}",
                pathname=draw(st.sampled_from(["/", "/a", "/b", None])),
                source=draw(st.sampled_from(["Direct", "Google", None])),
                country=draw(st.sampled_from(["DE", "FR", None])),
                is_bot=is_bot,
                bot_reason=draw(st.sampled_from(["user_agent", None])) if is_bot else None,
                interactive=draw(st.booleans()),
            )
        )
    return found
