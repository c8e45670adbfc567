"""Step: flags what is not a person. Bots are kept and flagged, never dropped.

The patterns are those of the package crawler-user-agents, in one RE2 automaton.
"""

from typing import Final

import crawleruseragents
import re2

from tracker.events import Event
from tracker.ingest.cache import BoundedCache
from tracker.ingest.visit import Visit

CACHE_SIZE: Final = 10_000
PATTERN_MEMORY_BYTES: Final = 64 << 20  # RE2's bound on the automaton of 1,500 patterns
REASON_CHARS_MAX: Final = 60
NO_USER_AGENT: Final = "no_user_agent"
USER_AGENT_CHARS_MAX: Final = 1_000


class Bots:
    """Answers why a user agent is a bot's, from a bounded memory of what it answered before."""

    def __init__(self) -> None:
        options = re2.Options()
        options.max_mem = PATTERN_MEMORY_BYTES
        patterns = (entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA)
        self._pattern = re2.compile("|".join(f"(?:{one})" for one in patterns), options=options)
        self.reason = BoundedCache(self._match, CACHE_SIZE)

    def apply(self, event: Event, visit: Visit) -> None:
        if visit.server_side and not visit.user_agent:
            return  # a server with a token need not tell
        reason = self.reason(visit.user_agent[:USER_AGENT_CHARS_MAX])
        if reason is not None:
            event.is_bot = True
            event.bot_reason = reason

    def _match(self, user_agent: str) -> str | None:
        """What gave the bot away: the matching part of its user agent; None: looks like a person.

        The matched words come from a public list, so nothing personal is kept with them.
        """
        if not user_agent.strip():
            return NO_USER_AGENT
        found = self._pattern.search(user_agent)
        return f"user_agent:{found.group(0)[:REASON_CHARS_MAX]}" if found else None
