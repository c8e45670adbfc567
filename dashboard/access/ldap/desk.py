"""The directory as the sign-in page asks it: off the event loop, few at once, never for long."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from dashboard.access.ldap.answers import Away, NotOurs, Person
from dashboard.access.ldap.line import Line
from dashboard.config import LdapConfig

AT_ONCE: Final = 4  # sign-ins that ask; others wait, within their own time
OUTCOMES: Final = ("done", "wrong", "no_role", "away")

Ask = Callable[[str, str, Line], Person | None]
"""Name, password, and what ends the question; blocks."""


class Directory:
    """Counts by outcome how sign-ins went, since the start."""

    def __init__(self, config: LdapConfig, ask: Ask) -> None:
        self.config = config
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._ask = ask
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="directory")
        self._under_way: set[Line] = set()

    async def person(self, name: str, password: str) -> Person | None:
        """None: there is no such name and password. Raises Away, NotOurs."""
        try:
            found = await self._asked(name, password)
        except Away:
            self.outcomes["away"] += 1
            raise
        except NotOurs:
            self.outcomes["no_role"] += 1
            raise
        self.outcomes["wrong" if found is None else "done"] += 1
        return found

    async def _asked(self, name: str, password: str) -> Person | None:
        line = Line()
        self._under_way.add(line)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.config.timeout_s):
                return await loop.run_in_executor(self._threads, self._ask, name, password, line)
        except TimeoutError as error:
            raise Away from error
        finally:
            line.cut()  # the thread ends as well, whoever stopped waiting
            self._under_way.discard(line)

    def close(self) -> None:
        """Whoever still waits for an answer gets none."""
        for line in list(self._under_way):
            line.cut()
        self._threads.shutdown(wait=False, cancel_futures=True)
